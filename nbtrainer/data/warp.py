"""Geometric changes of a patch: all composed into one map of coordinates, so that the image is interpolated once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np

from nbtrainer.data.views import mirrored

Read = Callable[[tuple[slice, ...]], np.ndarray]


@dataclass(frozen=True)
class Warp:
    """Where each pixel of a patch comes from, as offsets (y, x) from the patch's centre.

    `matrix` (2, 2) takes an offset in the patch to one in the image; `knots` (2, Ky, Kx), in pixels, bend it further.
    Of a volume every slice is warped alike, and the order of the slices may be turned round (`flips_z`).
    """

    matrix: np.ndarray = field(default_factory=lambda: np.eye(2))
    knots: np.ndarray | None = None
    flips_z: bool = False

    @property
    def is_exact(self) -> bool:
        """Whether pixels only change places: flips and quarter turns, without interpolation."""
        return self.knots is None and bool(
            (np.abs(self.matrix).sum(0) == 1).all() and np.isin(self.matrix, (-1, 0, 1)).all()
        )


def draw_warp(rng: np.random.Generator, steps: Sequence[dict[str, Any]], size: Sequence[int]) -> Warp:
    """The geometric ones of `steps`, drawn for a patch of `size` ([z,] y, x) and composed in their order."""
    matrix = np.eye(2)
    knots = None
    flips_z = False
    for step in steps:
        if step["kind"] == "flip":
            matrix = np.diag(np.where(rng.random(2) < step["probability"], -1.0, 1.0)) @ matrix
            if len(size) == 3:
                flips_z ^= bool(rng.random() < step["probability"])
        elif step["kind"] in _MATRICES and rng.random() < step["probability"]:
            matrix = _MATRICES[step["kind"]](rng, step) @ matrix
        elif step["kind"] == "elastic" and rng.random() < step["probability"]:
            bend = _draw_knots(rng, step, size[-2:])
            knots = bend if knots is None or knots.shape != bend.shape else knots + bend
    return Warp(matrix, knots, flips_z)


def warp_patch(
    read_image: Read,
    read_label: Read,
    shape: Sequence[int],
    centre: Sequence[float],
    size: Sequence[int],
    warp: Warp,
) -> tuple[np.ndarray, np.ndarray]:
    """The patch of `size` ([z,] y, x) around `centre`, warped: image (C, *size) by linear, label by nearest neighbour.

    `read_image` and `read_label` give a region of the image of `shape`; beyond its edge it is mirrored. Of a volume
    every slice is warped alike.
    """
    if warp.is_exact:
        return _exact_patch(read_image, read_label, shape, centre, size, warp)
    y, x = _coordinates(centre[-2:], size[-2:], warp)
    rows, columns = _needed(y, shape[-2]), _needed(x, shape[-1])
    y -= rows.start
    x -= columns.start
    deep = [
        mirrored(round(at - (length - 1) / 2), length, full)
        for at, length, full in zip(centre[:-2], size[:-2], shape[:-2], strict=True)
    ]
    slices = [slice(int(index.min()), int(index.max()) + 1) for index in deep]
    image, label = read_image((*slices, rows, columns)), read_label((*slices, rows, columns))
    for index, part in zip(deep, slices, strict=True):
        turned = index[::-1] if warp.flips_z else index
        image, label = np.take(image, turned - part.start, axis=1), np.take(label, turned - part.start, axis=0)
    planes = image.reshape(-1, *image.shape[-2:])
    warped = np.stack(
        [
            cv2.remap(np.ascontiguousarray(plane), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
            for plane in planes
        ]
    )
    truth = np.stack([_nearest(plane, x, y) for plane in label.reshape(-1, *label.shape[-2:])])
    return warped.reshape(len(image), *size), truth.reshape(size)


def _exact_patch(
    read_image: Read,
    read_label: Read,
    shape: Sequence[int],
    centre: Sequence[float],
    size: Sequence[int],
    warp: Warp,
) -> tuple[np.ndarray, np.ndarray]:
    matrix = warp.matrix
    turned = matrix[0, 0] == 0
    lengths = (*size[:-2], *(size[:-3:-1] if turned else size[-2:]))
    indices = [
        mirrored(round(at - (length - 1) / 2), length, full)
        for at, length, full in zip(centre, lengths, shape, strict=True)
    ]
    crop = tuple(slice(int(index.min()), int(index.max()) + 1) for index in indices)
    inner: tuple[Any, ...] = np.ix_(*(index - part.start for index, part in zip(indices, crop, strict=True)))
    image, label = read_image(crop)[(slice(None), *inner)], read_label(crop)[inner]
    signs = matrix.sum(1)  # of each axis of the image
    if signs[0] < 0:
        image, label = image[..., ::-1, :], label[..., ::-1, :]
    if signs[1] < 0:
        image, label = image[..., ::-1], label[..., ::-1]
    if turned:
        image, label = image.swapaxes(-1, -2), label.swapaxes(-1, -2)
    if warp.flips_z and label.ndim == 3:
        image, label = image[:, ::-1], label[::-1]
    return np.ascontiguousarray(image), np.ascontiguousarray(label)


def _coordinates(centre: Sequence[float], size: Sequence[int], warp: Warp) -> tuple[np.ndarray, np.ndarray]:
    """Where each pixel of the patch lies in the image: y and x, each (Y, X) float32."""
    down = (np.arange(size[0], dtype=np.float32) - (size[0] - 1) / 2)[:, None]
    right = (np.arange(size[1], dtype=np.float32) - (size[1] - 1) / 2)[None, :]
    found = [
        np.float32(centre[axis]) + np.float32(warp.matrix[axis, 0]) * down + np.float32(warp.matrix[axis, 1]) * right
        for axis in (0, 1)
    ]
    if warp.knots is not None:
        found = [
            position + cv2.resize(warp.knots[axis], (size[1], size[0]), interpolation=cv2.INTER_CUBIC)
            for axis, position in enumerate(found)
        ]
    return found[0], found[1]


def _needed(positions: np.ndarray, full: int) -> slice:
    """The part of an axis of length `full` that interpolation at `positions` reads, mirrored beyond the ends."""
    low, high = float(positions.min()), float(positions.max())
    if low < 0 or high > full - 1:  # mirrored pixels can lie anywhere: read generously
        low, high = min(low, 2 * full - 2 - high), max(high, -low)
    return slice(max(0, int(np.floor(low)) - 1), min(full, int(np.ceil(high)) + 2))


def _nearest(label: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    kind = label.dtype
    # OpenCV knows no 32-bit unsigned integers; float64 holds each of them exactly
    plain = label if kind in (np.uint8, np.uint16) else label.astype(np.float64)
    return cv2.remap(np.ascontiguousarray(plain), x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT).astype(kind)


def _draw_knots(rng: np.random.Generator, step: dict[str, Any], size: Sequence[int]) -> np.ndarray:
    count = tuple(max(2, round(length / step["knot_distance"]) + 1) for length in size)
    return rng.normal(0, step["displacement"], (2, *count)).astype(np.float32)


def _rotation(rng: np.random.Generator, step: dict[str, Any]) -> np.ndarray:
    angle = np.radians(rng.uniform(-step["degrees"], step["degrees"]))
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _quarter_turn(rng: np.random.Generator, step: dict[str, Any]) -> np.ndarray:
    return np.array([[[0.0, -1.0], [1.0, 0.0]], [[-1.0, 0.0], [0.0, -1.0]], [[0.0, 1.0], [-1.0, 0.0]]][rng.integers(3)])


def _zoom(rng: np.random.Generator, step: dict[str, Any]) -> np.ndarray:
    largest = np.log1p(step["amount"])
    return np.eye(2) * np.exp(rng.uniform(-largest, largest))


def _shear(rng: np.random.Generator, step: dict[str, Any]) -> np.ndarray:
    slant = np.tan(np.radians(rng.uniform(-step["degrees"], step["degrees"])))
    return np.array([[1.0, slant], [0.0, 1.0]] if rng.random() < 0.5 else [[1.0, 0.0], [slant, 1.0]])


_MATRICES = {"rotate": _rotation, "rotate90": _quarter_turn, "zoom": _zoom, "shear": _shear}
