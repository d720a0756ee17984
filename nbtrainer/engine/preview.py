"""Pictures of fixed tiles: image, truth, prediction, errors; the same tiles at every validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import imageio.v3 as imageio
import numpy as np

from nbtrainer.data.dataset import Images, grid_centres
from nbtrainer.tasks import Binary

TILE_PX = 256
GAP_PX = 4

# Okabe and Ito: told apart by colour-blind people too
TRUE = (0, 158, 115)
TOO_MUCH = (230, 159, 0)
MISSED = (86, 180, 233)


@dataclass(frozen=True)
class Tile:
    """A part of image `index`."""

    index: int
    rows: slice
    columns: slice


def choose_tiles(images: Images, task: Binary, count: int) -> list[Tile]:
    """One tile in each of the first `count` images, where foreground and background are most evenly mixed."""
    tiles = []
    for index in range(min(count, len(images))):
        foreground = task.is_foreground(images.raw(index)[1])
        size = (min(TILE_PX, foreground.shape[0]), min(TILE_PX, foreground.shape[1]))
        candidates = []
        for y, x in grid_centres((foreground.shape[0], foreground.shape[1]), size):
            top, left = round(y - (size[0] - 1) / 2), round(x - (size[1] - 1) / 2)
            candidates.append(Tile(index, slice(top, top + size[0]), slice(left, left + size[1])))
        tiles.append(min(candidates, key=lambda tile: abs(float(foreground[tile.rows, tile.columns].mean()) - 0.5)))
    return tiles


def write_preview(
    path: Path, images: Images, task: Binary, tiles: Sequence[Tile], outputs: dict[int, np.ndarray]
) -> None:
    """Write a picture to `path`: a row for each tile; columns image, truth, prediction, errors; gaps transparent."""
    rows = []
    for tile in tiles:
        image, label = images.raw(tile.index)
        grey = _grey(image, tile)
        truth = task.is_foreground(label[tile.rows, tile.columns])
        predicted = task.probability(outputs[tile.index])[tile.rows, tile.columns] > task.threshold
        cells = [
            grey,
            _painted(grey, truth, TRUE),
            _painted(grey, predicted, TRUE),
            _painted(_painted(grey, predicted & ~truth, TOO_MUCH, 0.85), truth & ~predicted, MISSED, 0.85),
        ]
        rows.append([_cell(cell) for cell in cells])
    height = len(rows) * (TILE_PX + GAP_PX) - GAP_PX
    width = 4 * (TILE_PX + GAP_PX) - GAP_PX
    canvas = np.zeros((height, width, 4), np.uint8)
    for row, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            top, left = row * (TILE_PX + GAP_PX), column * (TILE_PX + GAP_PX)
            canvas[top : top + TILE_PX, left : left + TILE_PX] = cell
    imageio.imwrite(path, canvas)


def _grey(image: np.ndarray, tile: Tile) -> np.ndarray:
    """The tile as (Y, X, 3) from 0 to 255, stretched between its percentiles; RGB stays RGB."""
    crop = image[:3] if len(image) in (3, 4) else image[:1]
    crop = crop[:, tile.rows, tile.columns].astype(np.float32)
    low, high = np.percentile(crop, (0.5, 99.8))
    stretched = np.clip((crop - low) / max(float(high - low), 1e-6), 0, 1) * 255
    return np.moveaxis(np.broadcast_to(stretched, (3, *stretched.shape[1:])), 0, -1)


def _painted(picture: np.ndarray, mask: np.ndarray, colour: tuple[int, int, int], share: float = 0.5) -> np.ndarray:
    painted = picture.copy()
    painted[mask] = (1 - share) * picture[mask] + share * np.array(colour, np.float32)
    return painted


def _cell(picture: np.ndarray) -> np.ndarray:
    """`picture` (Y, X, 3), enlarged by whole pixels as far as it fits, in the middle of a cell (RGBA)."""
    factor = max(1, TILE_PX // max(picture.shape[:2]))
    large = np.repeat(np.repeat(picture, factor, 0), factor, 1).astype(np.uint8)
    cell = np.zeros((TILE_PX, TILE_PX, 4), np.uint8)
    top, left = (TILE_PX - large.shape[0]) // 2, (TILE_PX - large.shape[1]) // 2
    cell[top : top + large.shape[0], left : left + large.shape[1], :3] = large
    cell[top : top + large.shape[0], left : left + large.shape[1], 3] = 255
    return cell
