"""Pixels joined to objects by their fields: neighbours hang together where the depth between them does not fall to 0."""

from __future__ import annotations

import numba
import numpy as np

from nbtrainer.labels.neighbours import steps

_compiled = numba.njit(nogil=True, cache=True, boundscheck=False)


def join(
    foreground: np.ndarray, distance: np.ndarray, flow: np.ndarray, size: np.ndarray, least_depth: float = 0.8
) -> np.ndarray:
    """Objects ([Z,] Y, X) int32, 0 in the background, 1, 2, 3 ... in no order.

    Two neighbours each say, from their distance and flow, how deep the other lies. They are joined if that is more
    than `least_depth` on average: within an object it is about 1 at the rim and more in the middle; across a border
    about 0, since the flows lead apart; between objects of 1 and 2 pixels' width half to three quarters.

    First every pixel goes with the joined neighbour to which it flows. Then two such groups become one if most of the
    neighbours on either side of their common border are joined, so that a few wrong pixels tie no objects together.
    """
    dim = foreground.ndim
    half = steps(dim)[(3**dim - 1) // 2 :]
    wide = np.pad(foreground, 1)
    strides = np.array([int(np.prod(wide.shape[axis + 1 :])) for axis in range(dim)])
    vectors = np.zeros((len(half), 3), np.float32)
    vectors[:, 3 - dim :] = half * size
    numbers = np.full(wide.size, -1, np.int32)
    places = np.flatnonzero(wide)
    numbers[places] = np.arange(len(places))
    depth = distance[foreground].astype(np.float32)
    flows = np.zeros((len(places), 3), np.float32)
    flows[:, 3 - dim :] = flow[:, foreground].T
    group = _flow_together(places, numbers, half @ strides, vectors, depth, flows, np.float32(2 * least_depth))
    first, second, joined = _borders(places, numbers, half @ strides, vectors, depth, flows, np.float32(2 * least_depth), group)
    root = _vote(first, second, joined, group)
    objects = np.zeros(foreground.shape, np.int32)
    objects[foreground] = root + 1
    return objects


@_compiled
def _root(parent, at):  # type: ignore[no-untyped-def]
    while parent[at] != at:
        parent[at] = parent[parent[at]]
        at = parent[at]
    return at


@_compiled
def _unite(parent, first, second):  # type: ignore[no-untyped-def]
    first, second = _root(parent, first), _root(parent, second)
    # the smaller number is the root, so that the result does not hang on the order
    if first < second:
        parent[second] = first
    else:
        parent[first] = second


@_compiled
def _depths_between(vector, depth, flows, p, q):  # type: ignore[no-untyped-def]
    """Sum of how deep q is by p's field, and p by q's."""
    apart = (
        (flows[q, 0] - flows[p, 0]) * vector[0]
        + (flows[q, 1] - flows[p, 1]) * vector[1]
        + (flows[q, 2] - flows[p, 2]) * vector[2]
    )
    return depth[p] + depth[q] - apart


@_compiled
def _flow_together(places, numbers, jumps, vectors, depth, flows, least):  # type: ignore[no-untyped-def]
    count = places.size
    parent = np.arange(count).astype(np.int32)
    best = np.zeros(count, np.float32)
    to = np.full(count, -1, np.int32)
    for p in range(count):
        for k in range(jumps.size):
            q = numbers[places[p] + jumps[k]]
            if q < 0:
                continue
            v = vectors[k]
            if _depths_between(v, depth, flows, p, q) > least:
                scale = 1 / np.sqrt(v[0] ** 2 + v[1] ** 2 + v[2] ** 2)
                along = (flows[p, 0] * v[0] + flows[p, 1] * v[1] + flows[p, 2] * v[2]) * scale
                if along > best[p]:
                    best[p] = along
                    to[p] = q
                back = -(flows[q, 0] * v[0] + flows[q, 1] * v[1] + flows[q, 2] * v[2]) * scale
                if back > best[q]:
                    best[q] = back
                    to[q] = p
    for p in range(count):
        if best[p] > np.float32(0.1):
            _unite(parent, np.int32(p), to[p])
    for p in range(count):
        parent[p] = _root(parent, np.int32(p))
    return parent


@_compiled
def _borders(places, numbers, jumps, vectors, depth, flows, least, group):  # type: ignore[no-untyped-def]
    n = 0
    for p in range(places.size):
        for k in range(jumps.size):
            q = numbers[places[p] + jumps[k]]
            if q >= 0 and group[p] != group[q]:
                n += 1
    first, second = np.empty(n, np.int32), np.empty(n, np.int32)
    joined = np.empty(n, np.bool_)
    n = 0
    for p in range(places.size):
        for k in range(jumps.size):
            q = numbers[places[p] + jumps[k]]
            if q >= 0 and group[p] != group[q]:
                first[n], second[n] = min(group[p], group[q]), max(group[p], group[q])
                joined[n] = _depths_between(vectors[k], depth, flows, p, q) > least
                n += 1
    return first, second, joined


def _vote(first: np.ndarray, second: np.ndarray, joined: np.ndarray, group: np.ndarray) -> np.ndarray:
    parent = group.copy()
    while len(first):
        keys = (first.astype(np.int64) << 32) | second
        unique, index = np.unique(keys, return_inverse=True)
        yes = np.bincount(index, joined, len(unique))
        total = np.bincount(index, minlength=len(unique))
        wins = unique[2 * yes > total]
        if not len(wins):
            break
        _unite_all(parent, (wins >> 32).astype(np.int32), (wins & (2**32 - 1)).astype(np.int32))
        a, b = parent[first], parent[second]
        apart = a != b
        first, second, joined = np.minimum(a, b)[apart], np.maximum(a, b)[apart], joined[apart]
    return parent


@_compiled
def _unite_all(parent, first, second):  # type: ignore[no-untyped-def]
    for i in range(first.size):
        _unite(parent, first[i], second[i])
    for p in range(parent.size):
        parent[p] = _root(parent, np.int32(p))
