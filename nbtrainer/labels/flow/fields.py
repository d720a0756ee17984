"""The smooth distance of each object, and the flow from its rim to its middle: the fields of Omnipose.

Cutler et al., Nature Methods 19, 1438 (2022). The distance solves |grad T| = 1. Theirs iterates; here every pixel is
computed once, from neighbours nearer to the rim, in the order of the exact distance. Written from the paper's maths.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import edt
import numpy as np
from scipy.special import ndtri

from nbtrainer.labels.flow.march import (
    _BINOMIAL,
    _DEEPEST_RIM,
    _KEYS_PER_SQUARE,
    _SHALLOWEST,
    FRAME,
    differentiate,
    in_order_of_distance,
    march,
    point_inwards,
)
from nbtrainer.labels.flow.neighbours import frame_labels, neighbour_offsets


@dataclass(frozen=True, eq=False)
class FlowFields:
    """`distance` ([Z,] Y, X) float32, 0 in the background; `flow` (d, [Z,] Y, X) float32, components in the order z, y, x,
    about 1 long, 0 in the background and near the middle; `boundary` ([Z,] Y, X) boolean."""

    distance: np.ndarray
    flow: np.ndarray
    boundary: np.ndarray


def flow_fields(
    labels: np.ndarray, links: Iterable[tuple[int, int]] = (), spacing: tuple[float, ...] | None = None
) -> FlowFields:
    """Smooth distance, flow and boundary of all objects of `labels` at once.

    The distance is 0 at the centre of the first pixel outside, half a pixel beyond the rim: a disc of radius R has
    R + 0.5 - r at distance r from its middle, and a line one pixel wide has 1. Whatever is not the object's own is
    outside: background and touching objects alike. Linked ids are one object. At the edge of the array an object goes
    on; one that fills the array is closed there, since nothing else says how deep it is.

    Parameters
    ----------
    labels
        ([Z,] Y, X) whole numbers below 2**32 - 1, 0 is background. Parts of an object that do not touch have fields apart.
    spacing
        Size of a voxel along each axis, in any unit; distances are in units of the smallest. Equal if left out.
    """
    wide = frame_labels(labels, links, FRAME)
    dim, size = wide.ndim, relative_spacing(labels.ndim, spacing)
    inner = (slice(FRAME, -FRAME),) * dim
    exact = _exact_distance(wide[inner], size=size)
    depth = np.pad(exact, FRAME)
    equal = bool((size == 1).all())
    scale = 1 if equal else _KEYS_PER_SQUARE
    jumps, vectors, shares = _pairs(wide.shape, size)
    window, weights = _window(wide.shape)
    flat = wide.ravel()
    order, keys = in_order_of_distance(flat, depth.ravel(), scale)
    distance = np.zeros(flat.size, np.float32)
    towards = np.zeros((flat.size, 3), np.float32)
    edge = np.zeros(flat.size, np.bool_)
    point_inwards(flat, depth.ravel(), order, jumps, shares, dim, towards, edge)
    around, back = _around(jumps, vectors=vectors)
    march(flat, depth.ravel(), keys, order, around, back, towards, window, weights, _depths(), equal, distance)
    gradient = np.zeros((dim, flat.size), np.float32)
    # along the axes alone: at a border of two objects, each then sees the other exactly 0 deep (see `join`)
    strides = np.array([int(np.prod(wide.shape[axis + 1 :])) for axis in range(dim)])
    differentiate(flat, distance, order, strides, size, gradient)
    return FlowFields(
        np.ascontiguousarray(distance.reshape(wide.shape)[inner]),
        np.ascontiguousarray(gradient.reshape(dim, *wide.shape)[:, *inner]),
        np.ascontiguousarray(edge.reshape(wide.shape)[inner]),
    )


def relative_spacing(dim: int, spacing: tuple[float, ...] | None) -> np.ndarray:
    """(dim,) float64: sizes of a voxel in units of the smallest.

    >>> relative_spacing(3, (2.0, 0.5, 0.5))
    array([4., 1., 1.])
    """
    size = np.ones(dim) if spacing is None else np.asarray(spacing, float)
    if size.shape != (dim,) or not (size > 0).all():
        raise ValueError(f"spacing is one number above 0 for each of {dim} axes, not {spacing}")
    return size / size.min()


def _exact_distance(labels: np.ndarray, *, size: np.ndarray) -> np.ndarray:
    labels = np.ascontiguousarray(labels)
    depth = edt.edt(labels, anisotropy=tuple(size))
    if labels.size and not np.isfinite(depth.max()):  # one object fills the array
        depth = edt.edt(labels, anisotropy=tuple(size), black_border=True)
    return depth


def _pairs(shape: tuple[int, ...], size: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each pair of opposite neighbours one, those that share a face first: its jump in the flat array, its vector
    (z, y, x), and what its difference adds to each component of a gradient, so that every ring (1, 2 or 3 axes at once)
    counts alike. In the plane z is 0."""
    dim = len(shape)
    half = neighbour_offsets(dim)[(3**dim - 1) // 2 :]
    rings = np.abs(half).sum(axis=1)
    half = half[np.argsort(rings, kind="stable")]
    rings.sort()
    strides = np.array([int(np.prod(shape[axis + 1 :])) for axis in range(dim)])
    vectors, shares = np.zeros((len(half), 3), np.float32), np.zeros((len(half), 3), np.float32)
    vectors[:, 3 - dim :] = half * size
    for ring in range(1, dim + 1):
        chosen = rings == ring
        units = half[chosen] * size / ((half[chosen] * size) ** 2).sum(axis=1, keepdims=True)
        # the sum of vector x share over a ring is the unit matrix
        shares[chosen, 3 - dim :] = units / (units * half[chosen] * size).sum(axis=0) / dim
    return half @ strides, vectors, shares


def _around(jumps: np.ndarray, *, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All neighbours, opposite ones in turn: their jumps, and the vectors back from them with 1 / length²."""
    back = np.repeat(-vectors, 2, axis=0)
    back[1::2] *= -1
    around = np.repeat(jumps, 2)
    around[1::2] *= -1
    return around, np.hstack([back, 1 / (back**2).sum(axis=1, keepdims=True)]).astype(np.float32)


def _window(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Jumps to the 5^d pixels around one, and their binomial weights."""
    strides = [int(np.prod(shape[axis + 1 :])) for axis in range(len(shape))]
    jumps, weights = np.zeros(1, np.int64), np.ones(1, np.int64)
    for stride in strides:
        jumps = (jumps[:, None] + stride * np.arange(-FRAME, FRAME + 1)).ravel()
        weights = (weights[:, None] * np.array(_BINOMIAL)).ravel()
    return jumps, weights


@cache
def _depths() -> np.ndarray:
    """Depth of a pixel at a straight rim, by the share of its surroundings (smoothed, sigma 1) that are its own.

    The rim of a disc is a staircase; taking 1 for the depth of each step is wrong by half a pixel. With this the root
    mean square error over a disc of radius 10 fell from 2.6 % of the radius to 1.6 %; that of the exact distance is 2.8 %.
    """
    return np.clip(ndtri(np.linspace(0, 1, 4097)) + 0.5, _SHALLOWEST, _DEEPEST_RIM).astype(np.float32)
