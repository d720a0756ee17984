"""Uncompressed numbers in a file, read where they lie.

They are not mapped into memory: a file that another program cuts short while it is read would end this process (SIGBUS),
and each map keeps a file open.
"""

from __future__ import annotations

import itertools
import os
import threading
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from nbtrainer.errors import DataError
from nbtrainer.io.formats.handles import Handle, borrow, keep, put_away
from nbtrainer.io.formats.problems import truncated

Bounds = tuple[tuple[int, int], ...]

# reading what lies between two runs costs less than asking twice. A crop of 64 x 64 x 64 out of planes of 1000 x 1000 takes
# 0.7 ms (mapped into memory 0.2 ms), one of 256 x 256 out of 20,000 x 20,000 0.3 ms (0.03 ms), whole volumes the same
_SMALL_GAP_BYTES = 16 * 1024
_LARGEST_SPAN_BYTES = 8 * 2**20
_AT_ANY_PLACE = hasattr(os, "preadv")
# below this, reading ahead takes longer than it saves: see `PlainFile.expect`
_LONG_RUN_BYTES = 256 * 1024


class PlainFile:
    """A file opened for reading at any place by any number of threads."""

    def __init__(self, path: Path) -> None:
        file = open(path, "rb", buffering=0)  # noqa: SIM115, closed with its handle
        status = os.fstat(file.fileno())
        self.path, self.size, self.identity = path, status.st_size, (status.st_dev, status.st_ino)
        keep(self._key, Handle(_Opened(file), _Opened.close))
        weakref.finalize(self, put_away, self._key)

    def read_runs(self, target: np.ndarray, offsets: Sequence[int]) -> None:
        """Fill `target` (contiguous uint8), an equal part from each of `offsets`; raises `UserError` if the file ends before."""
        handle = borrow(self._key, self._opened_again)
        opened, length = handle.thing, target.size // len(offsets)
        opened.expect(is_long=length >= _LONG_RUN_BYTES)
        memory = memoryview(target.data)
        for number, offset in enumerate(offsets):
            done = opened.read_into(memory[number * length : (number + 1) * length], offset)
            if done < length:
                raise truncated(self.path, needed=offset + length, actual=os.path.getsize(self.path))

    @property
    def _key(self) -> tuple[str, tuple[int, int]]:
        return os.path.abspath(self.path), self.identity

    def _opened_again(self) -> Handle[_Opened]:
        file = open(self.path, "rb", buffering=0)  # noqa: SIM115, closed with its handle
        status = os.fstat(file.fileno())
        if (status.st_dev, status.st_ino) != self.identity:
            file.close()
            raise DataError(str(self.path), "this file was replaced by another while it was in use", "Open it again")
        return Handle(_Opened(file), _Opened.close)


class _Opened:
    """An open file, and what the system was told of how it is read."""

    def __init__(self, file: Any) -> None:
        self._file, self._number = file, file.fileno()
        self._reads_ahead = True
        self._lock = threading.Lock()

    def close(self) -> None:
        self._file.close()

    def expect(self, is_long: bool) -> None:
        """Tell the system whether longer runs will be read, so that it reads ahead only then.

        Measured on 20 GB that were not in memory: a crop of 64 x 64 x 64 took 76 ms with reading ahead and 9 ms without,
        one of 256 x 256 took 26 ms and 0.6 ms; whole planes took 41 ms and 70 ms.
        """
        if is_long != self._reads_ahead and hasattr(os, "posix_fadvise"):
            advice = os.POSIX_FADV_NORMAL if is_long else os.POSIX_FADV_RANDOM
            os.posix_fadvise(self._file.fileno(), 0, 0, advice)
            self._reads_ahead = is_long

    def read_into(self, target: memoryview, offset: int) -> int:
        """How many bytes of `target` were filled: fewer than its length if the file ends."""
        needed, done = len(target), self._read_some(target, offset)
        while 0 < done < needed:
            count = self._read_some(target[done:], offset + done)
            if not count:
                break
            done += count
        return done

    def _read_some(self, target: memoryview, offset: int) -> int:
        if _AT_ANY_PLACE:
            return os.preadv(self._number, (target,), offset)
        with self._lock:  # Windows: the place where it reads belongs to the file
            self._file.seek(offset)
            return int(self._file.readinto(target))


def read_region(
    file: PlainFile, *, offset: int, dtype: np.dtype[Any], shape: Sequence[int], bounds: Bounds, target: np.ndarray
) -> None:
    """Read a region of an array of `shape` and `dtype` that lies at `offset` in C order into `target`, which is contiguous.

    What follows each other in the file is read at once, with small gaps between; `dtype` may have another byte order.
    """
    sizes = [stop - start for start, stop in bounds]
    steps = [dtype.itemsize] * len(sizes)
    for axis in range(len(sizes) - 2, -1, -1):
        steps[axis] = steps[axis + 1] * shape[axis + 1]
    first, span, is_whole = _span(sizes, steps=steps)
    begins = np.array(offset + sum(start * step for (start, _), step in zip(bounds, steps, strict=True)))
    for size, step in zip(sizes[:first], steps[:first], strict=True):
        begins = begins[..., None] + np.arange(size) * step
    offsets = begins.ravel().tolist()
    if is_whole and dtype == target.dtype:
        file.read_runs(target.reshape(-1).view(np.uint8), offsets)
    else:
        buffer = np.empty(span, np.uint8)
        for place, at in zip(itertools.product(*map(range, sizes[:first])), offsets, strict=True):
            file.read_runs(buffer, (at,))
            target[place] = np.ndarray(sizes[first:], dtype, buffer, 0, steps[first:])
    if dtype.kind == "b":  # a byte that is neither 0 nor 1 would count as both
        np.not_equal(target.view(np.uint8), 0, out=target)


def read_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Shape, whether it is in Fortran's order, type, and length of the header of an NPY file that begins where `file` stands."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(file)
    return tuple(map(int, shape)), bool(fortran), dtype, file.tell()


def _span(sizes: list[int], *, steps: list[int]) -> tuple[int, int, bool]:
    """The first axis of what is read at once, how many bytes that are, and whether all of them are wanted."""
    first, span, is_whole = len(sizes) - 1, sizes[-1] * steps[-1], True
    while first > 0:
        gap = steps[first - 1] - span
        wider = (sizes[first - 1] - 1) * steps[first - 1] + span
        if sizes[first - 1] > 1 and gap:
            if gap > _SMALL_GAP_BYTES or wider > _LARGEST_SPAN_BYTES:
                break
            is_whole = False
        first, span = first - 1, wider
    return first, span, is_whole
