"""What hangs together in a label array: connected parts, who touches whom, and background that an object encloses."""

from __future__ import annotations

import cc3d
import numpy as np

# by number of axes: every neighbour, corners too, and neighbours that share a face
_FULL = {2: 8, 3: 26}
_FACES = {2: 4, 3: 6}


def plain(labels: np.ndarray) -> np.ndarray:
    """`labels` as a contiguous unsigned array (uint8, uint16 or uint32) with 2 or 3 axes; negative ids become 0.

    Raises
    ------
    ValueError
        If it is no array of whole numbers up to 2**32 - 1 with 2 or 3 axes.

    >>> plain(np.array([[-1, 3]]))
    array([[0, 3]], dtype=uint32)
    """
    labels = np.asarray(labels)
    if labels.ndim not in (2, 3) or labels.dtype.kind not in "bui":
        raise ValueError(f"labels are whole numbers with 2 or 3 axes, not {labels.dtype} with {labels.ndim}")
    if labels.dtype.kind == "b":
        return np.ascontiguousarray(labels).view(np.uint8)
    if labels.dtype in (np.uint8, np.uint16, np.uint32):
        return np.ascontiguousarray(labels).astype(labels.dtype.newbyteorder("="), copy=False)
    if labels.size and labels.max() >= 2**32:
        raise ValueError(f"ids end at {2**32 - 1}, but {labels.max()} is among them")
    return np.ascontiguousarray(np.maximum(labels, 0).astype(np.uint32))


def regions_of(mask: np.ndarray, corners: bool = True) -> np.ndarray:
    """The connected regions 1, 2, 3 ... of a boolean array with 2 or 3 axes; corners connect, or only faces.

    >>> regions_of(np.array([[True, False], [False, True]])).tolist()
    [[1, 0], [0, 1]]
    >>> regions_of(np.array([[True, False], [False, True]]), corners=False).tolist()
    [[1, 0], [0, 2]]
    """
    if not mask.size:
        return np.zeros(mask.shape, np.uint32)
    # as numbers: of booleans whose sides are odd, cc3d 4.1.1 finds wrong regions where corners connect
    plain_mask = np.ascontiguousarray(mask, dtype=bool).view(np.uint8)
    return cc3d.connected_components(plain_mask, connectivity=(_FULL if corners else _FACES)[mask.ndim])


def label_components(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every connected part of every object, corners connect: (parts, owners).

    `parts` has the shape of `labels` and holds 1, 2, 3 ...; `owners[part]` is the id in `labels`, `owners[0]` is 0.

    >>> components, owners = label_components(np.array([[5, 0, 5]], np.uint8))
    >>> components.tolist(), owners.tolist()
    ([[1, 0, 2]], [0, 5, 5])
    """
    if labels.size == 0:
        return np.zeros(labels.shape, np.uint32), np.zeros(1, labels.dtype)
    components, count = cc3d.connected_components(labels, connectivity=_FULL[labels.ndim], return_N=True)
    owners = np.zeros(count + 1, labels.dtype)
    owners[components.ravel()] = labels.ravel()
    return components, owners


def contacts(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Objects that share faces: pairs of ids (n, 2), smaller id first, and how many faces each pair shares (n,).

    >>> contacts(np.array([[1, 2], [1, 2]], np.uint8))
    (array([[1, 2]], dtype=uint32), array([2]))
    """
    keys = [np.zeros(0, np.uint64)]
    for here, there in _neighbours(labels):
        touching = (here != there) & (here != 0) & (there != 0)
        keys.append(pair_keys(here[touching], second=there[touching]))
    return count_pairs(np.concatenate(keys))


def enclosed(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Background that one object surrounds: (regions, owners), as `label_components` returns them.

    A region of background counts if it does not reach the edge of the array and has faces with one object only;
    `owners` is 0 for every other region. Background connects through faces, since objects connect through corners.

    >>> regions, owners = enclosed(np.array([[7, 7, 7], [7, 0, 7], [7, 7, 7]], np.uint8))
    >>> owners[regions].tolist()
    [[0, 0, 0], [0, 7, 0], [0, 0, 0]]
    """
    background = labels == 0
    if not background.any():
        return np.zeros(labels.shape, np.uint32), np.zeros(1, labels.dtype)
    regions, count = cc3d.connected_components(background, connectivity=_FACES[labels.ndim], return_N=True)
    closed = np.ones(count + 1, bool)
    for axis in range(labels.ndim):
        for side in (0, -1):
            closed[np.take(regions, side, axis=axis).ravel()] = False
    lowest = np.full(count + 1, np.iinfo(labels.dtype).max, labels.dtype)
    highest = np.zeros(count + 1, labels.dtype)
    for (here, there), (region, next_region) in zip(_neighbours(labels), _neighbours(regions), strict=True):
        edge = (here == 0) != (there == 0)
        # of an object and its background one is 0 in each array
        owner, inside = here[edge] + there[edge], region[edge] + next_region[edge]
        counts = closed[inside]
        np.minimum.at(lowest, inside[counts], owner[counts])
        np.maximum.at(highest, inside[counts], owner[counts])
    owners = np.where(closed & (lowest == highest), highest, 0).astype(labels.dtype)
    return regions, owners


def pair_keys(first: np.ndarray, *, second: np.ndarray) -> np.ndarray:
    """One uint64 a pair of ids, the same whichever stands first."""
    return (np.minimum(first, second).astype(np.uint64) << np.uint64(32)) | np.maximum(first, second)


def count_pairs(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The pairs (n, 2) uint32 that `pair_keys` made, each once, and how often each occurs (n,).

    >>> count_pairs(pair_keys(np.array([2, 1, 7], np.uint32), second=np.array([1, 2, 3], np.uint32)))
    (array([[1, 2],
           [3, 7]], dtype=uint32), array([2, 1]))
    """
    unique, counts = np.unique(keys, return_counts=True)
    return np.stack([unique >> np.uint64(32), unique & np.uint64(2**32 - 1)], axis=1).astype(np.uint32), counts


def _neighbours(array: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Along each axis, every element but the last, and the one that follows it."""
    views = []
    for axis in range(array.ndim):
        moved = np.moveaxis(array, axis, 0)
        views.append((moved[:-1], moved[1:]))
    return views
