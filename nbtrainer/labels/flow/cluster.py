"""Pixels gathered to objects by where a flow leads them: Omnipose's three ways from end points to labels."""

from __future__ import annotations

import numba
import numpy as np

from nbtrainer.labels.connected import regions_of
from nbtrainer.labels.flow.integrate import divergence, integrate_smoothly
from nbtrainer.labels.flow.join import root_of, unite
from nbtrainer.labels.flow.neighbours import neighbour_offsets

_compiled = numba.njit(nogil=True, cache=True, boundscheck=False)

# DBSCAN: how far points see, how many make a core, and how fine their places are told apart (in pixels)
_REACH = np.sqrt(2)
_CORE = 5
_FINE = 2
# end points on a boundary with logits above this join nothing
_BOUNDARY = -1.0
# displacements that agree within 60 degrees
_AGREEING = 0.5


def gather_rounded(foreground: np.ndarray, *, ends: np.ndarray, boundary: np.ndarray | None = None) -> np.ndarray:
    """Objects by end points: rounded, marked, and what hangs together (corners too) is one. ([Z,] Y, X) int32.

    `boundary` are logits: end points where they are above -1 join nothing, and go to the object next to them.
    """
    rounded = tuple(np.rint(ends).astype(np.int64).T)
    marked = np.zeros(foreground.shape, bool)
    marked[rounded] = True
    if boundary is not None:
        marked &= boundary <= _BOUNDARY
    clusters = regions_of(marked).astype(np.int32)
    objects = np.zeros(foreground.shape, np.int32)
    objects[foreground] = clusters[rounded]
    return objects if boundary is None else _grown(objects, foreground=foreground)


def gather_dense(foreground: np.ndarray, *, ends: np.ndarray) -> np.ndarray:
    """Objects by DBSCAN of the end points (reach sqrt 2, 5 points a core), told apart to half a pixel. ([Z,] Y, X) int32.

    Points that belong to no cluster go to the nearest core within reach, else to the background. For small objects,
    whose middles are near each other.
    """
    grid = np.rint(_FINE * ends).astype(np.int64)
    shape = tuple(_FINE * length + 1 for length in foreground.shape)
    reach = int(_FINE * _REACH)
    wide = tuple(length + 2 * reach for length in shape)
    flat = np.ravel_multi_index(tuple((grid + reach).T), wide)
    cells, index, counts = np.unique(flat, return_inverse=True, return_counts=True)
    jumps, far = _within(_FINE * _REACH, wide)
    cluster = _cluster(cells, counts, jumps, far)
    objects = np.zeros(foreground.shape, np.int32)
    objects[foreground] = cluster[index] + 1
    return objects


def gather_alike(
    foreground: np.ndarray, *, flow: np.ndarray, size: np.ndarray, diameter: float, smoothly: int | None = None
) -> np.ndarray:
    """Objects by the affinity of neighbours (Omnipose's `affinity_seg`). ([Z,] Y, X) int32.

    Two neighbours are connected if the ways that the flow leads them agree within 60 degrees, or if it converges at
    either and does not lead them more than a pixel apart. Pixels with fewer than 3^(d - 1) connections are left out, and given to the object next to them afterwards.
    """
    dim = foreground.ndim
    ends = integrate_smoothly(flow, foreground=foreground, size=size, steps=smoothly or max(1, int(diameter / 2)))
    ways = (ends - np.argwhere(foreground)).astype(np.float32)
    sink = divergence(flow, size=size)[foreground] < 0
    wide = np.pad(foreground, 1)
    strides = np.array([int(np.prod(wide.shape[axis + 1 :])) for axis in range(dim)])
    half = neighbour_offsets(dim)[(3**dim - 1) // 2 :]
    places = np.flatnonzero(wide)
    numbers = np.full(wide.size, -1, np.int32)
    numbers[places] = np.arange(len(places), dtype=np.int32)
    group = _connect(places, numbers, half @ strides, half, ways, sink, 3 ** (dim - 1))
    objects = np.zeros(foreground.shape, np.int32)
    objects[foreground] = group + 1
    return _grown(objects, foreground=foreground)


def _grown(objects: np.ndarray, *, foreground: np.ndarray) -> np.ndarray:
    """`objects` with pixels of the foreground up to sqrt 2 away given to them."""
    from skimage.segmentation import expand_labels  # here, because it takes a second to import

    return np.where(foreground, expand_labels(objects, _REACH), 0).astype(np.int32)


def _within(radius: float, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Jumps to all cells up to `radius` away but the own, the nearest first, and how far each is."""
    reach = int(radius)
    offsets = np.stack(np.meshgrid(*[np.arange(-reach, reach + 1)] * len(shape), indexing="ij"), -1)
    offsets = offsets.reshape(-1, len(shape))
    far = np.sqrt((offsets**2).sum(axis=1))
    chosen = np.flatnonzero((far <= radius) & (far > 0))
    chosen = chosen[np.argsort(far[chosen], kind="stable")]
    strides = np.array([int(np.prod(shape[axis + 1 :])) for axis in range(len(shape))])
    return offsets[chosen] @ strides, far[chosen]


@_compiled
def _cluster(cells, counts, jumps, far):  # type: ignore[no-untyped-def]
    """Cluster of each of the sorted `cells`, -1 for none."""
    span = cells[-1] + 1 if cells.size else 0
    numbers = np.full(span, -1, np.int32)
    for i in range(cells.size):
        numbers[cells[i]] = i
    core = np.zeros(cells.size, np.bool_)
    for i in range(cells.size):
        points = counts[i]
        for jump in jumps:
            there = cells[i] + jump
            if 0 <= there < span and numbers[there] >= 0:
                points += counts[numbers[there]]
        core[i] = points >= _CORE
    parent = np.arange(cells.size).astype(np.int32)
    for i in range(cells.size):
        for jump in jumps:
            there = cells[i] + jump
            if core[i] and 0 <= there < span and numbers[there] >= 0 and core[numbers[there]]:
                unite(parent, i, numbers[there])
    cluster = np.full(cells.size, -1, np.int32)
    for i in range(cells.size):
        if core[i]:
            cluster[i] = root_of(parent, i)
            continue
        for jump in jumps:
            there = cells[i] + jump
            if 0 <= there < span and numbers[there] >= 0 and core[numbers[there]]:
                cluster[i] = root_of(parent, numbers[there])
                break
    return cluster


@_compiled
def _connect(places, numbers, jumps, vectors, ways, sink, least):  # type: ignore[no-untyped-def]
    count = places.size
    parent = np.arange(count).astype(np.int32)
    degree = np.zeros(count, np.int32)
    lengths = np.sqrt((ways**2).sum(axis=1))
    for united in (False, True):
        for p in range(count):
            for k in range(jumps.size):
                q = numbers[places[p] + jumps[k]]
                if q < 0:
                    continue
                along, apart = np.float32(0), np.float32(0)
                for axis in range(ways.shape[1]):
                    along += ways[p, axis] * ways[q, axis]
                    apart += (ways[q, axis] - ways[p, axis]) * vectors[k, axis]
                converging = (sink[p] or sink[q]) and apart <= 1
                if not (converging or along >= _AGREEING * lengths[p] * lengths[q]):
                    continue
                if not united:
                    degree[p] += 1
                    degree[q] += 1
                elif degree[p] >= least and degree[q] >= least:
                    unite(parent, p, q)
    for p in range(count):
        parent[p] = root_of(parent, p) if degree[p] >= least else -1
    return parent
