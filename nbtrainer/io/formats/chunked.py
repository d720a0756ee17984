"""Arrays that are read by region: by chunks, or whole."""

from __future__ import annotations

import itertools
import threading
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from nbtrainer.errors import UserError
from nbtrainer.io.formats.chunk_cache import LARGEST_CHUNK, forget, get_or_decode, owner
from nbtrainer.io.formats.decompressed import Copy, unpack
from nbtrainer.io.formats.problems import check_room, damaged, not_numbers, too_large
from nbtrainer.io.formats.uncompressed import Bounds as Bounds
from nbtrainer.io.formats.uncompressed import read_region
from nbtrainer.progress import OnProgress


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
        expected_shape = tuple(stop - start for start, stop in bounds)
        if 0 in expected_shape:
            return np.zeros(expected_shape, self.dtype)[after]
        needed = int(np.prod(expected_shape, dtype=object)) * self.dtype.itemsize
        check_room(self.path, needed)
        try:
            region = self._region(bounds)
        except UserError:
            raise
        except MemoryError:
            raise too_large(self.path, needed) from None
        except Exception as error:  # readers raise whatever a broken file makes them stumble over
            raise damaged(self.path, error) from error
        if region.shape != expected_shape:
            raise damaged(self.path, f"it gave {region.shape} pixels where {expected_shape} were expected")
        return np.asarray(region, self.dtype)[after]

    @abstractmethod
    def _region(self, bounds: Bounds) -> np.ndarray:
        """The pixels from start to stop along each axis; at least one along each."""


class Chunked(Regions):
    """An array made of equal chunks (the last ones may be smaller), decoded when needed and kept for a while."""

    def __init__(
        self,
        path: Path,
        shape: tuple[int, ...],
        dtype: Any,
        *,
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
            chunk = get_or_decode(self._owner, place, lambda place=place: self._read_chunk(place))  # type: ignore[misc]
            if not chunk.size:
                continue
            target, source = [], []
            for (start, stop), size, k in zip(bounds, self.chunk, place, strict=True):
                low, high = max(start, k * size), min(stop, (k + 1) * size)
                target.append(slice(low - start, high - start))
                source.append(slice(low - k * size, high - k * size))
            result[tuple(target)] = chunk[tuple(source)]
        return result

    def _read_chunk(self, place: tuple[int, ...]) -> np.ndarray:
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
        self._copy: Copy | None = None
        self._lock = threading.Lock()
        weakref.finalize(self, forget, self._owner)

    def prepare(self, on_progress: OnProgress | None = None) -> None:
        """Unpack to the disk cache what is too large for memory, unless that was done before."""
        if self.nbytes > LARGEST_CHUNK and self._copy is None:
            try:
                self._copy = unpack(
                    self.path,
                    inside=self._inside,
                    shape=self.shape,
                    dtype=self.dtype,
                    pieces=self._pieces,
                    on_progress=on_progress,
                )
            except UserError:
                raise
            except MemoryError:
                raise too_large(self.path, self.nbytes) from None
            except Exception as error:  # as in Regions
                raise damaged(self.path, error) from error

    def _region(self, bounds: Bounds) -> np.ndarray:
        if self.nbytes > LARGEST_CHUNK:
            try:
                return self._read_unpacked(bounds)
            except (FileNotFoundError, UserError):  # another process took the copy away: it is made once more
                self._copy = None
                return self._read_unpacked(bounds)
        with self._lock:  # else as many threads would decode it at once
            whole = get_or_decode(self._owner, (), self._all)
        return np.array(whole[tuple(slice(*bound) for bound in bounds)])

    def _read_unpacked(self, bounds: Bounds) -> np.ndarray:
        self.prepare()
        assert self._copy is not None
        result = np.empty([stop - start for start, stop in bounds], self.dtype)
        read_region(
            self._copy.file, offset=self._copy.offset, dtype=self.dtype, shape=self.shape, bounds=bounds, target=result
        )
        return result

    def _all(self) -> np.ndarray:
        whole = np.empty(self.shape, self.dtype)
        flat, done = whole.reshape(-1), 0
        for piece in self._pieces():
            flat[done : done + piece.size] = piece.reshape(-1)
            done += piece.size
        if done != flat.size:
            raise ValueError(f"it ends after {done:,} of {flat.size:,} pixels")
        return whole


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
