"""The sentences that say what is wrong with a file."""

from __future__ import annotations

from pathlib import Path

from nbtrainer.environment import available_memory
from nbtrainer.errors import ComputerError, DataError, UserError
from nbtrainer.wording import first_of_many

# asking costs a tenth of a millisecond; smaller pieces are not asked for
_ALWAYS_THERE = 64 * 2**20
_SHARE_OF_FREE = 0.8


def damaged(path: Path, error: Exception | str) -> UserError:
    """The file cannot be read; `error` is what the library stumbled over, of which the first line is told."""
    reason = str(error).strip() or type(error).__name__
    if "COMPRESSION" in reason and "not supported" in reason:
        return DataError(
            str(path),
            f"its compression is not known to the tifffile that is installed ({reason.splitlines()[0][:300]})",
            "Update tifffile and imagecodecs (pip install -U tifffile imagecodecs), or save it without compression",
        )
    return DataError(
        str(path),
        f"this file cannot be read ({reason.splitlines()[0][:300]})",
        "It may be incomplete or of another kind than its name says. Export it again, or take it out of the folder",
    )


def too_large(path: Path, needed: int, doing: str = "reading it") -> ComputerError:
    """The memory does not suffice for the file; `needed` is how many bytes `doing` takes, 0 where that is not known."""
    much = (
        f"{doing} takes {needed / 1e9:,.1f} GB of memory, and "
        if needed
        else f"{doing} takes more memory than there is: "
    )
    return ComputerError(
        str(path),
        f"this file is too large for this computer: {much}{available_memory() / 1e9:,.1f} GB are free",
        "Close other programs, crop it or divide it, save it as a TIFF in tiles, or take it out of the folder",
    )


def check_room(path: Path, needed: int, doing: str = "reading it") -> None:
    """Raise `too_large` if `needed` bytes are more than may be taken: before they are, not when the machine stands still."""
    if needed > _ALWAYS_THERE and needed > _SHARE_OF_FREE * available_memory():
        raise too_large(path, needed, doing)


def check_inflation(path: Path, *, nbytes: int, compressed: int) -> None:
    """Raise if so few `compressed` bytes cannot become `nbytes`: deflate makes at most 1,032 of one."""
    if nbytes > 1_032 * compressed + 4096:
        raise damaged(path, f"it says that it holds {nbytes / 1e9:,.1f} GB, but has only {compressed:,} bytes")


def truncated(path: Path, *, needed: int, actual: int) -> UserError:
    """The file ends before its pixels do."""
    return DataError(
        str(path),
        f"this file is incomplete: it should have at least {needed:,} bytes but has {actual:,}",
        "Copy or export it again",
    )


def not_numbers(path: Path, dtype: object) -> UserError:
    """The file holds something that is not a plain number per pixel."""
    return DataError(
        str(path),
        f"this file holds {dtype} values, which are not plain numbers",
        "Save it again with whole numbers or decimals (for example uint8, uint16 or float32)",
    )


def no_pixels(path: Path, shape: tuple[int, ...]) -> UserError:
    """The array has no pixels, or fewer than two axes."""
    size = " x ".join(map(str, shape)) or "a single number"
    return DataError(str(path), f"this file holds no image (its shape is {size})", "Export it again, or take it out")


def not_inside(path: Path, name: str, names: list[str]) -> UserError:
    """The file holds nothing called `name`; `names` is what it holds."""
    return DataError(str(path), f"there is no {name!r} in this file", f"It holds {join_names(names)}")


def choose_inside(path: Path, names: list[str], noun: str = "image") -> UserError:
    """The file holds several arrays, and which is meant cannot be told."""
    if not names:
        return DataError(str(path), f"this file holds no {noun}", "Export it again, or take it out")
    return DataError(
        str(path),
        f"this file holds several {noun}s: {join_names(names)}",
        f"Write the name behind the file, for example {path.name}/{names[0]}",
    )


def first_of(path: Path, others: list[str]) -> str:
    """A note that of several images in a file the first is read; empty if there are no `others`."""
    if not others:
        return ""
    return f"it holds {len(others) + 1} images, of which the first is read; for another give {path.name}/{others[0]}"


def join_names(names: list[str], most: int = 10) -> str:
    """`names` in a sentence; the first `most` of them."""
    return first_of_many(names, most) or "nothing"
