"""Label arrays mended: pieces, small objects, holes, links, thin lines, frames."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import fastremap
import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from nbtrainer.labels.connected import contacts, enclosed, label_components, plain
from nbtrainer.labels.integers import bincount

Small = Literal["background", "neighbour", "none"]
"""What becomes of objects that are too small."""


def relabel_pieces(labels: np.ndarray) -> np.ndarray:
    """Each connected part (corners connect) an object of its own.

    The largest part of each object keeps the id, of equal ones the first in reading order; the others get new ids
    after the largest that is in use, in reading order. The type grows if the new ids need it.

    Raises
    ------
    ValueError
        If ids would go beyond 2**32 - 1.

    >>> relabel_pieces(np.array([[1, 1, 0, 1]], np.uint8))
    array([[1, 1, 0, 2]], dtype=uint8)
    """
    labels = plain(labels)
    components, owners = label_components(labels)
    sizes = bincount(components.ravel(), minlength=len(owners))
    # by owner, then largest first; lexsort keeps the order of the parts among equals
    order = np.lexsort((-sizes, owners))
    keeps = np.ones(len(order), bool)
    keeps[1:] = owners[order][1:] != owners[order][:-1]
    extra = np.sort(order[~keeps])
    last = int(owners.max()) + len(extra)
    if last >= 2**32:
        raise ValueError(f"{len(extra)} more ids do not fit after {owners.max()}")
    table = owners.astype(np.promote_types(labels.dtype, np.min_scalar_type(last)))
    table[extra] = np.arange(int(owners.max()) + 1, last + 1)
    return table[components]


def separate_objects(labels: np.ndarray, links: Iterable[tuple[int, int]] = ()) -> np.ndarray:
    """`labels` with an id of its own for each object: a connected part (corners connect), or all parts of linked ids.

    Ids are those of `merge_links` and `relabel_pieces`.

    >>> separate_objects(np.array([[1, 0, 1, 0, 2]], np.uint8), links=[(1, 2)])
    array([[1, 0, 1, 0, 1]], dtype=uint8)
    """
    pairs = [(first, second) for first, second in links if first and second and first != second]
    merged = merge_links(labels, pairs)
    separate = relabel_pieces(merged)
    if not pairs:
        return separate
    # what was linked bears the smallest id of its links
    linked = np.isin(merged, np.unique(pairs).astype(merged.dtype, casting="unsafe"))
    return np.where(linked, merged, separate)


def remove_small(
    labels: np.ndarray, smallest: int, to: Literal["background", "neighbour"] = "background"
) -> np.ndarray:
    """`labels` without objects of fewer than `smallest` pixels.

    They become background, or part of the object that they touch most (shared faces; of equals the larger object).
    Small ones that touch only each other become one, and go if that is still too small.

    >>> remove_small(np.array([[1, 1, 1, 2, 0]], np.uint8), 2)
    array([[1, 1, 1, 0, 0]], dtype=uint8)
    >>> remove_small(np.array([[1, 1, 1, 2, 0]], np.uint8), 2, to="neighbour")
    array([[1, 1, 1, 1, 0]], dtype=uint8)
    """
    labels = plain(labels)
    ids, index = fastremap.unique(labels, return_inverse=True)
    index = index.reshape(labels.shape)
    sizes = bincount(index.ravel(), minlength=len(ids))
    if len(ids) and ids[0] == 0:
        sizes[0] = smallest  # background is never small
    target = np.arange(len(ids))
    if to == "neighbour":
        pairs, faces = contacts(labels)
        target = _join_small(sizes, pairs=np.searchsorted(ids, pairs), faces=faces, smallest=smallest)
    is_large = bincount(target, sizes, len(ids)) >= smallest
    return np.where(is_large[target], ids[target], 0).astype(labels.dtype)[index]


def without_small(labels: np.ndarray, smallest: int, small: Small = "background") -> np.ndarray:
    """`labels` with ids 1, 2, 3 ... in reading order and the smallest type, objects below `smallest` pixels treated as
    `small` says: they become background, part of the neighbour that they touch most, or ("none") stay.

    >>> without_small(np.array([[7, 7, 0, 3]], np.uint16), 2)
    array([[1, 1, 0, 0]], dtype=uint8)
    """
    if small not in ("background", "neighbour", "none"):
        raise ValueError(f"small objects become background, neighbour or none, not {small!r}")
    labels = plain(labels)
    if not labels.size:
        return labels
    if small != "none" and smallest > 1:
        labels = remove_small(labels, smallest, small)
    return fastremap.refit(fastremap.renumber(labels, preserve_zero=True)[0])


def fill_holes(labels: np.ndarray) -> np.ndarray:
    """`labels` with the background that one object alone encloses given to that object.

    >>> fill_holes(np.array([[4, 4, 4], [4, 0, 4], [4, 4, 4]], np.uint8))[1]
    array([4, 4, 4], dtype=uint8)
    """
    labels = plain(labels)
    regions, owners = enclosed(labels)
    return np.where(labels == 0, owners[regions], labels)


def dilate(labels: np.ndarray, times: int = 1, across_slices: bool = False) -> np.ndarray:
    """Grey dilation by one pixel, `times` over: of two neighbours the larger value wins, as in EPySeg.

    Neighbours share a face in the plane, in a stack too: each slice by itself, or with its neighbours if `across_slices`.

    >>> dilate(np.array([[0, 3, 0, 0]], np.uint8), times=2)
    array([[3, 3, 3, 3]], dtype=uint8)
    """
    grown = plain(labels)
    axes = range(grown.ndim) if across_slices else range(grown.ndim - 2, grown.ndim)
    for _ in range(times):
        source, grown = grown, grown.copy()
        for axis in axes:
            old, new = np.moveaxis(source, axis, 0), np.moveaxis(grown, axis, 0)
            np.maximum(new[1:], old[:-1], out=new[1:])
            np.maximum(new[:-1], old[1:], out=new[:-1])
    return grown


def clear_border(labels: np.ndarray, pixels: int) -> np.ndarray:
    """A copy of `labels` ((..., Y, X)) with a frame of this width set to 0, in y and x only.

    >>> clear_border(np.ones((3, 3), np.uint8), 1).tolist()
    [[0, 0, 0], [0, 1, 0], [0, 0, 0]]
    """
    cleared = np.zeros_like(labels)
    height, width = labels.shape[-2:]
    inner = (..., slice(pixels, max(pixels, height - pixels)), slice(pixels, max(pixels, width - pixels)))
    cleared[inner] = labels[inner]
    return cleared


def merge_links(labels: np.ndarray, links: Iterable[tuple[int, int]]) -> np.ndarray:
    """`labels` with one id for all ids that are linked, also by way of others: the smallest of them in the image.

    Ids that the image does not have still link those that it has. Pairs with 0 mean nothing.

    >>> merge_links(np.array([[1, 0, 5, 9]], np.uint8), [(5, 9)])
    array([[1, 0, 5, 5]], dtype=uint8)
    """
    labels = plain(labels)
    pairs = np.array([pair for pair in links if all(pair)], np.int64).reshape(-1, 2)
    if not len(pairs):
        return labels.copy()
    linked, index = np.unique(pairs, return_inverse=True)
    index = index.reshape(-1, 2)
    graph = coo_matrix((np.ones(len(index), bool), (index[:, 0], index[:, 1])), shape=(len(linked), len(linked)))
    count, group = connected_components(graph, directed=False)
    present = np.isin(linked, fastremap.unique(labels))
    smallest = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(smallest, group[present], linked[present])
    table = dict(zip(linked[present].tolist(), smallest[group[present]].tolist(), strict=True))
    return fastremap.remap(labels, table, preserve_missing_labels=True) if table else labels.copy()


def _join_small(sizes: np.ndarray, *, pairs: np.ndarray, faces: np.ndarray, smallest: int) -> np.ndarray:
    """For each object the one that it becomes part of (itself, if it stays): `pairs` are indices into `sizes`."""
    target = np.arange(len(sizes))
    total = sizes.copy()
    while True:
        ends = target[pairs]
        apart = ends[:, 0] != ends[:, 1]
        # what two groups share, over all their members, seen from either side
        shared = coo_matrix((faces[apart], (ends[apart, 0], ends[apart, 1])), shape=(len(sizes), len(sizes))).tocsr()
        shared = (shared + shared.T).tocoo()
        mends = total[shared.row] < smallest
        row, column, weight = shared.row[mends], shared.col[mends], shared.data[mends]
        if not len(row):
            return target
        order = np.lexsort((-column, total[column], weight, row))
        best = np.append(row[order][1:] != row[order][:-1], True)
        row, column = row[order][best], column[order][best]
        graph = coo_matrix((np.ones(len(row)), (row, column)), shape=(len(sizes), len(sizes)))
        _, group = connected_components(graph, directed=False)
        # a group bears the name of its largest member
        largest = np.zeros(group.max() + 1, np.int64)
        by_size = np.argsort(total, kind="stable")
        largest[group[by_size]] = by_size
        target = largest[group][target]
        total = bincount(target, sizes, len(sizes)).astype(np.int64)
