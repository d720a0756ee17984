"""Which of several arrays in one file is meant when the path does not say."""

from __future__ import annotations

from pathlib import Path

from nbtrainer.data.formats.problems import choose_inside

_USUAL = ("raw", "image", "data", "volume", "label", "labels", "vol0")


def choose(path: Path, names: list[str], usual: tuple[str, ...] = _USUAL) -> str:
    """The only one of `names`, or the first that has a usual name (its last part counts); else `UserError`."""
    if len(names) == 1:
        return names[0]
    for wanted in usual:
        found = [name for name in names if name.rsplit("/", 1)[-1].lower() == wanted]
        if found:
            return min(found, key=lambda name: (name.count("/"), names.index(name)))
    raise choose_inside(path, names)
