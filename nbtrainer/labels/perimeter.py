"""The length of an object's border, also where pixels are not square."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import binary_erosion, convolve, find_objects

_STRAIGHT, _DIAGONAL, _MIXED = (5, 7, 15, 17, 25, 27), (21, 33), (13, 23)
_EDGES = np.array([[0, 2, 0], [2, 1, 2], [0, 2, 0]])
_CORNERS = np.array([[10, 0, 10], [0, 0, 0], [10, 0, 10]])


def perimeters(labels: np.ndarray, spacing: Sequence[float]) -> np.ndarray:
    """Of each object 1, 2, 3 ... of `labels` (Y, X), 0 for a number that is missing; in the unit of `spacing` (y, x).

    As `skimage.measure.perimeter` (Benkrid and Crookes 2000): each pixel of the border counts by how it goes on to its
    neighbours, straight, diagonally or first one and then the other. Here a straight step is as long as the pixel is in
    its direction.

    >>> square = np.zeros((6, 6), int)
    >>> square[1:5, 1:5] = 1
    >>> perimeters(square, spacing=(0.5, 0.5)).tolist()
    [6.0]
    """
    lengths = []
    for number, box in enumerate(find_objects(labels), 1):
        lengths.append(0.0 if box is None else _perimeter(np.pad(labels[box] == number, 1), spacing))
    return np.array(lengths)


def _perimeter(inside: np.ndarray, spacing: Sequence[float]) -> float:
    border = (inside & ~binary_erosion(inside)).astype(np.int64)
    kinds = convolve(border, _EDGES + _CORNERS, mode="constant") * border
    along_y = convolve(border, np.array([[1], [0], [1]]), mode="constant")
    along_x = convolve(border, np.array([[1, 0, 1]]), mode="constant")
    steps = (along_y * spacing[0] + along_x * spacing[1]) / np.maximum(1, along_y + along_x)
    diagonal = float(np.hypot(spacing[0], spacing[1]))
    return float(
        steps[np.isin(kinds, _STRAIGHT)].sum()
        + diagonal * np.isin(kinds, _DIAGONAL).sum()
        + ((steps + diagonal) / 2)[np.isin(kinds, _MIXED)].sum()
    )
