"""Small real images that come with the package, each set with a README that names source and licence."""

from __future__ import annotations

from pathlib import Path

from nbtrainer.errors import DataError

_HERE = Path(__file__).parent


def names() -> list[str]:
    """The sets there are."""
    return sorted(folder.name for folder in _HERE.iterdir() if (folder / "images").is_dir())


def path(name: str) -> Path:
    """The folder of set `name`; its images lie in `images/`, its labels under the same names in `labels/`."""
    if name not in names():
        raise DataError("samples", f"there is no set {name!r}", f"There are {', '.join(names())}")
    return _HERE / name
