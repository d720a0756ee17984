"""Geometric changes of a patch: all composed into one map of coordinates, so that the image is interpolated once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from nbtrainer.data.interpolate import sample_plane, sample_volume, spread
from nbtrainer.data.views import mirrored

Read = Callable[[tuple[slice, ...]], np.ndarray]


@dataclass(frozen=True)
class Warp:
    """Where each pixel of a patch comes from, as offsets ([z,] y, x) from the patch's centre.

    `matrix` (d, d) takes an offset in the patch to one in the image; `knots` (d, K...), in pixels, bend it further.
    `shift` (d,) moves the centre by whole pixels.
    """

    matrix: np.ndarray
    knots: np.ndarray | None = None
    shift: tuple[int, ...] = ()

    @property
    def is_exact(self) -> bool:
        """Whether pixels only change places: flips and quarter turns, without interpolation."""
        return self.knots is None and bool(
            (np.abs(self.matrix).sum(0) == 1).all() and np.isin(self.matrix, (-1, 0, 1)).all()
        )


def draw_warp(rng: np.random.Generator, steps: Sequence[dict[str, Any]], size: Sequence[int]) -> Warp:
    """The geometric ones of `steps`, drawn for a patch of `size` ([z,] y, x) and composed in their order.

    Turns, zooms and slants are in the plane; of a volume, flips and elastic bends are along z too.
    """
    dim = len(size)
    matrix = np.eye(dim)
    knots = None
    shift = np.zeros(dim, int)
    for step in steps:
        if step["kind"] == "flip":
            matrix = np.diag(np.where(rng.random(dim) < step["probability"], -1.0, 1.0)) @ matrix
        elif step["kind"] in _MATRICES and rng.random() < step["probability"]:
            drawn = np.eye(dim)
            drawn[-2:, -2:] = _MATRICES[step["kind"]](rng, step)
            if dim == 3 and step.get("per_axis"):
                largest = np.log1p(step["amount"])
                drawn[0, 0] = np.exp(rng.uniform(-largest, largest))
            matrix = drawn @ matrix
        elif step["kind"] == "translate" and rng.random() < step["probability"]:
            most = np.array([0] * (dim - 2) + [int(step["amount"] * length) for length in size[-2:]])
            shift += rng.integers(-most, most + 1)
        elif step["kind"] == "elastic" and rng.random() < step["probability"]:
            bend = _draw_knots(rng, step, size)
            knots = bend if knots is None or knots.shape != bend.shape else knots + bend
    return Warp(matrix, knots, tuple(shift.tolist()))


def warp_patch(
    read_image: Read,
    read_label: Read,
    shape: Sequence[int],
    centre: Sequence[float],
    size: Sequence[int],
    warp: Warp,
) -> tuple[np.ndarray, np.ndarray]:
    """The patch of `size` ([z,] y, x) around `centre`, warped: image (C, *size) by linear, label by nearest neighbour.

    `read_image` and `read_label` give a region of the image of `shape`; beyond its edge it is mirrored.
    """
    if warp.shift:
        centre = [at + by for at, by in zip(centre, warp.shift, strict=True)]
    if warp.is_exact:
        return _exact_patch(read_image, read_label, shape, centre, size, warp.matrix)
    bend = _bend(warp.knots, size)
    region, inside = _needed(shape, centre, size, warp.matrix, bend)
    image = np.ascontiguousarray(read_image(region), dtype=np.float32)
    label = read_label(region)
    warped = np.empty((len(image), *size), np.float32)
    truth = np.empty(tuple(size), np.uint32)
    starts = np.array([part.start for part in region], np.int32)
    origin = np.array(centre) - warp.matrix @ ((np.array(size) - 1) / 2)
    sample = sample_volume if len(size) == 3 else sample_plane
    sample(
        image,
        np.ascontiguousarray(label, dtype=np.uint32),
        np.zeros(len(size), np.int32) if inside else starts,
        np.array(shape, np.int32),
        inside,
        # from the region's corner where nothing is mirrored: small numbers keep their digits in float32
        (origin - starts if inside else origin).astype(np.float32),
        warp.matrix.astype(np.float32),
        bend,
        warped,
        truth,
    )
    return warped, truth.astype(label.dtype, copy=False)


def turn(array: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """`array` (..., [Z,] Y, X) flipped and turned by quarters: what lies at `matrix` @ offset comes to offset.

    Offsets are from the middle; `matrix` (d, d) has one 1 or -1 in each row and column. `matrix.T` turns it back.
    """
    lead = array.ndim - len(matrix)
    for axis in range(len(matrix)):
        if matrix[axis].sum() < 0:
            array = np.flip(array, lead + axis)
    return array.transpose(*range(lead), *(lead + np.abs(matrix).argmax(0)))


def _exact_patch(
    read_image: Read,
    read_label: Read,
    shape: Sequence[int],
    centre: Sequence[float],
    size: Sequence[int],
    matrix: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    lengths = np.abs(matrix).astype(int) @ np.array(size)  # along the axes of the image
    indices = [
        mirrored(round(at - (length - 1) / 2), int(length), full)
        for at, length, full in zip(centre, lengths, shape, strict=True)
    ]
    crop = tuple(slice(int(index.min()), int(index.max()) + 1) for index in indices)
    inner: tuple[Any, ...] = np.ix_(*(index - part.start for index, part in zip(indices, crop, strict=True)))
    image, label = read_image(crop)[(slice(None), *inner)], read_label(crop)[inner]
    return np.ascontiguousarray(turn(image, matrix)), np.ascontiguousarray(turn(label, matrix))


def _needed(
    shape: Sequence[int], centre: Sequence[float], size: Sequence[int], matrix: np.ndarray, bend: np.ndarray
) -> tuple[tuple[slice, ...], bool]:
    """The part of an image that interpolation reads, mirrored beyond its edges; whether all of it lies inside."""
    reach = np.abs(matrix) @ ((np.array(size) - 1) / 2)
    parts, inside = [], True
    for axis, full in enumerate(shape):
        bent = bend[axis] if bend.shape[1] else np.zeros(1)
        low = centre[axis] - reach[axis] + float(bent.min())
        high = centre[axis] + reach[axis] + float(bent.max())
        if low < 1 or high > full - 3:  # mirrored pixels can lie anywhere: read generously
            inside = False
            low, high = min(low, 2 * full - 2 - high), max(high, -low)
        parts.append(slice(max(0, int(np.floor(low)) - 1), min(full, int(np.ceil(high)) + 2)))
    return tuple(parts), inside


def _bend(knots: np.ndarray | None, size: Sequence[int]) -> np.ndarray:
    """The offset of every pixel (d, *size), float32, by cubic interpolation between `knots`; empty without any."""
    if knots is None:
        return np.zeros((len(size),) + (0,) * len(size), np.float32)
    bend = knots
    # the last axis first, while the others are short
    for axis, length in reversed(list(enumerate(size, 1))):
        before, after = bend.shape[:axis], bend.shape[axis + 1 :]
        first, weights = _weights(length, bend.shape[axis])
        # a knot more at both ends, as far out as the next ones inside: the bend goes on as it was
        outer = [np.take(bend, [place], axis) for place in (0, -1)]
        padded = np.concatenate([outer[0], bend, outer[1]], axis).reshape(int(np.prod(before)), -1, int(np.prod(after)))
        out = np.empty((padded.shape[0], length, padded.shape[2]), np.float32)
        spread(np.ascontiguousarray(padded), first, weights, out)
        bend = out.reshape(*before, length, *after)
    return bend


@lru_cache(maxsize=256)
def _weights(length: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """For each of `length` pixels: the first of the four knots (of `count`, and one more at both ends) that it lies
    between, and their weights (length, 4): Catmull and Rom's cubic, which passes through the knots."""
    at = np.linspace(0, count - 1, length)
    first = np.minimum(np.floor(at).astype(np.int64), count - 2)
    t = at - first
    weights = [-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, -(t**2) + t**3]
    return first, (np.stack(weights, 1) / 2).astype(np.float32)


def _draw_knots(rng: np.random.Generator, step: dict[str, Any], size: Sequence[int]) -> np.ndarray:
    count = tuple(max(2, round(length / step["knot_distance"]) + 1) for length in size)
    knots = rng.normal(0, step["displacement"], (len(size), *count)).astype(np.float32)
    if len(size) == 3:
        # patches of few slices are those of thick ones: they bend less across
        knots[0] *= min(1.0, size[0] / max(size[1:]))
    return knots


def _rotation(rng: np.random.Generator, step: dict[str, Any]) -> np.ndarray:
    angle = np.radians(rng.uniform(-step["degrees"], step["degrees"]))
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _quarter_turn(rng: np.random.Generator, step: dict[str, Any]) -> np.ndarray:
    return np.array([[[0.0, -1.0], [1.0, 0.0]], [[-1.0, 0.0], [0.0, -1.0]], [[0.0, 1.0], [-1.0, 0.0]]][rng.integers(3)])


def _zoom(rng: np.random.Generator, step: dict[str, Any]) -> np.ndarray:
    largest = np.log1p(step["amount"])
    factors = rng.uniform(-largest, largest, 2 if step.get("per_axis") else 1)
    return np.eye(2) * np.exp(factors)


def _shear(rng: np.random.Generator, step: dict[str, Any]) -> np.ndarray:
    slant = np.tan(np.radians(rng.uniform(-step["degrees"], step["degrees"])))
    return np.array([[1.0, slant], [0.0, 1.0]] if rng.random() < 0.5 else [[1.0, 0.0], [slant, 1.0]])


_MATRICES = {"rotate": _rotation, "rotate90": _quarter_turn, "zoom": _zoom, "shear": _shear}
