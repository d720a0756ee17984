"""The labels of interest: listed values become ids 1, 2, 3 ... in the order of the list, all others background."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from nbtrainer.errors import SettingError

# a table with a row for every value up to here; beyond, values are searched for
_LARGEST_TABLE = 2**20


class LabelLookup:
    """Values of a label image to class ids and back, in one pass, however the list is sorted.

    The id of a value is its position among the entries of the list that are not 0, counted from 1. 0 is always 0,
    whether or not the list names it. Values that are not listed become 0.

    >>> LabelLookup([0, 2, 1]).apply(np.array([0, 1, 2, 7]))
    array([0, 2, 1, 0], dtype=uint8)
    """

    def __init__(self, values: Iterable[int]) -> None:
        """Raises `UserError` if an entry is negative or larger than 2**32 - 1; repeated ones count once."""
        listed = list(dict.fromkeys(int(value) for value in values if value != 0))
        wrong = next((value for value in listed if not 0 < value < 2**32), None)
        if wrong is not None:
            raise SettingError("labels of interest", f"{wrong} is no label value", f"Give values from 0 to {2**32 - 1}")
        self.values = np.array([0, *listed], np.uint32)
        """(classes,) uint32: the value of each id; `values[0]` is 0."""
        self._dtype = np.min_scalar_type(len(listed))
        self._order = np.argsort(self.values, kind="stable")
        self._sorted = self.values[self._order]

    def __len__(self) -> int:
        """The number of ids, background included."""
        return len(self.values)

    def apply(self, labels: np.ndarray) -> np.ndarray:
        """The ids of `labels` (whole numbers, any shape), in the smallest unsigned type that holds them."""
        largest = int(self._sorted[-1])
        if labels.dtype.kind == "b":
            labels = labels.view(np.uint8)
        if largest < _LARGEST_TABLE:
            table = np.zeros(largest + 2, self._dtype)
            table[self.values] = np.arange(len(self.values))
            # whatever lies outside the table is sent to its last row, which is 0
            bounds = min(largest + 1, int(np.iinfo(labels.dtype).max))
            return table[np.clip(labels, 0, bounds)]
        place = np.minimum(np.searchsorted(self._sorted, labels), len(self._sorted) - 1)
        return np.where(self._sorted[place] == labels, self._order[place], 0).astype(self._dtype)

    def invert(self, ids: np.ndarray) -> np.ndarray:
        """The values that `ids` stand for, in the smallest unsigned type that holds all of them.

        Raises `IndexError` if there is an id that the list does not have.
        """
        return self.values.astype(np.min_scalar_type(int(self._sorted[-1])))[ids]
