"""Labels of decimals: which whole numbers were meant, read off all labels of a set together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nbtrainer.errors import DataError, SettingError
from nbtrainer.io.formats import open_image
from nbtrainer.labels.integers import equals

# a label with more values than this was not drawn in a few
_MOST_LEVELS = 64
# as near to a whole number as scaling to 8 bits and back leaves it
_NEAR = 0.1
# programs divide labels of 8 or 16 bits by their highest number
_TOPS = (255, 65535)
_NEAR_TOP = 0.01
# so many are listed in a sentence
_LISTED = 4


@dataclass(frozen=True)
class Reading:
    """How decimals become whole numbers: `apply(array)`, and in words. `changes_all`: labels of whole numbers too."""

    apply: Callable[[np.ndarray], np.ndarray]
    words: str
    changes_all: bool = False


def read_decimals(files: Iterable[Path], *, every: Iterable[Path], ignored: int | None = None) -> Reading | None:
    """How the decimals in the labels `files` are read; None if they hold none, or too many to have been drawn.

    Values near whole numbers are those; of labels that were divided by 255 or 65,535 the quotient is taken back. Only if
    neither holds they are numbered by their order, the same in `every` label of the set, which must then all be read so;
    the value `ignored` stays. Raises `UserError` if that cannot be done.
    """
    values_of_files = [values for file in files if (values := _few_values(file)) is not None]
    decimals = np.unique(np.concatenate([np.zeros(0), *values_of_files]))
    if not len(decimals) or (decimals == np.round(decimals)).all():
        return None
    nearest = np.round(decimals)
    # what is a little more than nothing was drawn, and is no rounding of 0
    if np.abs(decimals - nearest).max() <= _NEAR and not np.any((nearest == 0) & (decimals != 0)):
        return Reading(np.round, "have the whole numbers that their values are nearest to")
    for top in _TOPS:
        scaled = decimals * top
        if decimals[0] >= 0 and decimals[-1] <= 1 and np.abs(scaled - np.round(scaled)).max() <= _NEAR_TOP:
            return Reading(_times(top), f"are multiplied by {top:,}, of which they were parts")
    known = [decimals]
    for file in every:
        values = _few_values(file, of_any=True)
        if values is None or np.any(values[values != ignored] < 0):
            raise DataError(
                str(file),
                f"other labels hold {_join_values(decimals)}, and what these stand for here cannot be told",
                "Export all labels again, with one whole number per pixel",
            )
        known.append(values)
    levels = np.unique(np.concatenate(known))
    levels = levels[levels != ignored]
    if ignored is not None and 0 <= ignored < len(levels):
        raise SettingError("data.ignore_value", f"{ignored} would be the number of a class", "Choose a larger value")
    numbers = ", ".join(f"{value:g} is {number}" for number, value in enumerate(levels[:_LISTED]))
    more = " ..." if len(levels) > _LISTED else ""
    return Reading(_order(levels, ignored), f"are numbered by their order: {numbers}{more}", True)


def _times(top: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda array: np.round(array * top)


def _order(levels: np.ndarray, ignored: int | None) -> Callable[[np.ndarray], np.ndarray]:
    return lambda array: (
        np.searchsorted(levels, array)
        if ignored is None
        else np.where(equals(array, ignored), ignored, np.searchsorted(levels, array))
    )


def _few_values(file: Path, of_any: bool = False) -> np.ndarray | None:
    """The values of a label of decimals (or `of_any` numbers) if they are finite and few."""
    if not file.exists():  # told later, with what to do
        return None
    array = open_image(file, for_label=True).read()
    if array.dtype.kind == "f":
        array = array[np.isfinite(array)]
    elif not of_any:
        return None
    values = np.unique(array).astype(np.float64)
    return values if 0 < len(values) <= _MOST_LEVELS else None


def _join_values(values: np.ndarray) -> str:
    return ", ".join(f"{value:g}" for value in values[:_LISTED]) + (" ..." if len(values) > _LISTED else "")
