"""Views of another size than what they look at: resampled or padded when a region is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nbtrainer.data.views import Slices, View


@dataclass(frozen=True)
class ResampledView:
    """A view brought to another shape: an image by linear interpolation (smoothed where it shrinks), a label by nearest
    neighbour. Pixels stand for areas: the edges of the image stay where they are."""

    view: View
    shape: tuple[int, ...]

    @property
    def channels(self) -> int:
        return self.view.channels

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.view.dtype if self.channels == 0 else np.dtype(np.float32)

    def read(self, region: Slices) -> np.ndarray:
        ratios = [old / new for old, new in zip(self.view.shape, self.shape, strict=True)]
        positions = [
            (np.arange(asked.start, asked.stop) + 0.5) * ratio - 0.5
            for asked, ratio in zip(region, ratios, strict=True)
        ]
        reach = [0.0 if self.channels == 0 else max(1.0, ratio) for ratio in ratios]
        needed = tuple(
            slice(max(0, int(np.floor(at[0] - far))), min(full, int(np.ceil(at[-1] + far)) + 1))
            for at, far, full in zip(positions, reach, self.view.shape, strict=True)
        )
        array = self.view.read(needed)
        for axis, (at, far, part, full) in enumerate(zip(positions, reach, needed, self.view.shape, strict=True)):
            along = axis + (array.ndim - len(region))
            if self.channels == 0:
                nearest = np.clip(np.floor(at + 0.5).astype(int), 0, full - 1) - part.start
                array = np.take(array, nearest, axis=along)
            else:
                array = _interpolate(array, along, at - part.start, far)
        return array


@dataclass(frozen=True)
class PaddedView:
    """A view brought to another shape without interpolation: centred, mirrored at its edges, cut off beyond the shape."""

    view: View
    shape: tuple[int, ...]

    @property
    def channels(self) -> int:
        return self.view.channels

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.view.dtype

    def read(self, region: Slices) -> np.ndarray:
        indices = [
            mirror_indices(asked.start + (old - new) // 2, length=asked.stop - asked.start, available=old)
            for asked, old, new in zip(region, self.view.shape, self.shape, strict=True)
        ]
        crop = tuple(slice(int(index.min()), int(index.max()) + 1) for index in indices)
        array = self.view.read(crop)
        inner = np.ix_(*(index - part.start for index, part in zip(indices, crop, strict=True)))
        return np.stack([channel[inner] for channel in array]) if self.channels else array[inner]


def mirror_indices(start: int, *, length: int, available: int) -> np.ndarray:
    """Indices `start` to `start + length - 1` of an axis with `available` entries, mirrored at both ends."""
    position = np.arange(start, start + length) % (2 * available)
    return np.where(position < available, position, 2 * available - 1 - position)


def _interpolate(array: np.ndarray, axis: int, at: np.ndarray, reach: float) -> np.ndarray:
    """`array` at the positions `at` of `axis`, float32, weighted by a triangle that reaches `reach` to both sides."""
    length = array.shape[axis]
    offsets = np.arange(-int(np.ceil(reach)), int(np.ceil(reach)) + 2)
    base = np.floor(at).astype(int)
    places = base[:, None] + offsets[None]
    weights = np.clip(1 - np.abs(places - at[:, None]) / reach, 0, None)
    # beyond the edge the last pixel counts
    matrix = np.zeros((len(at), length), np.float32)
    np.add.at(
        matrix, (np.repeat(np.arange(len(at)), len(offsets)), np.clip(places, 0, length - 1).ravel()), weights.ravel()
    )
    matrix /= matrix.sum(1, keepdims=True)
    return np.moveaxis(np.tensordot(matrix, array.astype(np.float32, copy=False), (1, axis)), 0, axis)
