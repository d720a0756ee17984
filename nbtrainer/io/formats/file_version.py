"""What tells that a file has changed."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path

from nbtrainer.io.formats.file_formats import channel_files

# a store of a million chunks would take seconds; its upper floors and metadata are seen first
_MOST_ENTRIES = 2000


def version(path: Path) -> tuple[int, int]:
    """(time of the last change in nanoseconds, bytes) of a file, (0, 0) if it is missing.

    Of a folder (a zarr store) the latest time and the number and size of what is in it, as far as the first 2,000
    entries from the top show it. Of a path that goes on inside a file, that of the file; of files that are a channel each, the latest time and all bytes.
    """
    channels = [version(file) for file in channel_files(Path(path))]
    if channels:
        return max(time for time, _ in channels), sum(size for _, size in channels)
    for candidate in (Path(path), *Path(path).parents):
        try:
            status = os.stat(candidate)
        except OSError:
            continue
        if candidate == Path(path):
            return _of_folder(candidate) if os.path.isdir(candidate) else (status.st_mtime_ns, status.st_size)
        # an ordinary folder above a missing file says nothing of the file
        return (0, 0) if os.path.isdir(candidate) else (status.st_mtime_ns, status.st_size)
    return (0, 0)


def _of_folder(folder: Path) -> tuple[int, int]:
    latest, total, seen = os.stat(folder).st_mtime_ns, 0, 0
    waiting = deque([str(folder)])
    while waiting and seen < _MOST_ENTRIES:
        try:
            with os.scandir(waiting.popleft()) as entries:
                for entry in entries:
                    status = entry.stat()
                    latest, seen = max(latest, status.st_mtime_ns), seen + 1
                    if entry.is_dir():
                        waiting.append(entry.path)
                        total += 1
                    else:
                        total += status.st_size + 1
                    if seen >= _MOST_ENTRIES:
                        break
        except OSError:
            # removed while we looked: that is a change too
            total += 1
    return (latest, total)
