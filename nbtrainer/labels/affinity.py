"""Affinities: which pixels belong to the same object, for neighbours and for pixels farther apart, and back to objects."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import fastremap
import numpy as np
from scipy.ndimage import find_objects

from nbtrainer.labels.clean import Small, without_small
from nbtrainer.labels.connected import plain, regions_of

Offset = tuple[int, ...]

# what a call of the library costs, in pixels
_CALL = 300

NEAREST_2D: tuple[Offset, ...] = ((-1, 0), (0, -1), (-1, -1), (-1, 1))
"""From a pixel to half of its eight neighbours; the other half sees it. Those that share a face come first."""

NEAREST_3D: tuple[Offset, ...] = tuple(
    sorted(
        (offset for offset in product((-1, 0, 1), repeat=3) if offset < (0, 0, 0)),
        key=lambda offset: sum(map(abs, offset)),
    )
)
"""The same in a volume: 13 of 26 neighbours, the three that share a face first (PyTorch Connectomics' target 2)."""

LONG_RANGE_2D: tuple[Offset, ...] = ((-9, 0), (0, -9), (-9, -9), (-9, 9), (-27, 0), (0, -27))
"""Pixels 9 and 27 apart, from the mutex watershed's (Wolf et al. 2018) for membranes."""

LONG_RANGE_3D: tuple[Offset, ...] = (
    *((-9, 0, 0), (0, -9, 0), (0, 0, -9)),
    *((-9, -9, 0), (-9, 9, 0), (-9, 0, -9), (-9, 0, 9), (0, -9, -9), (0, -9, 9)),
    *((-27, 0, 0), (0, -27, 0), (0, 0, -27)),
)
"""The same along the three axes and across their planes, for voxels that are as long as wide."""


def nearest_offsets(dim: int) -> tuple[Offset, ...]:
    """Offsets to every neighbour, corners too, each pair once: without corners an oblique line falls to single pixels.

    >>> nearest_offsets(2)
    ((-1, 0), (0, -1), (-1, -1), (-1, 1))
    """
    return NEAREST_2D if dim == 2 else NEAREST_3D


def long_range_offsets(dim: int, spacing: Sequence[float] | None = None) -> tuple[Offset, ...]:
    """Offsets to pixels farther apart.

    Where voxels are more than 1.5 times as long in z as in the plane (`spacing`, z y x), steps across slices are
    shorter: as many slices as come closest to 9 pixels of the plane, at least 2, and no oblique ones.

    >>> long_range_offsets(3, spacing=(4.0, 1.0, 1.0))[:3]
    ((-2, 0, 0), (0, -9, 0), (0, 0, -9))
    """
    if dim == 2:
        return LONG_RANGE_2D
    ratio = spacing[0] / min(spacing[1:]) if spacing is not None else 1.0
    if ratio <= 1.5:
        return LONG_RANGE_3D
    return ((-max(2, round(9 / ratio)), 0, 0), *((0, *offset) for offset in LONG_RANGE_2D))


def affinities(labels: np.ndarray, offsets: Sequence[Offset]) -> np.ndarray:
    """1 where a pixel and the one at `offset` from it belong to the same object.

    Parameters
    ----------
    labels
        (Y, X) or (Z, Y, X) whole numbers, 0 is background.
    offsets
        Steps ([z,] y, x) in pixels, one for each channel of the result.

    Returns
    -------
    (K, [Z,] Y, X) float32, 0 or 1. Where the other pixel lies outside the array: 1 in an object.

    >>> affinities(np.array([[1, 1, 2]], np.uint8), [(0, 1)])
    array([[[1., 0., 1.]]], dtype=float32)
    """
    labels = plain(labels)
    foreground = labels != 0
    result = np.empty((len(offsets), *labels.shape), np.float32)
    for channel, offset in zip(result, offsets, strict=True):
        channel[...] = foreground
        here, there = ends(labels.shape, offset)
        np.multiply(channel[here], labels[here] == labels[there], out=channel[here])
    return result


def mutex_watershed(
    affinity: np.ndarray,
    offsets: Sequence[Offset],
    mask: np.ndarray,
    *,
    threshold: float,
    smallest: int,
    small: Small,
) -> np.ndarray:
    """Objects from affinities: the strongest statement first, together or apart, and none against an earlier one.

    Parameters
    ----------
    affinity
        (K, [Z,] Y, X) probabilities 0..1 that a pixel and the one at its offset belong to the same object.
    offsets
        The steps that `affinity` was made with. Neighbours attract above `threshold` and repel below it; pixels
        farther apart only repel, so that nothing is joined across a gap.
    mask
        ([Z,] Y, X) bool: where objects are. All of it belongs to an object; some have one pixel.
    threshold
        Affinity above which two neighbours belong together.
    smallest, small
        Objects of fewer pixels become "background", part of a "neighbour", or stay ("none").

    Returns
    -------
    ([Z,] Y, X) whole numbers: 0 and ids 1, 2, 3 ... in reading order.

    Wolf et al. 2018, The Mutex Watershed; by the library mwatershed. With 13 offsets it takes 4 s and 1.1 GB for each million
    voxels of the largest region of `mask`; setting statements that change nothing to 0 saved no time.

    >>> labels, offsets = np.array([[1, 1, 2, 0, 2]], np.uint8), [(0, -1)]
    >>> affinity = affinities(labels, offsets)
    >>> mutex_watershed(affinity, offsets, labels > 0, threshold=0.5, smallest=0, small="none").tolist()
    [[1, 1, 2, 0, 3]]
    """
    if not mask.any():
        return np.zeros(mask.shape, np.uint8)
    box = tuple(slice(int(at.min()), int(at.max()) + 1) for at in map(np.flatnonzero, _shadows(mask)))
    regions = regions_of(mask[box])
    part = affinity[(slice(None), *box)]
    boxes = find_objects(regions.astype(np.int32, copy=False))
    # objects never leave a region of the mask, and what lies between regions costs as much as what lies in them
    single = sum(_volume(region) + _CALL for region in boxes) < regions.size
    result = np.zeros(mask.shape, np.uint32)
    labels = result[box]
    last = 0
    for number, region in enumerate(boxes, 1) if single else [(0, (slice(None),) * mask.ndim)]:
        inside = regions[region] == number if single else regions != 0
        own = _join_pixels(part[(slice(None), *region)], offsets, inside, threshold)
        labels[region][inside] = own[inside] + np.uint64(last)
        last = int(labels[region].max())
    return without_small(result, smallest, small)


def _join_pixels(affinity: np.ndarray, offsets: Sequence[Offset], inside: np.ndarray, threshold: float) -> np.ndarray:
    """Ids 1, 2, 3 ... of the objects in `inside`, uint64."""
    from mwatershed import agglom  # compiled, and needed by none but this

    chosen = [
        (channel, offset)
        for channel, offset in enumerate(offsets)
        if all(abs(step) < length for step, length in zip(offset, inside.shape, strict=True))
    ]
    joined = np.zeros(inside.shape, np.uint64)
    if chosen:
        # 0 joins nothing and parts nothing
        weights = np.zeros((len(chosen), *inside.shape))
        for weight, (channel, offset) in zip(weights, chosen, strict=True):
            here, there = ends(inside.shape, offset)
            weight[here] = (affinity[channel][here] - threshold) * (inside[here] & inside[there])
            if max(map(abs, offset)) > 1:
                np.minimum(weight, 0, out=weight)
        joined = agglom(weights, [list(offset) for _, offset in chosen])
    # what was joined to nothing has no id yet
    alone = inside & (joined == 0)
    joined[alone] = int(joined.max()) + 1 + np.arange(np.count_nonzero(alone), dtype=np.uint64)
    joined[~inside] = 0
    return fastremap.renumber(joined, preserve_zero=True)[0].astype(np.uint64)


def ends(shape: tuple[int, ...], offset: Offset) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """The pixels whose partner at `offset` lies in the array, and their partners.

    >>> ends((1, 4), (0, 1))
    ((slice(0, 1, None), slice(0, 3, None)), (slice(0, 1, None), slice(1, 4, None)))
    """
    here = tuple(
        slice(min(length, max(0, -step)), max(0, min(length, length - step)))
        for step, length in zip(offset, shape, strict=True)
    )
    there = tuple(
        slice(min(length, max(0, step)), max(0, min(length, length + step)))
        for step, length in zip(offset, shape, strict=True)
    )
    return here, there


def _shadows(mask: np.ndarray) -> list[np.ndarray]:
    """For each axis, where along it anything is true."""
    others = [tuple(other for other in range(mask.ndim) if other != axis) for axis in range(mask.ndim)]
    return [np.asarray(mask.any(axis=axes)) for axes in others]


def _volume(region: tuple[slice, ...]) -> int:
    return int(np.prod([int(side.stop) - int(side.start) for side in region]))
