"""Omnipose's link files: which ids of a label image are parts of one object."""

from __future__ import annotations

import re
from pathlib import Path

from nbtrainer.disk import read_text
from nbtrainer.errors import DataError


def read_links(path: Path) -> list[tuple[int, int]]:
    """The pairs of ids in `<base>_links.txt`: two whole numbers a line, with a comma, a semicolon or spaces between.

    Empty lines, lines that begin with #, and pairs of an id with itself are left out. Raises `UserError` with the
    file and the number of the first bad line.
    """
    lines = read_text(path).splitlines()
    links = []
    for number, line in enumerate(map(str.strip, lines), 1):
        if not line or line.startswith("#"):
            continue
        ids = [int(part) for part in re.split(r"[\s,;]+", line) if re.fullmatch(r"[0-9]{1,10}", part)]
        if (
            len(ids) != 2
            or not re.fullmatch(r"\d+(\s*[,;]\s*|\s+)\d+[,;]?", line)
            or not all(0 < i < 2**32 for i in ids)
        ):
            raise DataError(
                f"{path}, line {number}",
                f"{line[:40]!r} is no pair of label ids",
                "Write two whole numbers above 0, as in 3,17",
            )
        if ids[0] != ids[1]:
            links.append((ids[0], ids[1]))
    return links
