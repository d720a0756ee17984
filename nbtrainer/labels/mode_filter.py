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
    filtered: np.ndarray = _filter(volume, volume.dtype.type(ignored))
    return filtered.reshape(labels.shape)


@numba.njit(nogil=True, cache=True)
def _filter(labels: np.ndarray, ignored: int) -> np.ndarray:
    depth, height, width = labels.shape
    filtered = labels.copy()
    values = np.empty(27, labels.dtype)
    counts = np.empty(27, np.int64)
    for z in range(depth):
        for y in range(height):
            for x in range(width):
                own = labels[z, y, x]
                if own == ignored:
                    continue
                number = 0
                for k in range(max(z - 1, 0), min(z + 2, depth)):
                    for j in range(max(y - 1, 0), min(y + 2, height)):
                        for i in range(max(x - 1, 0), min(x + 2, width)):
                            value = labels[k, j, i]
                            if value == ignored:
                                continue
                            for place in range(number):
                                if values[place] == value:
                                    counts[place] += 1
                                    break
                            else:
                                values[number], counts[number] = value, 1
                                number += 1
                best, most = own, 0
                for place in range(number):
                    is_better = counts[place] > most
                    if counts[place] == most and best != own:
                        is_better = values[place] == own or values[place] < best
                    if is_better:
                        best, most = values[place], counts[place]
                filtered[z, y, x] = best
    return filtered
