"""Stores of zarr that read nothing from outside of themselves, and no chunk that is larger than it can be."""

from __future__ import annotations

import asyncio
import bz2
import lzma
import os
import posixpath
import stat
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from zarr.storage import LocalStore, ZipStore

from nbtrainer.errors import DataError
from nbtrainer.io.formats.problems import damaged

_METADATA = ("zarr.json", ".zarray", ".zgroup", ".zattrs", ".zmetadata")
MOST_METADATA_BYTES = 64 * 2**20
# less than this does no harm, whatever it becomes
_HARMLESS_BYTES = 64 * 2**20
_STEP_BYTES = 2**20


class ZarrLimits:
    """How large the chunks of an array may be: `stored` in the store, `unpacked` by its `codecs` (their names)."""

    def __init__(self, *, stored: int, unpacked: int, codecs: frozenset[str]) -> None:
        # what cannot be compressed grows a little
        self.stored, self.unpacked, self.codecs = 2 * stored + 2**20, unpacked + unpacked // 8 + 2**16, codecs


class _Guarded:
    """What both stores have in common. `limits` are set when the array is known."""

    limits: ZarrLimits | None = None
    path: Path

    def _check_size(self, key: str, size: int) -> None:
        most = MOST_METADATA_BYTES
        if posixpath.basename(key) not in _METADATA:
            most = self.limits.stored if self.limits is not None else _HARMLESS_BYTES
        if size > most:
            raise damaged(self.path, f"{key} in it has {size:,} bytes, where at most {most:,} can be")

    def _check_unpacked(self, key: str, data: Any, byte_range: Any) -> Any:
        if data is not None and self.limits is not None and posixpath.basename(key) not in _METADATA:
            content = data.to_bytes() if _may_grow(len(data), self.limits) else b""
            if content and byte_range is None and "sharding_indexed" not in self.limits.codecs:
                size = unpacked_size(content, self.limits.codecs, self.limits.unpacked)
                if size > self.limits.unpacked:
                    raise damaged(
                        self.path, f"{key} in it would become larger than the {self.limits.unpacked:,} bytes of a chunk"
                    )
        return data


class FolderStore(_Guarded, LocalStore):
    """A folder: links that lead out of it, pipes and devices are refused."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, read_only=True)
        self.path, self._home = Path(path), os.path.realpath(path)

    async def get(self, key: str, prototype: Any = None, byte_range: Any = None) -> Any:
        await asyncio.to_thread(self._check, key)
        data = await super().get(key, prototype, byte_range)
        return await asyncio.to_thread(self._check_unpacked, key, data, byte_range)

    async def get_partial_values(self, prototype: Any, key_ranges: Iterable[tuple[str, Any]]) -> list[Any]:
        return [await self.get(key, prototype, byte_range) for key, byte_range in key_ranges]

    def _check(self, key: str) -> None:
        file = os.path.join(self._home, key)
        try:
            status = os.stat(file)
        except (OSError, ValueError):
            return  # the store says that it is missing
        if stat.S_ISDIR(status.st_mode):
            return
        real = os.path.realpath(file)
        if not (real == file or real.startswith(self._home + os.sep)):
            raise DataError(
                str(self.path),
                f"{key} in it is a link to {real}, which lies outside of it, and is not followed",
                "If you trust it, copy what the links lead to into the folder (cp -rL)",
            )
        if not stat.S_ISREG(status.st_mode):
            raise damaged(self.path, f"{key} in it is no ordinary file")
        self._check_size(key, status.st_size)


class ZippedStore(_Guarded, ZipStore):
    """A zip file."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, mode="r", read_only=True)

    async def get(self, key: str, prototype: Any = None, byte_range: Any = None) -> Any:
        if not self._is_open:
            self._sync_open()
        try:
            self._check_size(key, self._zf.getinfo(key).file_size)
        except KeyError:
            return None
        return self._check_unpacked(key, await super().get(key, prototype, byte_range), byte_range)


def unpacked_size(content: bytes, codecs: frozenset[str], most: int) -> int:
    """How many bytes a compressed chunk becomes, without making them; beyond `most` only that it is more.

    0 for what this does not know, of which the library says the size before it takes the memory.
    """
    if "blosc" in codecs and len(content) >= 16:
        return int.from_bytes(content[4:8], "little")
    if "lz4" in codecs and len(content) >= 4:
        return int.from_bytes(content[:4], "little")
    if content[:4] == b"\x28\xb5\x2f\xfd":
        return _zstd_size(content)
    streams: tuple[tuple[bytes, Callable[[], Any]], ...] = (
        (b"\x1f\x8b", lambda: zlib.decompressobj(31)),
        (b"\x78", zlib.decompressobj),
        (b"BZh", bz2.BZ2Decompressor),
        (b"\xfd7zXZ", lzma.LZMADecompressor),
    )
    start = next((make for sign, make in streams if content.startswith(sign)), None)
    if start is None or not codecs & {"gzip", "zlib", "bz2", "lzma"}:
        return 0
    return _unpacked_size(content, start, most)


def _unpacked_size(content: bytes, start: Callable[[], Any], most: int) -> int:
    size, rest = 0, content
    while rest and size <= most:  # a gzip file may have several parts
        stream = start()
        while not stream.eof and size <= most:
            made = stream.decompress(rest, _STEP_BYTES)
            rest = getattr(stream, "unconsumed_tail", b"")
            size += len(made)
            if not made and not rest:
                break
        rest = stream.unused_data
        if not stream.eof:
            break
    return size


def _zstd_size(content: bytes) -> int:
    """What the header of a zstd frame says (RFC 8878, 3.1.1.1); 0 if it says nothing."""
    descriptor = content[4]
    flag, is_single, dictionary = descriptor >> 6, descriptor >> 5 & 1, (0, 1, 2, 4)[descriptor & 3]
    length = (1 if is_single else 0, 2, 4, 8)[flag]
    begin = 5 + (not is_single) + dictionary
    if not length:
        return 0
    return int.from_bytes(content[begin : begin + length], "little") + (256 if length == 2 else 0)


def _may_grow(size: int, limits: ZarrLimits) -> bool:
    """Whether so many bytes could become enough to do harm: zstd makes of one at most some 10,000."""
    factor = 1_032 if limits.codecs & {"gzip", "zlib"} else 2**17
    return bool(limits.codecs) and size * factor > max(_HARMLESS_BYTES, 2 * limits.unpacked)
