"""The 3^d neighbourhood of each pixel: which neighbours belong to the same object, and where an object's rim lies."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

import numpy as np

from nbtrainer.labels.clean import merge_links
from nbtrainer.labels.connected import plain

BEYOND = np.uint32(2**32 - 1)
"""What stands for "outside the array" in `frame_labels`; no label may have this id."""


def neighbour_offsets(dim: int) -> np.ndarray:
    """(3^dim - 1, dim) int64: from a pixel to its neighbours, in reading order; step k and the k-th from the end are opposite.

    >>> neighbour_offsets(2)[:3].tolist()
    [[-1, -1], [-1, 0], [-1, 1]]
    """
    return np.array([step for step in product((-1, 0, 1), repeat=dim) if any(step)], np.int64)


def affinity(labels: np.ndarray, links: Iterable[tuple[int, int]] = ()) -> np.ndarray:
    """Whether each neighbour belongs to the same object: (3^d - 1, [Z,] Y, X) boolean, in the order of `neighbour_offsets`.

    Ids that `links` ties, also by way of others, are one object. Background belongs to nothing. The edge of the array
    replicates: an object that it cuts goes on beyond it.

    >>> affinity(np.array([[1, 1, 2]])).sum(axis=0)
    array([[8, 5, 5]])
    """
    merged = merge_links(labels, links)
    wide = np.pad(merged, 1, mode="edge")
    inside = merged != 0
    views = [wide[_shifted_slices(step, merged.shape)] for step in neighbour_offsets(merged.ndim)]
    return np.stack([(view == merged) & inside for view in views])


def rim(labels: np.ndarray, links: Iterable[tuple[int, int]] = ()) -> np.ndarray:
    """Pixels of objects that have neighbours of their own and others: 0 < degree of affinity < 3^d - 1. Boolean.

    A pixel by itself has no neighbour of its own, and is no rim.

    >>> rim(np.array([[1, 1, 2], [1, 1, 0]])).astype(int)
    array([[0, 1, 1],
           [0, 1, 0]])
    """
    degree = affinity(labels, links).sum(axis=0, dtype=np.uint8)
    return (degree > 0) & (degree < 3**labels.ndim - 1)


def frame_labels(labels: np.ndarray, links: Iterable[tuple[int, int]], width: int) -> np.ndarray:
    """`labels` as uint32, linked ids made one, in a frame of `BEYOND`.

    >>> (frame_labels(np.array([[1, 2]]), links=[(1, 2)], width=1) == BEYOND).astype(int)
    array([[1, 1, 1, 1],
           [1, 0, 0, 1],
           [1, 1, 1, 1]])
    """
    return np.pad(merge_links(plain(labels), links).astype(np.uint32), width, constant_values=BEYOND)


def _shifted_slices(step: np.ndarray, shape: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple(slice(1 + int(by), 1 + int(by) + length) for by, length in zip(step, shape, strict=True))
