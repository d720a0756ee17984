"""Geometric changes of a patch: all composed into one map of coordinates, so that the image is interpolated once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np

Region = Callable[[slice, slice], np.ndarray]


@dataclass(frozen=True)
class Warp:
    """Where each pixel of a patch comes from, as offsets (y, x) from the patch's centre.

    `matrix` (2, 2) takes an offset in the patch to one in the image; `knots` (2, Ky, Kx), in pixels, bend it further.
    """

    matrix: np.ndarray = field(default_factory=lambda: np.eye(2))
    knots: np.ndarray | None = None

    @property
    def is_exact(self) -> bool:
        """Whether pixels only change places: flips and quarter turns, without interpolation."""
        return self.knots is None and bool(
            (np.abs(self.matrix).sum(0) == 1).all() and np.isin(self.matrix, (-1, 0, 1)).all()
        )


def draw_warp(rng: np.random.Generator, steps: Sequence[dict[str, Any]], size: tuple[int, int]) -> Warp:
    """The geometric ones of `steps`, drawn for a patch of `size` (y, x) and composed in their order."""
    matrix = np.eye(2)
    knots = None
    for step in steps:
        if step["kind"] == "flip":
            matrix = np.diag(np.where(rng.random(2) < step["probability"], -1.0, 1.0)) @ matrix
        elif step["kind"] in _MATRICES and rng.random() < step["probability"]:
            matrix = _MATRICES[step["kind"]](rng, step) @ matrix
        elif step["kind"] == "elastic" and rng.random() < step["probability"]:
            bend = _draw_knots(rng, step, size)
            knots = bend if knots is None or knots.shape != bend.shape else knots + bend
    return Warp(matrix, knots)


def warp_patch(
    read_image: Region,
    read_label: Region,
    shape: tuple[int, int],
    centre: tuple[float, float],
    size: tuple[int, int],
    warp: Warp,
) -> tuple[np.ndarray, np.ndarray]:
    """The patch of `size` (y, x) around `centre`, warped: image (C, Y, X) by linear, label (Y, X) by nearest neighbour.

    `read_image` and `read_label` give a region of the image of `shape` (y, x); beyond its edge it is mirrored.
    """
    if warp.is_exact:
        return _exact_patch(read_image, read_label, shape, centre, size, warp.matrix)
    y, x = _coordinates(centre, size, warp)
    rows, columns = _needed(y, shape[0]), _needed(x, shape[1])
    y -= rows.start
    x -= columns.start
    image, label = read_image(rows, columns), read_label(rows, columns)
    warped = np.stack(
        [
            cv2.remap(np.ascontiguousarray(channel), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
            for channel in image
        ]
    )
    return warped, _nearest(label, x, y)


def mirrored(start: int, length: int, available: int) -> np.ndarray:
    """Indices `start` to `start + length - 1` of an axis with `available` entries, mirrored at both ends."""
    position = np.arange(start, start + length) % (2 * available)
    return np.where(position < available, position, 2 * available - 1 - position)


def _exact_patch(
    read_image: Region,
    read_label: Region,
    shape: tuple[int, int],
    centre: tuple[float, float],
    size: tuple[int, int],
    matrix: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    turned = matrix[0, 0] == 0
    height, width = size[::-1] if turned else size
    starts = (round(centre[0] - (height - 1) / 2), round(centre[1] - (width - 1) / 2))
    rows, columns = (
        mirrored(start, length, full) for start, length, full in zip(starts, (height, width), shape, strict=True)
    )
    crop = slice(int(rows.min()), int(rows.max()) + 1), slice(int(columns.min()), int(columns.max()) + 1)
    index = np.ix_(rows - crop[0].start, columns - crop[1].start)
    image, label = read_image(*crop)[:, index[0], index[1]], read_label(*crop)[index]
    signs = matrix.sum(1)  # of each axis of the image
    if signs[0] < 0:
        image, label = image[:, ::-1], label[::-1]
    if signs[1] < 0:
        image, label = image[:, :, ::-1], label[:, ::-1]
    if turned:
        image, label = image.swapaxes(1, 2), label.T
    return np.ascontiguousarray(image), np.ascontiguousarray(label)


def _coordinates(centre: tuple[float, float], size: tuple[int, int], warp: Warp) -> tuple[np.ndarray, np.ndarray]:
    """Where each pixel of the patch lies in the image: y and x, each (Y, X) float32."""
    down = (np.arange(size[0], dtype=np.float32) - (size[0] - 1) / 2)[:, None]
    right = (np.arange(size[1], dtype=np.float32) - (size[1] - 1) / 2)[None, :]
    found = [
        np.float32(centre[axis]) + np.float32(warp.matrix[axis, 0]) * down + np.float32(warp.matrix[axis, 1]) * right
        for axis in (0, 1)
    ]
    if warp.knots is not None:
        found = [
            position + cv2.resize(warp.knots[axis], size[::-1], interpolation=cv2.INTER_CUBIC)
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


def _draw_knots(rng: np.random.Generator, step: dict[str, Any], size: tuple[int, int]) -> np.ndarray:
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
