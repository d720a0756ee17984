"""Whether the files of a run are still those that it started with."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from nbtrainer.errors import DataError
from nbtrainer.io.formats import version

# a folder (a zarr store) has many files to look at: once in so many seconds
_SECONDS_BETWEEN_LOOKS = 2.0

Version = tuple[int, int]


class Fingerprints:
    """Time and size of `paths`, as they are when this is made."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._versions: dict[Path, Version] = {path: version(path) for path in dict.fromkeys(paths)}
        self._looked: dict[Path, float] = {}

    def check(self, paths: Iterable[Path]) -> None:
        """Raise `UserError` for a file that is another by now. One that is gone is reported by the code that reads it."""
        for path in paths:
            before = self._versions.get(path)
            if before is None or (path.is_dir() and self._has_looked(path)):
                continue
            now = version(path)
            if now not in (before, (0, 0)):
                raise DataError(
                    str(path),
                    f"this file was changed while the run was reading it ({_difference(before, now=now)})",
                    "Let files alone while a run reads them. Put it back and resume, or start a new run with it as it is; "
                    "the last checkpoint is from before",
                )

    def changed_since(self, record: Mapping[str, Iterable[int]]) -> list[Path]:
        """Files that are others than in an earlier session of the run, which kept `as_record`."""
        return [
            path
            for path, now in self._versions.items()
            if str(path) in record and tuple(record[str(path)]) != now and now != (0, 0)
        ]

    def as_record(self) -> dict[str, list[int]]:
        """Plain values for a checkpoint."""
        return {str(path): list(version) for path, version in self._versions.items()}

    def _has_looked(self, path: Path) -> bool:
        now = time.monotonic()
        if now - self._looked.get(path, -_SECONDS_BETWEEN_LOOKS) < _SECONDS_BETWEEN_LOOKS:
            return True
        self._looked[path] = now
        return False


def _difference(before: Version, *, now: Version) -> str:
    if before[1] != now[1]:
        return f"it had {before[1]:,} bytes and now has {now[1]:,}"
    return f"it was written at {time.strftime('%H:%M:%S', time.localtime(now[0] / 1e9))}"
