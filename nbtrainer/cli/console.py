"""What the command line prints with rich: names of files as they are, never as markup or emoji."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress
    from rich.table import Table


def console(*, to_errors: bool = False) -> Console:
    """Where to print. Text is shown letter by letter: `w1[red].tif` is a name, no colour."""
    from rich.console import Console

    stream = sys.stderr if to_errors else sys.stdout
    width = None if stream.isatty() else 200
    return Console(stderr=to_errors, markup=False, emoji=False, highlight=False, width=width)


def progress_bar(text: str, *, to_errors: bool = False, with_time: bool = False) -> Progress:
    """A bar that vanishes when it is done, with a line of `text` beside it (`{task.description}` and the like).

    `to_errors`: on the stream of errors, and only if that is a terminal.
    """
    from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeElapsedColumn

    class Bar(Progress):
        def stop(self) -> None:
            # rich 13.9.4 ends also a bar that was never shown with an empty line
            if not self.disable:
                super().stop()

    columns: list[ProgressColumn] = [BarColumn(bar_width=30), TextColumn(text, markup=False)]
    if with_time:
        columns.append(TimeElapsedColumn())
    there = console(to_errors=to_errors)
    return Bar(*columns, console=there, transient=True, disable=to_errors and not there.is_terminal)


def table(*titles: str) -> Table:
    """A table without lines; what is too long for its column goes on in the next line, and nothing of it is lost."""
    from rich.table import Table

    columns_table = Table(box=None, pad_edge=False)
    for title in titles:
        columns_table.add_column(title, overflow="fold")
    return columns_table


def print_any_name() -> None:
    """Let names be printed that the terminal has no letters for, or that are no text at all: such letters as numbers."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):  # whoever runs us may have put something else there
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
