"""The majority filter of label images."""

from __future__ import annotations

import numba
import numpy as np


def mode_filter(labels: np.ndarray, *, ignored: int) -> np.ndarray:
    """Each pixel takes the value that most of it and its neighbours have; of equally frequent ones its own, else the lowest.

    Parameters
    ----------
    labels
        ([Z,] Y, X) integers, 0 is background. Neighbours touch by a side or a corner, also across the sections of a volume;
        beyond the border there are none.
    ignored
        A value that stays where it is, and does not spread.

    Examples
    --------
    >>> mode_filter(np.array([[1, 1, 1], [1, 2, 1], [0, 0, 0]], np.uint8), ignored=255)
    array([[1, 1, 1],
           [1, 1, 1],
           [0, 0, 0]], dtype=uint8)
    """
    volume = np.ascontiguousarray(labels[None] if labels.ndim == 2 else labels)
    filtered: np.ndarray = _filter(volume, int(ignored))
    return filtered.reshape(labels.shape)


@numba.njit(nogil=True, cache=True)
def _filter(labels: np.ndarray, ignored: int) -> np.ndarray:
    filtered = labels.copy()
    tally = np.empty((2, 27), np.int64)
    for z in range(labels.shape[0]):
        for y in range(labels.shape[1]):
            for x in range(labels.shape[2]):
                if labels[z, y, x] != ignored:
                    around = labels[max(z - 1, 0) : z + 2, max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
                    filtered[z, y, x] = _most_frequent(labels[z, y, x], around, ignored, tally)
    return filtered


@numba.njit(nogil=True, cache=True)
def _most_frequent(own: int, around: np.ndarray, ignored: int, tally: np.ndarray) -> int:
    """The value that is there most often: of several `own`, else the lowest. `tally`: to count in, values and how often."""
    number = 0
    for value in around.flat:
        if value == ignored:
            continue
        for place in range(number):
            if tally[0, place] == value:
                tally[1, place] += 1
                break
        else:
            tally[0, number], tally[1, number] = value, 1
            number += 1
    most = tally[1, :number].max()
    lowest = -1
    for place in range(number):
        if tally[1, place] == most:
            if tally[0, place] == own:
                return own
            lowest = tally[0, place] if lowest < 0 else min(lowest, tally[0, place])
    return lowest
