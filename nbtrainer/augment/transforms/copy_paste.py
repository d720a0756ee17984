"""Objects copied to free places of the same patch, with their pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cc3d
import numpy as np
from scipy import ndimage

from nbtrainer.config.transforms.artefacts import CopyPaste
from nbtrainer.labels.integers import equals

# places that are tried for each copy
_TRIES = 10


@dataclass(frozen=True)
class CopyPasteParams:
    """How many objects, and whether each copy has an id of its own; `seed` of the choice of objects and places."""

    count: int
    new_ids: bool
    seed: int


def sample_params(rng: np.random.Generator, settings: CopyPaste, shape: Sequence[int]) -> CopyPasteParams:
    count = int(rng.integers(1, settings.max_objects + 1)) if settings.max_objects else 0
    return CopyPasteParams(count, settings.new_ids, int(rng.integers(2**32)))


def apply(
    image: np.ndarray, label: np.ndarray, params: CopyPasteParams, *, ignored: int
) -> tuple[np.ndarray, np.ndarray]:
    """Copies of connected objects that neither the edge along y and x nor ignored pixels cut, in the same sections.

    A copy is laid only where it and the pixels around it are background (0) and nothing is hidden by it: nowhere if all
    that is no object is ignored.
    """
    if not params.count or ignored == 0:
        return image, label
    ignore_mask = equals(label, ignored)
    parts = cc3d.connected_components(np.where(ignore_mask, 0, label))
    whole = _uncut(parts, ignore_mask=ignore_mask)
    if not whole:
        return image, label
    rng = np.random.default_rng(params.seed)
    image, label = image.copy(), label.copy()
    for _ in range(params.count):
        number, box = whole[int(rng.integers(len(whole)))]
        inside = parts[box] == number
        place = _free_place(rng, label=label, inside=inside, box=box)
        if place is None:
            continue
        value = _unused_number(label, ignored) if params.new_ids else label[box][inside][0]
        if value is not None:
            image[(slice(None), *place)][:, inside] = image[(slice(None), *box)][:, inside]
            label[place][inside] = value
    return image, label


def _uncut(parts: np.ndarray, *, ignore_mask: np.ndarray) -> list[tuple[int, tuple[slice, ...]]]:
    """Numbers and boxes of the objects that touch neither the edge along y and x nor ignored pixels."""
    cut = {*np.unique(parts[..., [0, -1], :]), *np.unique(parts[..., [0, -1]])}
    if ignore_mask.any():
        cut |= {*np.unique(parts[ndimage.binary_dilation(ignore_mask, np.ones((3,) * ignore_mask.ndim))])}
    boxes = enumerate(ndimage.find_objects(parts), 1)
    return [(number, box) for number, box in boxes if box is not None and number not in cut]


def _free_place(
    rng: np.random.Generator, *, label: np.ndarray, inside: np.ndarray, box: tuple[slice, ...]
) -> tuple[slice, ...] | None:
    """Where a copy of an object finds only background, with a margin of a pixel; None if some tries do not find it."""
    height, width = label.shape[-2:]
    tall, wide = inside.shape[-2:]
    # with a pixel more on all sides, but not above the first section or below the last
    margins = [(min(1, part.start), min(1, full - part.stop)) for part, full in zip(box, label.shape, strict=True)]
    around = ndimage.binary_dilation(np.pad(inside, margins), np.ones((3,) * inside.ndim))
    wider = tuple(slice(p.start - below, p.stop + above) for p, (below, above) in zip(box, margins, strict=True))[:-2]
    for _ in range(_TRIES):
        y, x = int(rng.integers(1, height - tall)), int(rng.integers(1, width - wide))
        if not label[(*wider, slice(y - 1, y + tall + 1), slice(x - 1, x + wide + 1))][around].any():
            return (*box[:-2], slice(y, y + tall), slice(x, x + wide))
    return None


def _unused_number(label: np.ndarray, ignored: int) -> int | None:
    """The smallest number that `label` does not hold; None if its type has no other."""
    used = {0, ignored, *map(int, np.unique(label))}
    value = next(number for number in range(1, len(used) + 2) if number not in used)
    return value if value <= np.iinfo(label.dtype).max else None
