"""Geometric changes of a patch: all composed into one map of coordinates, so that the image is interpolated once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeGuard

import numpy as np

from nbtrainer.augment.interpolate import knot_weights, sample_plane, sample_volume
from nbtrainer.data.normalize import IntensityTransform
from nbtrainer.data.views import ArrayView, Region, View, mirrored

# ((yy, yx), (xy, xx)): what is drawn is a matter of the plane; as plain numbers, numpy needs ten times as long for so few
Plane = tuple[tuple[float, float], tuple[float, float]]

# what the compiled code reads as it is stored; anything else is brought to the last of them
_IMAGES = tuple(map(np.dtype, ("uint8", "uint16", "float32")))
_LABELS = tuple(map(np.dtype, ("uint8", "uint16", "uint32")))

# a cubic goes beyond the knots that it passes through, by a quarter of the largest at most along each axis
_OVERSHOOT = 1.25


@dataclass(frozen=True)
class SpatialTransform:
    """Where each pixel of a patch comes from, as offsets ([z,] y, x) from the patch's centre.

    `matrix` (d, d) takes an offset in the patch to one in the image; `knots` (d, K...), in pixels, bend it further: they
    lie `knot_distance` pixels apart about the middle, the outermost beyond the patch. `shift` (d,) moves the centre by
    whole pixels.
    """

    matrix: np.ndarray
    control_points: np.ndarray | None = None
    knot_distance: int = 32
    shift: tuple[int, ...] = ()

    @property
    def is_exact(self) -> bool:
        """Whether pixels only change places: flips and quarter turns, without interpolation."""
        return self.control_points is None and all(
            sorted(map(abs, row)) == [0.0] * (len(row) - 1) + [1.0] for row in self.matrix.tolist()
        )


def sample_spatial(
    rng: np.random.Generator, transforms: Sequence[dict[str, Any]], size: Sequence[int]
) -> SpatialTransform:
    """The geometric ones of `steps`, drawn for a patch of `size` ([z,] y, x) and composed in their order.

    Turns, zooms and slants are in the plane; of a volume, flips and elastic bends are along z too.
    """
    dim = len(size)
    plane, depth = _UNTURNED, 1.0
    knots, distance = None, 32
    shift = [0] * dim
    for step in transforms:
        kind = step["kind"]
        if kind == "flip":
            signs = [-1.0 if rng.random() < step["probability"] else 1.0 for _ in size]
            plane, depth = _product(_scaling(*signs[-2:]), plane), depth * math.prod(signs[:-2])
        elif kind in _PLANES and rng.random() < step["probability"]:
            plane = _product(_PLANES[kind](rng, step), plane)
            if dim == 3 and step.get("per_axis"):
                depth *= _factor(rng, step)
        elif kind == "translate" and rng.random() < step["probability"]:
            for axis in (dim - 2, dim - 1):
                most = int(step["amount"] * size[axis])
                shift[axis] += int(rng.integers(-most, most + 1))
        elif kind == "elastic" and rng.random() < step["probability"]:
            bend = _draw_knots(rng, step, size)
            # of bends whose knots lie at other distances the last counts
            knots = knots + bend if knots is not None and distance == step["knot_distance"] else bend
            distance = step["knot_distance"]
    matrix = plane if dim == 2 else ((depth, 0.0, 0.0), (0.0, *plane[0]), (0.0, *plane[1]))
    return SpatialTransform(np.array(matrix), knots, distance, tuple(shift))


def warp_patch(
    image: View,
    label: View,
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
        return _exact_patch(image, label, intensities, centre, size, transform.matrix)
    shape = tuple(image.shape)
    if _is_ready(image, _IMAGES) and _is_ready(label, _LABELS):
        pixels, truth, start = image.array, label.array, (0,) * len(shape)
    else:
        region = _needed(shape, centre, size, transform)
        pixels, truth = _ready(image.read(region), _IMAGES), _ready(label.read(region), _LABELS)
        start = tuple(part.start for part in region)
    out_image, out_label = np.empty((len(pixels), *size), np.float32), np.empty(tuple(size), truth.dtype)
    bend = no_bend(len(size))
    if transform.control_points is not None:
        bend = (
            transform.control_points,
            *_weights(tuple(size), transform.control_points.shape[1:], transform.knot_distance),
        )
    sample = sample_volume if len(size) == 3 else sample_plane
    sample(pixels, truth, intensities.levels, start, shape, tuple(centre), transform.matrix, bend, out_image, out_label)
    return out_image, out_label.astype(label.dtype, copy=False)


def flip_rotate_image(array: np.ndarray, matrix: np.ndarray) -> np.ndarray:
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
    intensities: IntensityTransform,
    centre: Sequence[float],
    size: Sequence[int],
    matrix: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    lengths = np.abs(matrix).astype(int) @ np.array(size)  # along the axes of the image
    indices = [
        mirrored(round(at - (length - 1) / 2), int(length), full)
        for at, length, full in zip(centre, lengths, image.shape, strict=True)
    ]
    crop = tuple(slice(int(index.min()), int(index.max()) + 1) for index in indices)
    inner: tuple[Any, ...] = np.ix_(*(index - part.start for index, part in zip(indices, crop, strict=True)))
    pixels, truth = intensities.apply(image.read(crop)[(slice(None), *inner)]), label.read(crop)[inner]
    return np.ascontiguousarray(flip_rotate_image(pixels, matrix)), np.ascontiguousarray(
        flip_rotate_image(truth, matrix)
    )


def _is_ready(view: View, kinds: Sequence[np.dtype[Any]]) -> TypeGuard[ArrayView]:
    """Whether all of `view` lies in memory as the compiled code takes it."""
    return isinstance(view, ArrayView) and view.array.dtype in kinds and view.array.flags.c_contiguous


def _ready(array: np.ndarray, kinds: Sequence[np.dtype[Any]]) -> np.ndarray:
    return np.ascontiguousarray(array, array.dtype if array.dtype in kinds else kinds[-1])


def _needed(shape: Sequence[int], centre: Sequence[float], size: Sequence[int], transform: SpatialTransform) -> Region:
    """The part of an image that interpolation reads at most, mirrored beyond its edges."""
    reach = np.abs(transform.matrix) @ ((np.array(size) - 1) / 2)
    if transform.control_points is not None:
        reach += np.abs(transform.control_points).max(
            axis=tuple(range(1, transform.control_points.ndim))
        ) * _OVERSHOOT ** len(size)
    parts = []
    for at, far, full in zip(centre, reach, shape, strict=True):
        low, high = at - far, at + far
        if low < 1 or high > full - 3:  # mirrored pixels can lie anywhere: read generously
            low, high = min(low, 2 * full - 2 - high), max(high, -low)
        parts.append(slice(max(0, int(np.floor(low)) - 1), min(full, int(np.ceil(high)) + 2)))
    return tuple(parts)


def _draw_knots(rng: np.random.Generator, step: dict[str, Any], size: Sequence[int]) -> np.ndarray:
    """Knots of a sheet that goes on beyond the patch: small patches see a part of it, bent as much as any other."""
    count = tuple(math.ceil((length - 1) / step["knot_distance"]) + 3 for length in size)
    knots = rng.standard_normal((len(size), *count), np.float32) * np.float32(step["displacement"])
    if len(size) == 3:
        # patches of few slices are those of thick ones: they bend less across
        knots[0] *= np.float32(min(1.0, size[0] / max(size[1:])))
    return knots


@lru_cache(maxsize=256)
def _weights(size: tuple[int, ...], counts: tuple[int, ...], distance: int) -> tuple[np.ndarray, ...]:
    return tuple(knot_weights(length, count, distance) for length, count in zip(size, counts, strict=True))


@lru_cache(maxsize=2)
def no_bend(dim: int) -> tuple[np.ndarray, ...]:
    """What stands for knots and their weights where nothing bends."""
    return (np.zeros((dim,) + (0,) * dim, np.float32), *[np.zeros((0, 5), np.float32)] * dim)


_UNTURNED: Plane = ((1.0, 0.0), (0.0, 1.0))


def _product(left: Plane, right: Plane) -> Plane:
    ((a, b), (c, d)), ((e, f), (g, h)) = left, right
    return (a * e + b * g, a * f + b * h), (c * e + d * g, c * f + d * h)


def _scaling(y: float, x: float) -> Plane:
    return (y, 0.0), (0.0, x)


def _rotation(rng: np.random.Generator, step: dict[str, Any]) -> Plane:
    angle = math.radians(rng.uniform(-step["degrees"], step["degrees"]))
    return (math.cos(angle), -math.sin(angle)), (math.sin(angle), math.cos(angle))


def _quarter_turn(rng: np.random.Generator, step: dict[str, Any]) -> Plane:
    sine, cosine = ((1.0, 0.0), (0.0, -1.0), (-1.0, 0.0))[rng.integers(3)]
    return (cosine, -sine), (sine, cosine)


def _factor(rng: np.random.Generator, step: dict[str, Any]) -> float:
    """How far apart neighbouring pixels of the patch lie in the image: less than 1 where objects grow."""
    return 1 / rng.uniform(step["lowest"], step["highest"])


def _zoom(rng: np.random.Generator, step: dict[str, Any]) -> Plane:
    y = _factor(rng, step)
    return _scaling(y, _factor(rng, step) if step.get("per_axis") else y)


def _shear(rng: np.random.Generator, step: dict[str, Any]) -> Plane:
    slant = math.tan(math.radians(rng.uniform(-step["degrees"], step["degrees"])))
    return ((1.0, slant), (0.0, 1.0)) if rng.random() < 0.5 else ((1.0, 0.0), (slant, 1.0))


_PLANES: dict[str, Callable[[np.random.Generator, dict[str, Any]], Plane]] = {
    "rotate": _rotation,
    "rotate90": _quarter_turn,
    "zoom": _zoom,
    "shear": _shear,
}
