"""The slope of a distance and the distance from a rim, pixel by pixel: what the fields of objects are calculated with (numba)."""

from __future__ import annotations

import numba
import numpy as np

from nbtrainer.labels.flow.neighbours import BEYOND

# compiled once per machine, as in data/interpolate.py; no fastmath, which would undo the symmetry of the sums
compiled = numba.njit(nogil=True, cache=True, boundscheck=False, error_model="numpy")


# binomial weights of a Gaussian with sigma 1, and the frame that their window needs
_BINOMIAL = (1, 4, 6, 4, 1)


FRAME = 2


# depths of pixels at the rim: never less than half a pixel inside, nor more than a pixel deeper
_SHALLOWEST, _DEEPEST_RIM = 0.5, 1.5


# slope of the exact distance below which a pixel lies on a ridge
_RIDGE = 0.35


# keys of the order for unequal spacing: this many for a square pixel
_KEYS_PER_SQUARE = 64


@compiled
def in_order_of_distance(labels, depth, scale):  # type: ignore[no-untyped-def]
    """Indices of all pixels of objects from the shallowest to the deepest, and each pixel's key in that order."""
    keys = np.zeros(labels.size, np.int32)
    last = 0
    for at in range(labels.size):
        if labels[at] != 0 and labels[at] != BEYOND:
            keys[at] = np.int32(depth[at] * depth[at] * scale + np.float32(0.5))
            last = max(last, keys[at])
    starts = np.zeros(last + 2, np.int64)
    for at in range(labels.size):
        if keys[at]:
            starts[keys[at] + 1] += 1
    for key in range(1, last + 2):
        starts[key] += starts[key - 1]
    order = np.empty(starts[last + 1], np.int64)
    for at in range(labels.size):
        if keys[at]:
            order[starts[keys[at]]] = at
            starts[keys[at]] += 1
    return order, keys


@compiled
def _difference(values, labels, at, after, before):  # type: ignore[no-untyped-def]
    """Difference of two opposite neighbours of a pixel, over two steps; 0 outside the object, and twice one side's
    where the array ends on the other."""
    own = labels[at]
    high = values[after] if labels[after] == own else np.float32(0)
    low = values[before] if labels[before] == own else np.float32(0)
    if labels[after] == BEYOND:
        return np.float32(0) if labels[before] == BEYOND else values[at] - low
    if labels[before] == BEYOND:
        return high - values[at]
    return np.float32(0.5) * (high - low)


@compiled
def point_inwards(labels, depth, order, jumps, shares, faces, towards, edge):  # type: ignore[no-untyped-def]
    """Fill `towards` with the unit direction in which `depth` rises, and `edge` where some neighbours are not the own.

    On a ridge, where it rises from both sides, there is none. Beside the edge of the array only the `faces` count: one
    side of a diagonal tells two directions at once.
    """
    for i in range(order.size):
        place = order[i]
        at = np.uint64(place)
        own = labels[at]
        z, y, x = np.float32(0), np.float32(0), np.float32(0)
        others, beyond = 0, 0
        for k in range(jumps.size):
            after, before = np.uint64(place + jumps[k]), np.uint64(place - jumps[k])
            outside = (labels[after] == BEYOND) + (labels[before] == BEYOND)
            others += (labels[after] != own) + (labels[before] != own) - outside
            beyond += outside
            if k < faces or beyond == 0:
                slope = _difference(depth, labels, at, after, before)
                z += shares[k, 0] * slope
                y += shares[k, 1] * slope
                x += shares[k, 2] * slope
        if beyond:
            z, y, x = z * np.float32(faces), y * np.float32(faces), x * np.float32(faces)
        edge[at] = 0 < others < 2 * jumps.size
        length = np.sqrt(z * z + y * y + x * x)
        if length > np.float32(_RIDGE):
            towards[at, 0] = z / length
            towards[at, 1] = y / length
            towards[at, 2] = x / length


@compiled
def march(labels, depth, keys, order, jumps, back, towards, window, weights, depths, equal, distance):  # type: ignore[no-untyped-def]
    """Fill `distance`: the rim by its surroundings, each other pixel from those nearer to the rim.

    From neighbour q to pixel p the distance grows by what the directions there and here say together (on a ridge, there
    alone); the better a neighbour lies in the direction, the more it counts. `back` leads from neighbour to pixel, and holds 1 / length².
    """
    for i in range(order.size):
        place = order[i]
        at = np.uint64(place)
        own, key = labels[at], keys[at]
        if equal and key == 1:
            distance[at] = rim_depth(labels, place, jumps, window, weights, depths)
            continue
        total = np.float32(0)
        sums = np.float32(0)
        z, y, x = towards[at, 0], towards[at, 1], towards[at, 2]
        ridge = z == 0 and y == 0 and x == 0
        beside = False
        for k in range(jumps.size):
            near = np.uint64(place + jumps[k])
            if labels[near] != own:
                beside |= labels[near] != BEYOND
            elif keys[near] < key:
                here = z * back[k, 0] + y * back[k, 1] + x * back[k, 2]
                there = towards[near, 0] * back[k, 0] + towards[near, 1] * back[k, 1] + towards[near, 2] * back[k, 2]
                gain = there if ridge else np.float32(0.5) * (here + there)
                better = max(there if ridge else here, np.float32(1e-3))
                weight = better * better * back[k, 3]
                total += weight
                sums += weight * (distance[near] + gain)
        if total == 0 or (beside and not equal):
            distance[at] = depth[at]
        else:
            distance[at] = max(np.float32(_SHALLOWEST), sums / total)


@compiled
def rim_depth(labels, place, jumps, window, weights, depths):  # type: ignore[no-untyped-def]
    label = labels[np.uint64(place)]
    own, known = 0, 0
    for k in range(window.size):
        there = labels[np.uint64(place + window[k])]
        own += weights[k] if there == label else 0
        known += weights[k] if there != BEYOND else 0
    depth = depths[(2 * own * (depths.size - 1) + known) // (2 * known)]
    for k in range(0, 2 * _axes(jumps), 2):
        if labels[np.uint64(place + jumps[k])] != label and labels[np.uint64(place + jumps[k + 1])] != label:
            # a line one pixel wide, of which the surroundings hold too little
            depth = max(depth, np.float32(1))
    return depth


@compiled
def _axes(jumps):  # type: ignore[no-untyped-def]
    return 2 if jumps.size == 8 else 3


@compiled
def differentiate(labels, distance, order, jumps, sizes, gradient):  # type: ignore[no-untyped-def]
    """Fill `gradient` (axes, pixels): `jumps` lead one step along each axis, `sizes` is the size of a voxel there."""
    for axis in range(jumps.size):
        scale = np.float32(1) / np.float32(sizes[axis])
        jump = jumps[axis]
        for i in range(order.size):
            place = order[i]
            at, after, before = np.uint64(place), np.uint64(place + jump), np.uint64(place - jump)
            if labels[after] == labels[at] and labels[before] == labels[at]:
                gradient[axis, at] = scale * np.float32(0.5) * (distance[after] - distance[before])
            else:
                gradient[axis, at] = scale * slope_at_the_rim(distance, labels, place, jump, jumps)


@compiled
def slope_at_the_rim(values, labels, place, jump, across):  # type: ignore[no-untyped-def]
    """Of a pixel that lacks a neighbour of its own: from the zero outside up to the pixel, one step.

    A line one pixel wide goes on over a corner (`across` leads to the faces beside it), and an object beyond the edge of
    the array, where the other side alone counts. 0 if both sides lack.
    """
    at, after, before = np.uint64(place), np.uint64(place + jump), np.uint64(place - jump)
    own = labels[at]
    if labels[after] == own:
        if labels[before] == BEYOND:
            return values[after] - values[at]
        further = _over_corner(values, labels, place, -jump, across)
        return np.float32(0.5) * (values[after] - further) if further > 0 else values[at]
    if labels[before] == own:
        if labels[after] == BEYOND:
            return values[at] - values[before]
        further = _over_corner(values, labels, place, jump, across)
        return np.float32(0.5) * (further - values[before]) if further > 0 else -values[at]
    return np.float32(0)


@compiled
def _over_corner(values, labels, place, jump, across):  # type: ignore[no-untyped-def]
    """Mean of the object's pixels over the corners ahead of the end of a line, 0 if there are none or it is no line."""
    own = labels[np.uint64(place)]
    total, count = np.float32(0), 0
    # by index: going over the array itself counts references, which took most of the time
    for k in range(across.size):
        aside = across[k]
        if aside == abs(jump):
            continue
        if labels[np.uint64(place + aside)] == own or labels[np.uint64(place - aside)] == own:
            return np.float32(0)
        for corner in (place + jump + aside, place + jump - aside):
            if labels[np.uint64(corner)] == own:
                total += values[np.uint64(corner)]
                count += 1
    return total / np.float32(count) if count else np.float32(0)
