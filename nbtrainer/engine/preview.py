"""Pictures of fixed tiles: image, truth, prediction, errors; the same tiles at every validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import imageio.v3 as imageio
import numpy as np

from nbtrainer.data.images import Images
from nbtrainer.data.overlay import ORANGE, SKY, Colour, enlarge, grey, limits, mark_boundaries
from nbtrainer.data.patch_sampler import grid_centres
from nbtrainer.data.views import Slices
from nbtrainer.disk import write_aside
from nbtrainer.tasks import Task

TILE_PX = 256
GAP_PX = 4
# tiles are chosen among this many of an image
_MOST_CANDIDATES = 64

TOO_MUCH, MISSED = ORANGE, SKY
LINE = (255, 255, 255)


@dataclass(frozen=True)
class Tile:
    """A part of image `index`: of a volume, of one slice."""

    index: int
    region: Slices


def choose_tiles(images: Images, task: Task, count: int) -> list[Tile]:
    """One tile in each of the first `count` images, where foreground and background are most evenly mixed."""
    tiles = []
    for index in range(min(count, len(images))):
        label = images.views(index)[1]
        size = [1] * (len(label.shape) - 2) + [min(TILE_PX, length) for length in label.shape[-2:]]
        centres = grid_centres(label.shape, size=size, overlap=0)
        candidates = []
        for place in np.unique(np.linspace(0, len(centres) - 1, _MOST_CANDIDATES).astype(int)):
            starts = [round(at - (length - 1) / 2) for at, length in zip(centres[place], size, strict=True)]
            region = tuple(slice(start, start + length) for start, length in zip(starts, size, strict=True))
            candidates.append((abs(float(task.is_foreground(label.read(region)).mean()) - 0.5), region))
        tiles.append(Tile(index, min(candidates, key=lambda candidate: candidate[0])[1]))
    return tiles


def write_preview(path: Path, images: Images, task: Task, tiles: Sequence[Tile], outputs: Sequence[np.ndarray]) -> None:
    """Write a picture to `path`: a row for each tile; columns image, truth, prediction, errors; gaps transparent.

    `outputs`: of the network for each tile, (K, [1,] Y, X).
    """
    rows = []
    for tile, output in zip(tiles, outputs, strict=True):
        image, label = (view.read(tile.region) for view in images.views(tile.index))
        plane = _plane(image, 3)
        plain = grey(plane, limits(plane))
        truth, known = (_plane(mask, 2) for mask in (task.class_of(label), task.valid_mask(label)))
        decoded = task.decode(output)
        predicted = _plane(task.predicted_class_of(decoded), 2)
        objects = task.objects(label, images.links(tile.index))
        wrong = known & (predicted != truth)
        cells = [
            plain,
            _blend_labels(plain, task.colours, truth if objects is None else _plane(objects, 2)),
            _blend_labels(plain, task.colours, predicted if objects is None else _plane(decoded, 2)),
            _blend_mask(
                _blend_mask(plain, mask=wrong & (predicted > 0), colour=TOO_MUCH, share=0.85),
                mask=wrong & (predicted == 0),
                colour=MISSED,
                share=0.85,
            ),
        ]
        rows.append([_cell(cell) for cell in cells])
    height = len(rows) * (TILE_PX + GAP_PX) - GAP_PX
    width = 4 * (TILE_PX + GAP_PX) - GAP_PX
    canvas = np.zeros((height, width, 4), np.uint8)
    for row, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            top, left = row * (TILE_PX + GAP_PX), column * (TILE_PX + GAP_PX)
            canvas[top : top + TILE_PX, left : left + TILE_PX] = cell
    with write_aside(path, is_synced=False) as aside:
        imageio.imwrite(aside, canvas)


def _plane(array: np.ndarray, axes: int) -> np.ndarray:
    """`array` without the axis of its one slice, if it is part of a volume."""
    return array if array.ndim == axes else array.squeeze(axis=-3)


def _blend_labels(picture: np.ndarray, colours: Sequence[Colour], labels: np.ndarray) -> np.ndarray:
    """`picture` with each label in a colour of its own; touching objects are parted by a line."""
    blended = picture.copy()
    for number, colour in enumerate(colours):
        own = (labels > 0) & ((labels - 1) % len(colours) == number)
        blended[own] = 0.5 * picture[own] + 0.5 * np.array(colour, np.float32)
    if labels.max(initial=0) > 1:
        mark_boundaries(blended, label=labels, colour=LINE)
    return blended


def _blend_mask(
    picture: np.ndarray, *, mask: np.ndarray, colour: tuple[int, int, int], share: float = 0.5
) -> np.ndarray:
    blended = picture.copy()
    blended[mask] = (1 - share) * picture[mask] + share * np.array(colour, np.float32)
    return blended


def _cell(picture: np.ndarray) -> np.ndarray:
    """`picture` (Y, X, 3), enlarged by whole pixels as far as it fits, in the middle of a cell (RGBA)."""
    large = enlarge(picture, TILE_PX)
    cell = np.zeros((TILE_PX, TILE_PX, 4), np.uint8)
    top, left = (TILE_PX - large.shape[0]) // 2, (TILE_PX - large.shape[1]) // 2
    cell[top : top + large.shape[0], left : left + large.shape[1], :3] = large
    cell[top : top + large.shape[0], left : left + large.shape[1], 3] = 255
    return cell
