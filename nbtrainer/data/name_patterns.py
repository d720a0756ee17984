"""A user's regular expression looked for in names, with an end: some expressions take years on one name."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from functools import lru_cache

from nbtrainer.data.file_names import normal_form
from nbtrainer.errors import SettingError

# a name of 255 characters is done with three of these in a second
_MOST_REPETITIONS = 3
_MOST_SECONDS = 10.0
_CHILD = """
import json, re, sys
pattern, names = json.load(sys.stdin)
found = (re.search(pattern, name) for name in names)
json.dump([f and (f[f.re.groups and 1] or f[0]) for f in found], sys.stdout)
"""


def find_in_names(pattern: str, names: Sequence[str], where: str) -> list[str | None]:
    """What `pattern` finds in each name, of its first group if it has one; None where it finds nothing.

    Accents are alike however they are written. Raises `UserError` at the setting `where` if that takes longer than ten
    seconds.
    """
    matches = _found(normal_form(pattern), tuple(map(normal_form, names)))
    if matches is None:
        raise SettingError(
            where,
            f"{pattern!r} takes longer than {_MOST_SECONDS:g} s on the names of the images, and may never end",
            "Repeat nothing that repeats itself, as in (a+)+, and write what stands between instead of many .*",
        )
    return list(matches)


@lru_cache(maxsize=16)
def _found(pattern: str, names: tuple[str, ...]) -> tuple[str | None, ...] | None:
    """As `find_in_names`; None if it takes too long."""
    if _ends_soon(pattern) or not sys.executable:
        matches = [re.search(pattern, name) for name in names]
        return tuple(each and (each[each.re.groups and 1] or each[0]) for each in matches)
    # a search cannot be interrupted but by ending its process
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-c", _CHILD],
            input=json.dumps([pattern, names]),
            capture_output=True,
            text=True,
            timeout=_MOST_SECONDS,
            check=True,
        )
    except subprocess.TimeoutExpired:
        return None
    return tuple(json.loads(done.stdout))


def _ends_soon(pattern: str) -> bool:
    """Whether an expression certainly does: no group of it is repeated, and few parts are."""
    plain = re.sub(r"\\.", "x", pattern)  # what is escaped repeats nothing
    plain = re.sub(r"\[\^?\]?[^\]]*\]", "x", plain)
    return not re.search(r"\)[*+{]", plain) and len(re.findall(r"[*+{]", plain)) <= _MOST_REPETITIONS
