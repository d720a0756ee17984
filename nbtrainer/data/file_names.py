"""Names and paths compared as people read them: which of several a file means."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from nbtrainer.io.formats import stem

Parts = tuple[str, ...]
"""The folders and the name of a path, in normal form."""


class NameMatches(NamedTuple):
    """`chosen`: by number of what was wanted, the number of what is offered. `ambiguous`: the numbers of those for which
    several are equally near, or which are as near as another to the only one."""

    chosen: dict[int, int]
    ambiguous: dict[int, list[int]]


def normal_form(name: str) -> str:
    """`name` with composed accents: what looks the same is the same, whatever system wrote it."""
    return unicodedata.normalize("NFC", name)


def parts_of(path: str | Path) -> Parts:
    """Folders and name of a path, in normal form; slashes of both kinds part them if it is text."""
    if isinstance(path, Path):
        parts = path.parts[1:] if path.anchor else path.parts
    else:
        parts = tuple(path.replace("\\", "/").split("/"))
    return tuple(normal_form(part) for part in parts if part not in ("", ".", ".."))


def matching_files(paths: Iterable[Path], written: Sequence[str]) -> set[Path]:
    """Those of `paths` that any of `written` means: see `is_meant`."""
    named: dict[str, list[str]] = {}
    for name in written:
        for last in parts_of(name)[-1:]:
            named.setdefault(last, []).append(name)
    return {
        path
        for path in (paths if named else ())
        if any(
            is_meant(path, name)
            for key in {normal_form(path.name), normal_form(stem(path))}
            for name in named.get(key, ())
        )
    }


def is_meant(path: Path, written: str) -> bool:
    """Whether `written`, a file's name with or without suffix or the end of its path, means the file `path`."""
    ours, theirs = parts_of(path), parts_of(written)
    if not theirs or not ours[-1].startswith(theirs[-1]) or ours[-len(theirs) : -1] != theirs[:-1]:
        return False
    return theirs[-1] in (ours[-1], normal_form(stem(path)))


def match_parts(names: Sequence[Parts], *, offered: Sequence[Parts]) -> NameMatches:
    """For each path in `names` the one in `offered` with the same last part that agrees in most folders above it.

    Each is used once.
    """
    by_name: dict[str, list[int]] = {}
    for place, parts in enumerate(offered):
        if parts:
            by_name.setdefault(parts[-1], []).append(place)
    near: dict[int, list[tuple[int, int]]] = {}
    for place, parts in enumerate(names):
        for other in by_name.get(parts[-1], []) if parts else []:
            near.setdefault(_common(parts, offered[other]), []).append((place, other))
    chosen: dict[int, int] = {}
    ambiguous: dict[int, list[int]] = {}
    used: set[int] = set()
    for level in sorted(near, reverse=True):
        free = [(i, j) for i, j in near[level] if i not in chosen and i not in ambiguous and j not in used]
        of_wanted: dict[int, list[int]] = {}
        of_offered: dict[int, list[int]] = {}
        for i, j in free:
            of_wanted.setdefault(i, []).append(j)
            of_offered.setdefault(j, []).append(i)
        for i, places in of_wanted.items():
            if len(places) == 1 and len(of_offered[places[0]]) == 1:
                chosen[i] = places[0]
            else:
                ambiguous[i] = places
        used |= set(of_offered)
    return NameMatches(chosen, ambiguous)


def without_contradictions(matches: NameMatches, *, names: Sequence[Parts], offered: Sequence[Parts]) -> NameMatches:
    """`matches` without pairs whose folders differ although other pairs agree in theirs.

    `val/a.png` is not `train/a.png` if `train/b.png` is.
    """
    agree = {i: _common(names[i], offered[j]) for i, j in matches.chosen.items()}
    if all(count < 2 for count in agree.values()):
        return matches
    differ = {i for i, j in matches.chosen.items() if agree[i] < 2 and len(names[i]) > 1 and len(offered[j]) > 1}
    return NameMatches({i: j for i, j in matches.chosen.items() if i not in differ}, matches.ambiguous)


def shortest_names(paths: Sequence[Path]) -> list[str]:
    """The name of each file; where several bear one name, with as many folders as tell them apart."""
    names = [path.name for path in paths]
    for depth in range(2, max((len(path.parts) for path in paths), default=0)):
        twice = {name for name, count in Counter(names).items() if count > 1}
        if not twice:
            break
        names = [
            "/".join(path.parts[-depth:]) if name in twice else name for path, name in zip(paths, names, strict=True)
        ]
    return names


def existing(path: Path) -> Path:
    """`path`, or what is on the disk under the same name with accents written otherwise; `path` if there is neither."""
    if os.path.lexists(path) or not path.name:
        return path
    folder = existing(path.parent)
    normalized = normal_form(path.name)
    try:
        matching = next((entry for entry in folder.iterdir() if normal_form(entry.name) == normalized), None)
    except OSError:
        matching = None
    return matching if matching is not None else path


def _common(one: Parts, other: Parts) -> int:
    count = 0
    for a, b in zip(reversed(one), reversed(other), strict=False):
        if a != b:
            break
        count += 1
    return count
