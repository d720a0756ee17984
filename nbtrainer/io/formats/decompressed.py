"""A disk cache of files that can only be decoded whole: unpacked once, read there ever after.

`NBTRAINER_CACHE` names its folder (else the user's cache folder), `NBTRAINER_CACHE_GB` bounds it (else 20).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
import time
import uuid
import weakref
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from platformdirs import user_cache_dir

from nbtrainer.errors import ComputerError, DataError, SettingError
from nbtrainer.io.formats.file_version import version
from nbtrainer.io.formats.uncompressed import PlainFile, read_header
from nbtrainer.progress import OnProgress

_STEP_BYTES = 16 * 2**20
_ABANDONED_SECONDS = 24 * 3600
_ADVICE = (
    "Free some space, name a folder on a larger disk in the environment variable NBTRAINER_CACHE, "
    "or save the file uncompressed or in tiles"
)

_open: weakref.WeakValueDictionary[Path, Copy] = weakref.WeakValueDictionary()
_locks: defaultdict[Path, threading.Lock] = defaultdict(threading.Lock)
_evicting = threading.Lock()


class Copy:
    """An unpacked array: `file`, in which it begins at `offset`. It is not evicted by this process while it is held."""

    def __init__(self, file: PlainFile, offset: int) -> None:
        self.file, self.offset = file, offset


def cache_folder() -> Path:
    """Where unpacked files lie; it need not exist yet."""
    return Path(os.environ.get("NBTRAINER_CACHE") or user_cache_dir("nbtrainer")).expanduser() / "unpacked"


def unpack(
    path: Path,
    *,
    inside: str,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    pieces: Callable[[], Iterable[np.ndarray]],
    on_progress: OnProgress | None = None,
) -> Copy:
    """The array that `pieces` gives, from the disk cache; unpacked into it first where it is not there yet.

    Parameters
    ----------
    path, inside
        The file, and which array of it; with the file's version they are the key.
    pieces
        Gives the array in flat pieces, in C order; called only if it has to be unpacked.
    on_progress
        Called with (bytes done, bytes in all) after each step.

    Raises
    ------
    UserError
        If the disk is too small, or the folder cannot be written to.
    """
    known = version(path)
    key = "\n".join(map(str, (os.path.abspath(path), known, inside, shape, np.dtype(dtype).str)))
    target = cache_folder() / f"{hashlib.sha256(key.encode(errors='surrogateescape')).hexdigest()[:32]}.npy"
    with _locks[target]:
        array = _reopen(target, shape, dtype)
        if array is None:
            _write(path, target=target, shape=shape, dtype=dtype, pieces=pieces, on_progress=on_progress)
            if version(path) != known:
                target.unlink(missing_ok=True)
                raise DataError(str(path), "this file was changed while it was read", "Try again when it is complete")
            array = _reopen(target, shape, dtype)
        if array is None:
            raise ComputerError(str(path), f"its unpacked copy in {target.parent} vanished", "Try again")
        return array


def _reopen(target: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Copy | None:
    """The unpacked array, if it is there and whole; its time of use is noted."""
    array = _open.get(target)
    if array is not None:
        return array
    try:
        os.utime(target)
        with target.open("rb") as opened:
            stored, fortran, kind, offset = read_header(opened)
        file = PlainFile(target)
    except (OSError, ValueError, EOFError):
        return None
    is_whole = file.size == offset + int(np.prod(shape, dtype=object)) * dtype.itemsize
    if stored != tuple(shape) or kind != dtype or fortran or not is_whole:
        return None
    array = _open[target] = Copy(file, offset)
    return array


def _write(
    path: Path,
    *,
    target: Path,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    pieces: Callable[[], Iterable[np.ndarray]],
    on_progress: OnProgress | None,
) -> None:
    total = int(np.prod(shape, dtype=object)) * dtype.itemsize
    # written under a name of its own and renamed: two processes may do it at once, and a crash leaves nothing half
    partial = target.with_name(f"{target.stem}.{uuid.uuid4().hex}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _evicting:
            _free_space(path, folder=target.parent, needed=total)
        with open(partial, "wb") as file:
            header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": tuple(shape)}
            np.lib.format.write_array_header_2_0(file, header)
            _write_pieces(file, pieces(), dtype, total, on_progress)
        os.replace(partial, target)
    except OSError as error:
        if error.filename in (None, str(partial), str(target), str(target.parent)) and error.errno is not None:
            raise ComputerError(
                str(path), f"it cannot be unpacked to {target.parent} ({error.strerror or error})", _ADVICE
            ) from error
        raise
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def _write_pieces(
    file: Any, pieces: Iterable[np.ndarray], dtype: np.dtype[Any], total: int, on_progress: OnProgress | None
) -> None:
    done, step = 0, max(1, _STEP_BYTES // dtype.itemsize)
    for piece in pieces:
        flat = piece.reshape(-1)
        for start in range(0, flat.size, step):
            part = np.ascontiguousarray(flat[start : start + step], dtype)
            done += part.nbytes
            if done > total:
                raise ValueError("it holds more pixels than its header says")
            file.write(part.data)
            if on_progress is not None:
                on_progress(done, total)
    if done != total:
        raise ValueError(f"it ends after {done:,} of {total:,} bytes of pixels")


def _free_space(path: Path, *, folder: Path, needed: int) -> None:
    """Evict the least recently used until `needed` bytes fit, never what this process has open."""
    entries = []
    for entry in os.scandir(folder):
        with suppress(OSError):  # another process may evict at the same time
            status = entry.stat()
            entries.append((status.st_mtime, status.st_size, Path(entry.path)))
    entries.sort()
    used = sum(size for _, size, _ in entries)
    free = shutil.disk_usage(folder).free
    allowed = min(_limit_bytes(), (free + used) // 2)
    if needed <= allowed:
        for modified, size, candidate in entries:
            abandoned = candidate.suffix == ".part" and time.time() - modified > _ABANDONED_SECONDS
            evictable = candidate.suffix == ".npy" and candidate not in _open and used + needed > allowed
            if abandoned or evictable:
                with suppress(OSError):
                    candidate.unlink()
                    used -= size
    if used + needed > allowed:
        raise ComputerError(
            str(path),
            f"it has to be unpacked to {folder}, which takes {needed / 1e9:.1f} GB, but only "
            f"{max(0, allowed - used) / 1e9:.1f} GB may be used there (half of the free disk, and at most "
            f"{_limit_bytes() / 1e9:g} GB in all)",
            _ADVICE,
        )


def _limit_bytes() -> int:
    text = os.environ.get("NBTRAINER_CACHE_GB") or "20"
    try:
        return max(0, int(float(text) * 1e9))
    except (ValueError, OverflowError):
        raise SettingError("NBTRAINER_CACHE_GB", f"{text!r} is not a number of gigabytes", "For example 20") from None
