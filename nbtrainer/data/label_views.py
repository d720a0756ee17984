"""Labels as training needs them: unsigned, without a border, grown; region by region."""

from __future__ import annotations

import numpy as np

from nbtrainer import labels as label_functions
from nbtrainer.data.roi import IGNORED
from nbtrainer.data.views import MapView, View, blocks
from nbtrainer.labels.integers import equals

# of a large label a middle block of this many pixels is looked at
_MEASURED_PIXELS = 1 << 26


def as_unsigned(array: np.ndarray, ignore_value: int | None) -> np.ndarray:
    """Label values as uint32; what is negative or no number becomes 0, a negative `ignore_value` `IGNORED`."""
    if ignore_value is not None and ignore_value < 0:
        return np.where(equals(array, ignore_value), np.uint32(IGNORED), as_unsigned(array, None))
    return np.nan_to_num(array, nan=0, posinf=0, neginf=0).clip(0, IGNORED).astype(np.uint32)


def without_border(view: View, pixels: int) -> View:
    """A label with background in a border of so many pixels, in y and x."""
    height, width = view.shape[-2:]

    def clear(array: np.ndarray, corner: tuple[int, ...]) -> np.ndarray:
        y = np.arange(corner[-2], corner[-2] + array.shape[-2])[:, None]
        x = np.arange(corner[-1], corner[-1] + array.shape[-1])[None]
        inside = (y >= pixels) & (y < height - pixels) & (x >= pixels) & (x < width - pixels)
        return np.where(inside, array, 0).astype(array.dtype)

    return MapView(view=view, function=clear)


def dilate_label(view: View, *, times: int, ignored: int) -> View:
    """A label whose objects are grown by so many pixels; where nothing is known (`ignored`), nothing is."""
    return MapView(view=view, function=lambda array, corner: _dilate(array, times=times, ignored=ignored), halo=times)


def middle_block(label: View) -> np.ndarray:
    """The label, or of a large one a block in its middle."""
    regions = list(blocks(label.shape, _MEASURED_PIXELS))
    return label.read(regions[len(regions) // 2]).astype(np.uint32)


def _dilate(array: np.ndarray, *, times: int, ignored: int) -> np.ndarray:
    unknown = equals(array, ignored)
    return np.where(unknown, array, label_functions.dilate(np.where(unknown, 0, array), times)).astype(array.dtype)
