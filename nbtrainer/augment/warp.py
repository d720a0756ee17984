"""Patches cut out of images along a spatial transform, interpolated once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeGuard

import numpy as np

from nbtrainer.augment.interpolate import knot_weights, sample_plane, sample_volume
from nbtrainer.augment.spatial import SpatialTransform, no_displacement
from nbtrainer.data.normalize import IntensityTransform
from nbtrainer.data.resampled_views import mirror_indices
from nbtrainer.data.views import ArrayView, Slices, View

# what the compiled code reads as it is stored; anything else is brought to the last of them
_IMAGES = tuple(map(np.dtype, ("uint8", "uint16", "float32")))
_LABELS = tuple(map(np.dtype, ("uint8", "uint16", "uint32")))

# a cubic goes beyond the control points that it passes through, by a quarter of the largest at most along each axis
_OVERSHOOT = 1.25


def warp_patch(
    image: View,
    label: View,
    *,
    intensities: IntensityTransform,
    centre: Sequence[float],
    size: Sequence[int],
    transform: SpatialTransform,
) -> tuple[np.ndarray, np.ndarray]:
    """The patch of `size` ([z,] y, x) around `centre`, normalised and warped: image (C, *size) float32 by linear
    interpolation, label by nearest neighbour; beyond the image's edge both are mirrored."""
    if transform.shift:
        centre = [at + by for at, by in zip(centre, transform.shift, strict=True)]
    if transform.is_exact:
        return _exact_patch(image, label, intensities=intensities, centre=centre, size=size, matrix=transform.matrix)
    shape = tuple(label.shape)
    if _is_ready(image, _IMAGES) and _is_ready(label, _LABELS):
        pixels, labels, start = image.array, label.array, (0,) * len(shape)
    else:
        region = _reached_slices(shape, centre, size, transform)
        pixels, labels = _ready(image.read(region), _IMAGES), _ready(label.read(region), _LABELS)
        start = tuple(part.start for part in region)
    out_image, out_label = np.empty((len(pixels), *size), np.float32), np.empty(tuple(size), labels.dtype)
    displacement = no_displacement(len(size))
    if (points := transform.control_points) is not None:
        displacement = (
            points.displacement,
            *_weights(tuple(size), counts=points.displacement.shape[1:], distance=points.distance),
        )
    sample = sample_volume if len(size) == 3 else sample_plane
    sample(
        pixels,
        labels,
        intensities.levels,
        start,
        shape,
        tuple(centre),
        transform.matrix,
        displacement,
        out_image,
        out_label,
    )
    return out_image, out_label.astype(label.dtype, copy=False)


def warp_label(label: View, *, centre: Sequence[float], size: Sequence[int], transform: SpatialTransform) -> np.ndarray:
    """The label of the patch that `warp_patch` cuts, without its image."""
    none = np.zeros((0, *label.shape), np.uint8)
    return warp_patch(
        ArrayView(none),
        label,
        intensities=IntensityTransform.unchanged(0),
        centre=centre,
        size=size,
        transform=transform,
    )[1]


def needed_slices(
    shape: Sequence[int], centre: Sequence[float], size: Sequence[int], transform: SpatialTransform
) -> Slices:
    """The part of an image of `shape` that the patch of `size` around `centre` is cut from, at most."""
    centre = source_centre(centre, size, transform)
    if not transform.is_exact:
        return _reached_slices(shape, centre, size, transform)
    return tuple(
        slice(int(index.min()), int(index.max()) + 1)
        for index in _exact_indices(shape, centre, size=size, matrix=transform.matrix)
    )


def source_centre(centre: Sequence[float], size: Sequence[int], transform: SpatialTransform) -> tuple[float, ...]:
    """Where the middle of a patch of `size` around `centre` comes from; where pixels only change places, such that they
    come from whole pixels."""
    moved = [at + by for at, by in zip(centre, transform.shift or (0,) * len(size), strict=True)]
    if not transform.is_exact:
        return tuple(moved)
    halves = [(length - 1) / 2 for length in np.abs(transform.matrix) @ np.array(size)]
    return tuple(round(at - half) + half for at, half in zip(moved, halves, strict=True))


def flip_rotate_image(array: np.ndarray, *, matrix: np.ndarray) -> np.ndarray:
    """`array` (..., [Z,] Y, X) flipped and turned by quarters: what lies at `matrix` @ offset comes to offset.

    Offsets are from the middle; `matrix` (d, d) has one 1 or -1 in each row and column. `matrix.T` turns it back.
    """
    lead = array.ndim - len(matrix)
    for axis in range(len(matrix)):
        if matrix[axis].sum() < 0:
            array = np.flip(array, lead + axis)
    return array.transpose(*range(lead), *(lead + np.abs(matrix).argmax(0)))


def _exact_patch(
    image: View,
    label: View,
    *,
    intensities: IntensityTransform,
    centre: Sequence[float],
    size: Sequence[int],
    matrix: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    indices = _exact_indices(label.shape, centre, size=size, matrix=matrix)
    crop = tuple(slice(int(index.min()), int(index.max()) + 1) for index in indices)
    inner: tuple[Any, ...] = np.ix_(*(index - part.start for index, part in zip(indices, crop, strict=True)))
    pixels, labels = intensities.apply(image.read(crop)[(slice(None), *inner)]), label.read(crop)[inner]
    return np.ascontiguousarray(flip_rotate_image(pixels, matrix=matrix)), np.ascontiguousarray(
        flip_rotate_image(labels, matrix=matrix)
    )


def _exact_indices(
    shape: Sequence[int], centre: Sequence[float], *, size: Sequence[int], matrix: np.ndarray
) -> list[np.ndarray]:
    """The rows, columns ... of an image that a patch is made of."""
    lengths = np.abs(matrix).astype(int) @ np.array(size)  # along the axes of the image
    return [
        mirror_indices(round(at - (length - 1) / 2), length=int(length), available=full)
        for at, length, full in zip(centre, lengths, shape, strict=True)
    ]


def _is_ready(view: View, dtypes: Sequence[np.dtype[Any]]) -> TypeGuard[ArrayView]:
    """Whether all of `view` lies in memory as the compiled code takes it."""
    return isinstance(view, ArrayView) and view.array.dtype in dtypes and view.array.flags.c_contiguous


def _ready(array: np.ndarray, dtypes: Sequence[np.dtype[Any]]) -> np.ndarray:
    return np.ascontiguousarray(array, array.dtype if array.dtype in dtypes else dtypes[-1])


def _reached_slices(
    shape: Sequence[int], centre: Sequence[float], size: Sequence[int], transform: SpatialTransform
) -> Slices:
    """The part of an image that interpolation reads at most, mirrored beyond its edges."""
    reach = np.abs(transform.matrix) @ ((np.array(size) - 1) / 2)
    if transform.control_points is not None:
        displacement = np.abs(transform.control_points.displacement)
        reach += displacement.max(axis=tuple(range(1, displacement.ndim))) * _OVERSHOOT ** len(size)
    parts = []
    for at, far, full in zip(centre, reach, shape, strict=True):
        low, high = at - far, at + far
        if low < 1 or high > full - 3:  # mirrored pixels can lie anywhere: read generously
            low, high = min(low, 2 * full - 2 - high), max(high, -low)
        parts.append(slice(max(0, int(np.floor(low)) - 1), min(full, int(np.ceil(high)) + 2)))
    return tuple(parts)


@lru_cache(maxsize=256)
def _weights(size: tuple[int, ...], *, counts: tuple[int, ...], distance: int) -> tuple[np.ndarray, ...]:
    return tuple(
        knot_weights(length, count=count, distance=distance) for length, count in zip(size, counts, strict=True)
    )
