"""Arrays that are read by region: memory-mapped, by chunks, or whole."""

from __future__ import annotations

import itertools
import mmap
import threading
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from nbtrainer.data.formats.decoded import LARGEST_CHUNK, decoded, forget, owner
from nbtrainer.data.formats.problems import damaged, not_numbers, truncated
from nbtrainer.data.formats.unpacked import OnProgress, unpack
from nbtrainer.errors import UserError

_LONG_RUN_BYTES = 256 * 1024

Bounds = tuple[tuple[int, int], ...]


class Regions(ABC):
    """An array whose regions are read when they are indexed with whole numbers and slices, as numpy's are.

    What a library says of a broken file becomes a `UserError` that names `path`.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: Any) -> None:
        self.path = path
        self.shape = tuple(int(length) for length in shape)
        self.dtype = np.dtype(dtype).newbyteorder("=")
        if self.dtype.kind not in "buif":
            raise not_numbers(path, self.dtype)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        return int(np.prod(self.shape, dtype=object)) * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self[...], dtype=dtype)

    def __getitem__(self, index: Any) -> np.ndarray:
        bounds, after = _bounds(index, self.shape)
        wanted = tuple(stop - start for start, stop in bounds)
        if 0 in wanted:
            return np.zeros(wanted, self.dtype)[after]
        try:
            region = self._region(bounds)
        except (UserError, MemoryError):
            raise
        except Exception as error:  # readers raise whatever a broken file makes them stumble over
            raise damaged(self.path, error) from error
        if region.shape != wanted:
            raise damaged(self.path, f"it gave {region.shape} pixels where {wanted} were expected")
        return np.asarray(region, self.dtype)[after]

    @abstractmethod
    def _region(self, bounds: Bounds) -> np.ndarray:
        """The pixels from start to stop along each axis; at least one along each."""


class Mapped(Regions):
    """An uncompressed array in a file, mapped into memory; what is read is copied."""

    def __init__(self, path: Path, mapped: np.ndarray, needed: int | None = None) -> None:
        """`mapped` is an `np.memmap` or a view of one; `needed` the bytes that the file must have at least."""
        super().__init__(path, mapped.shape, mapped.dtype)
        self._mapped, self._map = mapped, map_of(mapped)
        self._needed = len(self._map) if needed is None and self._map is not None else needed or 0

    def _region(self, bounds: Bounds) -> np.ndarray:
        check_length(self.path, self._map, self._needed)
        advise(self._map, _run_bytes(self._mapped, bounds))
        return np.array(self._mapped[tuple(slice(*bound) for bound in bounds)], self.dtype, order="C")


def check_length(path: Path, mapped: mmap.mmap | None, needed: int) -> None:
    """Raise if a mapped file was cut short since: touching what is gone would end the process."""
    if mapped is not None and mapped.size() < needed:
        raise truncated(path, needed, mapped.size())


def advise(mapped: mmap.mmap | None, run_bytes: int) -> None:
    """Tell the system whether pieces or longer runs of a map will be read, so that it reads ahead only for the latter.

    Measured on 20 GB that were not in memory: a crop of 64 x 64 x 64 took 76 ms with reading ahead and 9 ms without,
    one of 256 x 256 took 26 ms and 0.6 ms; whole planes took 41 ms and 70 ms.
    """
    if mapped is not None and hasattr(mmap, "MADV_RANDOM"):
        mapped.madvise(mmap.MADV_RANDOM if run_bytes < _LONG_RUN_BYTES else mmap.MADV_NORMAL)


def _run_bytes(stored: np.ndarray, bounds: Bounds) -> int:
    """How many bytes of a region follow each other in the file."""
    run = stored.itemsize
    axes = sorted(range(stored.ndim), key=lambda axis: abs(stored.strides[axis]))
    for axis in axes:
        start, stop = bounds[axis]
        run *= stop - start
        if stop - start < stored.shape[axis]:
            break
    return run


class Chunked(Regions):
    """An array made of equal chunks (the last ones may be smaller), decoded when needed and kept for a while."""

    def __init__(
        self,
        path: Path,
        shape: tuple[int, ...],
        dtype: Any,
        chunk: tuple[int, ...],
        decode: Callable[[tuple[int, ...]], np.ndarray | None],
        fill: float = 0,
    ) -> None:
        """`decode` gives the chunk at a place of the grid: at least the part inside the array; None means `fill`."""
        super().__init__(path, shape, dtype)
        self.chunk = chunk
        self._decode, self._fill = decode, fill
        self._owner = owner()
        weakref.finalize(self, forget, self._owner)

    def _region(self, bounds: Bounds) -> np.ndarray:
        result = np.full([stop - start for start, stop in bounds], self._fill, self.dtype)
        grid = [range(start // size, -(-stop // size)) for (start, stop), size in zip(bounds, self.chunk, strict=True)]
        for place in itertools.product(*grid):
            chunk = decoded(self._owner, place, lambda place=place: self._filled(place))  # type: ignore[misc]
            if not chunk.size:
                continue
            target, source = [], []
            for (start, stop), size, k in zip(bounds, self.chunk, place, strict=True):
                low, high = max(start, k * size), min(stop, (k + 1) * size)
                target.append(slice(low - start, high - start))
                source.append(slice(low - k * size, high - k * size))
            result[tuple(target)] = chunk[tuple(source)]
        return result

    def _filled(self, place: tuple[int, ...]) -> np.ndarray:
        chunk = self._decode(place)
        return np.empty(0, self.dtype) if chunk is None else np.asarray(chunk)


class Whole(Regions):
    """An array that can only be decoded whole: kept in memory for a while if small, unpacked to the disk if large."""

    def __init__(
        self,
        path: Path,
        shape: tuple[int, ...],
        dtype: Any,
        pieces: Callable[[], Any],
        inside: str = "",
    ) -> None:
        """`pieces` gives the array in flat pieces, in C order; `inside` names it among others of the same file."""
        super().__init__(path, shape, dtype)
        self._pieces, self._inside = pieces, inside
        self._owner = owner()
        self._unpacked: Mapped | None = None
        self._lock = threading.Lock()
        weakref.finalize(self, forget, self._owner)

    def prepare(self, on_progress: OnProgress | None = None) -> None:
        """Unpack to the disk cache what is too large for memory, unless that was done before."""
        if self.nbytes > LARGEST_CHUNK and self._unpacked is None:
            try:
                mapped = unpack(self.path, self._inside, self.shape, self.dtype, self._pieces, on_progress)
            except (UserError, MemoryError):
                raise
            except Exception as error:  # as in Regions
                raise damaged(self.path, error) from error
            self._unpacked = Mapped(self.path, mapped)

    def _region(self, bounds: Bounds) -> np.ndarray:
        self.prepare()
        if self._unpacked is not None:
            return self._unpacked._region(bounds)
        with self._lock:  # else as many threads would decode it at once
            whole = decoded(self._owner, (), self._all)
        return np.array(whole[tuple(slice(*bound) for bound in bounds)])

    def _all(self) -> np.ndarray:
        whole = np.empty(self.shape, self.dtype)
        flat, done = whole.reshape(-1), 0
        for piece in self._pieces():
            flat[done : done + piece.size] = piece.reshape(-1)
            done += piece.size
        if done != flat.size:
            raise ValueError(f"it ends after {done:,} of {flat.size:,} pixels")
        return whole


class Reversed(Regions):
    """Another array with its axes in reverse order: what was stored with x fastest is shown with x last."""

    def __init__(self, stored: Whole) -> None:
        super().__init__(stored.path, stored.shape[::-1], stored.dtype)
        self._stored = stored

    def prepare(self, on_progress: OnProgress | None = None) -> None:
        """As `Whole.prepare`."""
        self._stored.prepare(on_progress)

    def _region(self, bounds: Bounds) -> np.ndarray:
        return self._stored._region(bounds[::-1]).T


def map_of(array: np.ndarray) -> mmap.mmap | None:
    """The map that `array` is a view of."""
    base: Any = array
    while base is not None and not isinstance(base, mmap.mmap):
        base = getattr(base, "base", None)
    return base


def _bounds(index: Any, shape: tuple[int, ...]) -> tuple[Bounds, tuple[Any, ...]]:
    """The region that `index` lies in, and the index that is left to do within it."""
    index = index if isinstance(index, tuple) else (index,)
    if sum(part is Ellipsis for part in index) > 1:
        raise IndexError("an index can only have a single ellipsis")
    if Ellipsis in index:
        k = index.index(Ellipsis)
        index = index[:k] + (slice(None),) * (len(shape) - len(index) + 1) + index[k + 1 :]
    if len(index) > len(shape):
        raise IndexError(f"{len(index)} indices for {len(shape)} axes")
    index += (slice(None),) * (len(shape) - len(index))
    bounds: list[tuple[int, int]] = []
    after: list[Any] = []
    for part, length in zip(index, shape, strict=True):
        if isinstance(part, slice):
            chosen = range(*part.indices(length))
            low, high = (min(chosen[0], chosen[-1]), max(chosen[0], chosen[-1]) + 1) if chosen else (0, 0)
            bounds.append((low, high))
            after.append(slice(None, None, chosen.step))
        else:
            k = int(part.__index__())
            if not -length <= k < length:
                raise IndexError(f"index {k} is out of bounds for an axis of length {length}")
            bounds.append((k % length, k % length + 1))
            after.append(0)
    return tuple(bounds), tuple(after)
