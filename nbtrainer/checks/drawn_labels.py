"""Was a label drawn? Seen from its pixels: raw images, smoothed edges and JPEG betray themselves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import fastremap
import numpy as np

from nbtrainer.data.views import blocks
from nbtrainer.io.axes import colour_axis
from nbtrainer.io.formats import open_image, version
from nbtrainer.labels import frequent_values
from nbtrainer.labels.integers import bincount

# of a label only so many pixels of its middle are looked at
_LOOKED_AT = 1 << 20
# fewer values than this are not looked at more closely
FEW_VALUES = 4
# a value was not drawn if more of its pixels than this lie between others or are scattered
_MOSTLY = 0.7
# what OpenCV can filter
_LONGEST_SIDE = 32_000


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """How the middle of a label file looks.

    `equal` is the share of pixels that have the value of the next one along x; `different` the number of values;
    `drawn` the values that were probably drawn, known only where the others seem not to be (`is_blurred`, decimals).
    """

    is_finite: bool = True
    equal: float = 1.0
    different: int = 0
    is_blurred: bool = False
    drawn: tuple[int, ...] = ()


def drawing(path: Path) -> Drawing:
    """How the label file `path` looks; remembered until it changes. Raises `UserError` if it cannot be read."""
    return _drawing(str(path), version(path))


def is_blurred(label: np.ndarray) -> bool:
    """Whether most values of `label` ([..., Y, X]) were not drawn, but come from smoothing, scaling or JPEG.

    Such values lie between those around them, or are scattered: pixels without a neighbour of the same value, but with
    neighbours of several. Both are rare in what was drawn, also where objects are small (dots too) or touch. Of a
    stack its middle slice is looked at.
    """
    planes = label.reshape(-1, *label.shape[-2:])
    plane = np.ascontiguousarray(planes[len(planes) // 2])
    values, index, counts = fastremap.unique(plane, return_inverse=True, return_counts=True)
    if len(values) < FEW_VALUES or max(plane.shape) > _LONGEST_SIDE:
        return False
    # by rank, because float32 does not hold every number of 32 bits
    ranks = index.reshape(plane.shape).astype(np.float32)
    square = np.ones((3, 3), np.uint8)
    ring = square.copy()
    ring[1, 1] = 0
    between = (ranks > cv2.erode(ranks, square)) & (ranks < cv2.dilate(ranks, square))
    scattered = ~_has_equal_neighbour(ranks) & (cv2.erode(ranks, ring) < cv2.dilate(ranks, ring))
    odd = bincount(index.ravel()[(between | scattered).ravel()], minlength=len(values)) >= _MOSTLY * counts
    odd[counts.argmax()] = False
    if np.count_nonzero(odd) <= len(values) / 2:
        return False
    odd &= ~np.isin(values, frequent_values(plane))
    return bool(np.count_nonzero(odd) > len(values) / 2)


@lru_cache(maxsize=100_000)
def _drawing(path: str, changed: tuple[int, int]) -> Drawing:
    label = _middle(Path(path))
    if label.dtype.kind == "f":
        finite = bool(np.isfinite(label).all())
        drawn = tuple(frequent_values(label).tolist()) if finite else ()
        return Drawing(is_finite=finite, different=len(np.unique(label)), drawn=drawn)
    equal = float(np.mean(label[..., 1:] == label[..., :-1])) if label.shape[-1] > 1 else 1.0
    blurred = is_blurred(label)
    drawn = tuple(frequent_values(label).tolist()) if blurred else ()
    return Drawing(is_finite=True, equal=equal, different=len(fastremap.unique(label)), is_blurred=blurred, drawn=drawn)


def _middle(path: Path) -> np.ndarray:
    """The middle of a label as it is stored, at most a million pixels; of equal colours one."""
    opened = open_image(path, for_label=True)
    colour = colour_axis(opened.shape, opened.axes)
    shape = [1 if axis == colour else length for axis, length in enumerate(opened.shape)]
    regions = list(blocks(shape, _LOOKED_AT))
    plane = opened.read(regions[len(regions) // 2])
    return plane if colour is None else plane.take(0, colour)


def _has_equal_neighbour(plane: np.ndarray) -> np.ndarray:
    has_equal = np.zeros(plane.shape, bool)
    for axis in (0, 1):
        pixels, flags = np.moveaxis(plane, axis, 0), np.moveaxis(has_equal, axis, 0)
        equal = pixels[1:] == pixels[:-1]
        flags[1:] |= equal
        flags[:-1] |= equal
    return has_equal
