"""The entries of a file of outlines, read one by one, so that a bad one is named."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from nbtrainer.errors import ComputerError, DataError, UserError
from nbtrainer.io.annotations.outline import Outline, OutlineError

Entry = TypeVar("Entry")


def read_entries(
    path: Path,
    entries: Iterable[Entry],
    read: Callable[[int, Entry], Iterable[Outline]],
    name: Callable[[int, Entry], str],
    remedy: str,
) -> list[Outline]:
    """The outlines that `read` makes of each entry and its number, from 0.

    Raises `UserError` for the first that it cannot read, called by its `name`, with the number of further ones.
    """
    outlines: list[Outline] = []
    faults: list[UserError] = []
    for number, entry in enumerate(entries):
        try:
            outlines += read(number, entry)
        except (ComputerError, MemoryError):
            raise
        except UserError as error:
            faults.append(error)
        except Exception as error:  # readers raise whatever a broken entry makes them stumble over
            wrong = f"{_describe(name, number, entry)} cannot be read: {describe_error(error)}"
            faults.append(DataError(str(path), wrong, remedy))
    if faults:
        first, more = faults[0], len(faults) - 1
        wrong = f"{first.wrong} (and {more} more cannot be used)" if more else first.wrong
        raise first.replace(wrong=wrong)
    return outlines


def describe_error(error: Exception) -> str:
    """What is wrong with the file where reading it raised `error`."""
    if isinstance(error, OutlineError):
        return str(error)
    if isinstance(error, KeyError) and error.args and isinstance(error.args[0], str):
        return f"it has no {error.args[0]!r}"
    return "it is not written as this format says"


def _describe(name: Callable[[int, Any], str], number: int, entry: Any) -> str:
    try:
        return name(number, entry)
    except Exception:  # what is no entry at all has no name
        return f"entry {number + 1}"
