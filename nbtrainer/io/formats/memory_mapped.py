"""Uncompressed arrays, read where they lie in a file, a region at a time."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nbtrainer.io.formats.chunked import Bounds, Regions
from nbtrainer.io.formats.problems import truncated
from nbtrainer.io.formats.uncompressed import PlainFile, read_region


class MemoryMapped(Regions):
    """An uncompressed array in C order that begins at `offset` in a file; `file`, if that is not the one of `path`."""

    def __init__(self, path: Path, dtype: Any, shape: Sequence[int], offset: int, file: Path | None = None) -> None:
        """Raises `UserError` if the file is too short."""
        super().__init__(path, tuple(shape), dtype)
        self._stored, self._offset = np.dtype(dtype), int(offset)
        self._file = PlainFile(path if file is None else file)
        if self._file.size < self._offset + self.nbytes:
            raise truncated(self._file.path, needed=self._offset + self.nbytes, actual=self._file.size)

    def _region(self, bounds: Bounds) -> np.ndarray:
        result = np.empty([stop - start for start, stop in bounds], self.dtype)
        read_region(self._file, offset=self._offset, dtype=self._stored, shape=self.shape, bounds=bounds, target=result)
        return result


class StoredPages(Regions):
    """Uncompressed pages of one size, each at its own place in the file."""

    def __init__(
        self, path: Path, *, lead: tuple[int, ...], page: tuple[int, ...], dtype: np.dtype[Any], offsets: list[int]
    ) -> None:
        """`lead` are the axes along which the pages lie. Raises `UserError` if the file is too short."""
        super().__init__(path, lead + page, dtype)
        self._lead, self._page, self._stored, self._offsets = lead, page, dtype, offsets
        self._file = PlainFile(path)
        needed = max(offsets) + int(np.prod(page, dtype=object)) * dtype.itemsize
        if needed > self._file.size:
            raise truncated(path, needed=needed, actual=self._file.size)

    def _region(self, bounds: Bounds) -> np.ndarray:
        depth = len(self._lead)
        result = np.empty([stop - start for start, stop in bounds], self.dtype)
        for place in itertools.product(*(range(*bound) for bound in bounds[:depth])):
            offset = self._offsets[int(np.ravel_multi_index(place, self._lead)) if depth else 0]
            target = result[tuple(k - start for k, (start, _) in zip(place, bounds, strict=False))]
            read_region(
                self._file, offset=offset, dtype=self._stored, shape=self._page, bounds=bounds[depth:], target=target
            )
        return result
