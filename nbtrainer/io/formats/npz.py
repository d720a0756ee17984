"""NPZ files: one array of several, read where it lies unless it is compressed."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from nbtrainer.io.formats.chunked import Regions, Whole
from nbtrainer.io.formats.display_views import Reoriented
from nbtrainer.io.formats.image_file import ImageFile
from nbtrainer.io.formats.members import choose
from nbtrainer.io.formats.memory_mapped import MemoryMapped
from nbtrainer.io.formats.npy import refuse_pickle, unknown_axes
from nbtrainer.io.formats.problems import no_pixels, not_inside
from nbtrainer.io.formats.uncompressed import read_header

_PIECE_BYTES = 8 * 2**20


def open_file(path: Path, inside: str = "", for_label: bool = False) -> ImageFile:
    """The array called `inside`; without a name the usual one, or the only one."""
    with zipfile.ZipFile(path) as archive:
        names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
        if inside and inside.removesuffix(".npy") not in names:
            raise not_inside(path, inside, names)
        name = inside.removesuffix(".npy") or choose(path, names, for_label)
        info = archive.getinfo(f"{name}.npy")
        with archive.open(info) as member:
            shape, fortran, dtype, header_bytes = _header(path, member)
    if 0 in shape:
        raise no_pixels(path, shape)
    stored = shape[::-1] if fortran else shape
    array: Regions
    if info.compress_type == zipfile.ZIP_STORED:
        array = MemoryMapped(path, dtype, stored, _start(path, info) + header_bytes)
    else:
        array = Whole(path, stored, dtype, lambda: _pieces(path, info, dtype), name)
    if fortran:
        array = Reoriented(array, tuple(reversed(range(len(shape)))))
    return ImageFile(array=array, axes=unknown_axes(len(shape)), spacing={})


def _header(path: Path, member: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    shape, fortran, dtype, length = read_header(member)
    if dtype.hasobject:
        refuse_pickle(path, b"|O")
    return shape, fortran, dtype, length


def _start(path: Path, info: zipfile.ZipInfo) -> int:
    """Where the member's bytes begin; only its own header in the file tells how long that header is."""
    with path.open("rb") as file:
        file.seek(info.header_offset)
        header = struct.unpack("<4s5H3I2H", file.read(30))
    return int(info.header_offset + 30 + header[9] + header[10])


def _pieces(path: Path, info: zipfile.ZipInfo, dtype: np.dtype[Any]) -> Iterator[np.ndarray]:
    with zipfile.ZipFile(path) as archive, archive.open(info) as member:
        _header(path, member)
        step = max(1, _PIECE_BYTES // dtype.itemsize) * dtype.itemsize
        while data := member.read(step):
            yield np.frombuffer(data, dtype)
