"""Pixels joined to objects by their fields: neighbours hang together where the depth between them does not fall to 0."""

from __future__ import annotations

import heapq
from typing import NamedTuple

import numba
import numpy as np

from nbtrainer.labels.flow.neighbours import neighbour_offsets
from nbtrainer.labels.integers import bincount

_compiled = numba.njit(nogil=True, cache=True, boundscheck=False)

# the depth of a pixel at the rim is 1.5 at most: two neighbours deeper than this never lie on a border
_DEEP = 2.3
# a pixel goes with the neighbour to which it flows at least so fast; on 60 slices of dense neurites (2.4 million voxels)
# 12 such steps at 0.5 left the object, 300 at 0.1
_LEAST_FLOW = 0.3
# more depth than this does not make two pixels belong together more surely
_SURE = 1.5
# only faces tell a border for sure; where objects touch by corners alone, these decide
_CORNER_WEIGHT = 0.02
# an object one thick slice high is as deep as the slice, and without flow across: so are its neighbours above and below
_THICK_WEIGHT = 0.02
# along a line one pixel wide, and across two sheets of that width, nothing flows: such neighbours count little, and as
# barely joined (neurites3d: 163 to 167 of 169 objects)
_THIN, _STILL, _STILL_WEIGHT, _STILL_DEPTH = 1.6, 0.08, 0.15, 1.2


def join(
    foreground: np.ndarray,
    *,
    distance: np.ndarray,
    flow: np.ndarray,
    size: np.ndarray,
    min_border_depth: float,
) -> np.ndarray:
    """Objects ([Z,] Y, X) int32, 0 in the background, 1, 2, 3 ... in no order.

    Two neighbours each say, from their distance and flow, how deep the other lies: p says that q lies T(p) + flow(p)
    (q - p) deep. The mean of both is 1 or more within an object, 0 across the border of two, and 0.5 where one of them
    is a single pixel wide.

    First every pixel goes with the neighbour, over a face, to which it flows. Such groups then grow into one another, always the two
    whose common border is deepest on average, until none is deeper than `min_border_depth`. So a few wrong pixels tie no two
    objects together. `size` is the size of a voxel along each axis, as in `flow_fields`.
    """
    graph = _graph(foreground, distance=distance, flow=flow, size=size)
    least = np.float32(2 * min_border_depth)
    group = _flow_together(*graph, least)
    pairs, sums, weights = _borders(*graph, group)
    if len(pairs):
        unique, index = np.unique(pairs, return_inverse=True)
        ends = (unique >> 32).astype(np.int32), (unique & (2**32 - 1)).astype(np.int32)
        total, weight = bincount(index, sums), bincount(index, weights)
        group = _agglomerate(len(group), *ends, total, weight, float(least))[group]
    objects = np.zeros(foreground.shape, np.int32)
    objects[foreground] = group + 1
    return objects


class _Graph(NamedTuple):
    """Pixels of the foreground by number, with half of the jumps to their neighbours in a padded array."""

    places: np.ndarray
    numbers: np.ndarray
    jumps: np.ndarray
    vectors: np.ndarray
    depth: np.ndarray
    flows: np.ndarray


def _graph(foreground: np.ndarray, *, distance: np.ndarray, flow: np.ndarray, size: np.ndarray) -> _Graph:
    dim = foreground.ndim
    half = neighbour_offsets(dim)[(3**dim - 1) // 2 :]
    wide = np.pad(foreground, 1)
    strides = np.array([int(np.prod(wide.shape[axis + 1 :])) for axis in range(dim)])
    vectors = np.zeros((len(half), 3), np.float32)
    vectors[:, 3 - dim :] = half * size
    places = np.flatnonzero(wide)
    numbers = np.full(wide.size, -1, np.int32)
    numbers[places] = np.arange(len(places), dtype=np.int32)
    flows = np.zeros((len(places), 3), np.float32)
    for axis in range(dim):
        flows[:, 3 - dim + axis] = flow[axis][foreground]
    return _Graph(places, numbers, half @ strides, vectors, distance[foreground].astype(np.float32), flows)


@_compiled
def root_of(parent, at):  # type: ignore[no-untyped-def]
    """The root of a union-find forest, shortening the way to it."""
    while parent[at] != at:
        parent[at] = parent[parent[at]]
        at = parent[at]
    return at


@_compiled
def unite(parent, first, second):  # type: ignore[no-untyped-def]
    """Make two trees one; the smaller number becomes the root, so that the result does not hang on the order."""
    first, second = root_of(parent, first), root_of(parent, second)
    parent[max(first, second)] = min(first, second)


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
    best = np.full(count, np.float32(_LEAST_FLOW))
    to = np.full(count, -1, np.int32)
    lengths = np.sqrt(vectors[:, 0] ** 2 + vectors[:, 1] ** 2 + vectors[:, 2] ** 2)
    axes = (vectors[:, 0] != 0).astype(np.int64) + (vectors[:, 1] != 0) + (vectors[:, 2] != 0)
    for p in range(count):
        for k in range(jumps.size):
            q = numbers[places[p] + jumps[k]]
            # over a corner a neighbour may seem deep beside a border that both lie on
            if q < 0 or axes[k] > 1:
                continue
            v = vectors[k]
            if _depths_between(v, depth, flows, p, q) <= least:
                continue
            if min(depth[p], depth[q]) > _DEEP * lengths[k]:
                unite(parent, p, q)
            forth = (flows[p, 0] * v[0] + flows[p, 1] * v[1] + flows[p, 2] * v[2]) / lengths[k]
            back = -(flows[q, 0] * v[0] + flows[q, 1] * v[1] + flows[q, 2] * v[2]) / lengths[k]
            if forth > best[p]:
                best[p] = forth
                to[p] = q
            if back > best[q]:
                best[q] = back
                to[q] = p
    for p in range(count):
        if to[p] >= 0:
            unite(parent, p, to[p])
    for p in range(count):
        parent[p] = root_of(parent, p)
    return parent


@_compiled
def _borders(places, numbers, jumps, vectors, depth, flows, group):  # type: ignore[no-untyped-def]
    """For every two neighbours of different groups: the groups as one key, their depths times their weight, the weight."""
    count = 0
    for p in range(places.size):
        for k in range(jumps.size):
            q = numbers[places[p] + jumps[k]]
            if q >= 0 and group[p] != group[q]:
                count += 1
    lengths = np.sqrt(vectors[:, 0] ** 2 + vectors[:, 1] ** 2 + vectors[:, 2] ** 2)
    keys = np.empty(count, np.int64)
    sums, weights = np.empty(count, np.float32), np.empty(count, np.float32)
    at = 0
    for p in range(places.size):
        for k in range(jumps.size):
            q = numbers[places[p] + jumps[k]]
            if q >= 0 and group[p] != group[q]:
                low, high = min(group[p], group[q]), max(group[p], group[q])
                keys[at] = (np.int64(low) << 32) | np.int64(high)
                sums[at], weights[at] = _evidence(vectors[k], lengths[k], depth, flows, p, q)
                at += 1
    return keys, sums, weights


@_compiled
def _evidence(vector, length, depth, flows, p, q):  # type: ignore[no-untyped-def]
    """Depth between two neighbours (the sum of both sides) times its weight, and the weight."""
    between = min(max(_depths_between(vector, depth, flows, p, q), np.float32(0)), np.float32(2 * _SURE))
    weight = np.float32(1)
    if (vector[0] != 0) + (vector[1] != 0) + (vector[2] != 0) > 1:
        weight = np.float32(_CORNER_WEIGHT)
    elif length > 1 and min(depth[p], depth[q]) >= length:
        weight = np.float32(_THICK_WEIGHT)
    elif max(depth[p], depth[q]) < _THIN:
        here = flows[p, 0] * vector[0] + flows[p, 1] * vector[1] + flows[p, 2] * vector[2]
        there = flows[q, 0] * vector[0] + flows[q, 1] * vector[1] + flows[q, 2] * vector[2]
        if max(abs(here), abs(there)) < _STILL:
            weight = np.float32(_STILL_WEIGHT)
            between = min(between, np.float32(_STILL_DEPTH))
    return between * weight, weight


@_compiled
def _agglomerate(count, first, second, total, weight, least):  # type: ignore[no-untyped-def]
    """The group (a root among `count`) of each node, when edges with the largest mean are taken away one by one.

    Edges are the pairs `first`, `second`, each once, with the mean `total` / `weight`. Two nodes that become one share
    their edges: the means are taken over both. Ends when no mean is above `least`.
    """
    edges = first.size
    # edge e has its ends at 2 e and 2 e + 1; each node's ends hang on a chain
    ends = np.empty(2 * edges, np.int32)
    follows = np.full(2 * edges, -1, np.int32)
    begins = np.full(count, -1, np.int32)
    degree = np.zeros(count, np.int32)
    alive = np.ones(edges, np.bool_)
    version = np.zeros(edges, np.int32)
    known = {np.int64(-1): np.int32(-1)}
    heap = [(0.0, np.int32(-1), np.int32(0))]
    heap.clear()
    for edge in range(edges):
        ends[2 * edge], ends[2 * edge + 1] = first[edge], second[edge]
        for end in (2 * edge, 2 * edge + 1):
            follows[end] = begins[ends[end]]
            begins[ends[end]] = end
            degree[ends[end]] += 1
        known[_key(first[edge], second[edge])] = np.int32(edge)
        if total[edge] > least * weight[edge]:
            heap.append((-total[edge] / weight[edge], np.int32(edge), np.int32(0)))
    heapq.heapify(heap)
    parent = np.arange(count).astype(np.int32)
    while len(heap):
        _, edge, seen = heapq.heappop(heap)
        if not alive[edge] or version[edge] != seen:
            continue
        stays, goes = ends[2 * edge], ends[2 * edge + 1]
        if degree[stays] < degree[goes]:
            stays, goes = goes, stays
        parent[goes] = stays
        alive[edge] = False
        end = begins[goes]
        while end >= 0:
            following, moved = follows[end], np.int32(end >> 1)
            if alive[moved]:
                key = _key(stays, ends[end ^ 1])
                other = known[key] if key in known else np.int32(-1)
                if other >= 0 and alive[other]:
                    alive[moved] = False
                    total[other] += total[moved]
                    weight[other] += weight[moved]
                    version[other] += 1
                    if total[other] > least * weight[other]:
                        heapq.heappush(heap, (-total[other] / weight[other], other, version[other]))
                else:
                    known[key] = moved
                    ends[end] = stays
                    follows[end] = begins[stays]
                    begins[stays] = end
                    degree[stays] += 1
            end = following
    for node in range(count):
        parent[node] = root_of(parent, node)
    return parent


@_compiled
def _key(first, second):  # type: ignore[no-untyped-def]
    return (np.int64(min(first, second)) << 32) | np.int64(max(first, second))
