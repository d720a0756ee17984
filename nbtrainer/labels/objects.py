"""What the objects of a label array are like: size, place, pieces, holes, neighbours almost touching, diameter."""

from __future__ import annotations

from dataclasses import dataclass

import edt
import numpy as np
from scipy.ndimage import find_objects

from nbtrainer.labels.connected import count_pairs, enclosed, label_components, pair_keys, plain
from nbtrainer.labels.integers import bincount

# two objects face each other where no more background than this lies between them, in pixels
_FACING_REACH = 12
# a gap along fewer faces than this is chance
_SHORTEST_GAP = 3


@dataclass(frozen=True, eq=False, kw_only=True)
class ObjectMeasures:
    """One entry an object, ordered by id. Sizes are pixels or voxels.

    `boxes` is (n, axes, 2): start and stop (exclusive) along each axis. `pieces` is the number of connected parts
    (corners connect), `loose` the size of all but the largest. `holes` is the background that this object alone encloses.
    """

    ids: np.ndarray
    sizes: np.ndarray
    boxes: np.ndarray
    pieces: np.ndarray
    loose: np.ndarray
    holes: np.ndarray
    touches_border: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)


def measure_objects(labels: np.ndarray) -> ObjectMeasures:
    """Every object of `labels` ((Z, Y, X) or (Y, X) whole numbers) with its measures.

    >>> measures = measure_objects(np.array([[0, 3, 3, 0, 3]]))
    >>> measures.sizes.tolist(), measures.pieces.tolist(), measures.loose.tolist(), measures.boxes.tolist()
    ([3], [2], [1], [[[0, 1], [1, 5]]])
    """
    labels = plain(labels)
    components, owners = label_components(labels)
    ids, index = np.unique(owners[1:], return_inverse=True)
    part_sizes = bincount(components.ravel(), minlength=len(owners))[1:]
    sizes = bincount(index, part_sizes, len(ids)).astype(np.int64)
    largest = np.zeros(len(ids), np.int64)
    np.maximum.at(largest, index, part_sizes)

    boxes = np.empty((len(ids), labels.ndim, 2), np.int64)
    boxes[..., 0], boxes[..., 1] = np.iinfo(np.int64).max, 0
    part_boxes = _boxes(components, len(owners) - 1)
    np.minimum.at(boxes[..., 0], index, part_boxes[..., 0])
    np.maximum.at(boxes[..., 1], index, part_boxes[..., 1])

    regions, region_owners = enclosed(labels)
    region_sizes = bincount(regions.ravel(), minlength=len(region_owners))
    inside = np.flatnonzero(region_owners)
    holes = np.zeros(len(ids), np.int64)
    np.add.at(holes, np.searchsorted(ids, region_owners[inside]), region_sizes[inside])
    return ObjectMeasures(
        ids=ids,
        sizes=sizes,
        boxes=boxes,
        pieces=bincount(index, minlength=len(ids)),
        loose=sizes - largest,
        holes=holes,
        touches_border=((boxes[..., 0] == 0) | (boxes[..., 1] == labels.shape)).any(axis=1),
    )


def near_misses(labels: np.ndarray, widest: int = 2) -> np.ndarray:
    """Pairs of objects that almost touch but leave a gap, as (n, 2) ids, smaller id first.

    A pair counts if, along rows, columns and slices, more than half of the places where the two face each other (at
    most 12 pixels of background between them) have a gap of 1 to `widest` pixels: a line that an export left between
    cells, and not two discs that come close at one point.

    >>> near_misses(np.repeat([[1, 1, 0, 2, 2]], 8, axis=0)).tolist()
    [[1, 2]]
    """
    labels = plain(labels)
    narrow, facing = [np.zeros(0, np.uint64)], [np.zeros(0, np.uint64)]
    for axis in range(labels.ndim):
        keys, gaps = _facing(np.moveaxis(labels, axis, -1))
        narrow.append(keys[(gaps >= 1) & (gaps <= widest)])
        facing.append(keys)
    pairs, narrow_counts = count_pairs(np.concatenate(narrow))
    known, facing_counts = count_pairs(np.concatenate(facing))
    place = np.searchsorted(pair_keys(known[:, 0], second=known[:, 1]), pair_keys(pairs[:, 0], second=pairs[:, 1]))
    return pairs[(narrow_counts >= _SHORTEST_GAP) & (2 * narrow_counts > facing_counts[place])]


def mean_diameter(labels: np.ndarray, per_object: bool = False, smallest: float = 5.0) -> float | np.ndarray:
    """Diameter of the objects in pixels: 2 (d + 1) times the mean depth of the foreground, as Omnipose measures it.

    A ball in d dimensions has a mean depth of radius / (d + 1). Depth is the distance to the next pixel that is not
    the object's own, so touching objects keep their boundary, and small ones come out up to d + 1 pixels too large.
    The edge of the array is no boundary. Never less than `smallest`; nan where there are no objects.

    With `per_object` an array of one diameter an object, ordered by id.

    >>> y, x = np.ogrid[-20:21, -20:21]
    >>> disc = (y**2 + x**2 <= 15**2).astype(np.uint8)
    >>> 30 < mean_diameter(disc) < 33
    True
    """
    labels = plain(labels)
    foreground = labels != 0
    if not foreground.any():
        return np.zeros(0) if per_object else float("nan")
    depth = edt.edt(labels)
    if not np.isfinite(depth).all():  # one object fills the array
        depth = edt.edt(labels, black_border=True)
    factor = 2 * (labels.ndim + 1)
    if not per_object:
        return max(smallest, factor * float(depth[foreground].mean(dtype=np.float64)))
    _, index = np.unique(labels[foreground], return_inverse=True)
    return np.maximum(smallest, factor * bincount(index, depth[foreground]) / bincount(index))


def density(labels: np.ndarray) -> float:
    """Share of the array that is not background; 0 for an empty one.

    >>> density(np.array([[0, 1, 2, 0]]))
    0.5
    """
    return float(np.count_nonzero(labels) / labels.size) if labels.size else 0.0


def dense_regions(labels: np.ndarray, size: tuple[int, ...], count: int) -> list[tuple[slice, ...]]:
    """Up to `count` boxes of `size` with the most foreground, the fullest first; no two overlap and none is empty.

    `size` has one length an axis of `labels`, in pixels; longer than the array means as long as the array.

    >>> dense_regions(np.array([[0, 0, 1, 1]]), size=(1, 2), count=3)
    [(slice(0, 1, None), slice(2, 4, None))]
    """
    size = tuple(min(side, length) for side, length in zip(size, labels.shape, strict=True))
    if not labels.size or min(size) < 1:
        return []
    filled = _box_sums(labels != 0, size)
    regions: list[tuple[slice, ...]] = []
    while len(regions) < count and filled.max() > 0:
        corner = np.unravel_index(int(filled.argmax()), filled.shape)
        regions.append(tuple(slice(int(at), int(at) + length) for at, length in zip(corner, size, strict=True)))
        near = tuple(slice(max(0, at - length + 1), at + length) for at, length in zip(corner, size, strict=True))
        filled[near] = 0
    return regions


def _boxes(components: np.ndarray, count: int) -> np.ndarray:
    """(count, axes, 2) start and stop of the parts 1 ... count, all of which occur."""
    if not count:
        return np.zeros((0, components.ndim, 2), np.int64)
    boxes = [[(edge.start, edge.stop) for edge in box] for box in find_objects(components.astype(np.int32, copy=False))]
    return np.array(boxes, np.int64)


def _facing(lines: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where two objects face each other along the last axis: the pair's key, and the pixels of background between."""
    # a pixel of background ends each line, so that its last object is never taken for the next line's neighbour
    padded = np.pad(lines, [(0, 0)] * (lines.ndim - 1) + [(0, 1)])
    width = padded.shape[-1]
    flat = padded.ravel()
    change = np.flatnonzero(flat[1:] != flat[:-1])
    before, after = flat[change], flat[change + 1]
    touching = (before != 0) & (after != 0)
    # a run of background begins at one change and ends at the next
    gap = np.diff(change)
    across = (after[:-1] == 0) & (before[:-1] != 0) & (before[:-1] != after[1:]) & (after[1:] != 0)
    across &= (gap <= _FACING_REACH) & (change[:-1] // width == (change[1:] + 1) // width)
    keys = [
        pair_keys(before[touching], second=after[touching]),
        pair_keys(before[:-1][across], second=after[1:][across]),
    ]
    return np.concatenate(keys), np.concatenate([np.zeros(np.count_nonzero(touching), np.int64), gap[across]])


def _box_sums(foreground: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Foreground in the box of `size` that begins at each place, by running sums along one axis after the other."""
    sums = foreground.astype(np.int64 if foreground.size >= 2**31 else np.int32)
    for axis, length in enumerate(size):
        total = np.cumsum(np.moveaxis(sums, axis, 0), axis=0, dtype=sums.dtype)
        window = total[length - 1 :].copy()
        window[1:] -= total[:-length]
        sums = np.moveaxis(window, 0, axis)
    return sums
