"""NRRD: raw data read where they lie, compressed data unpacked."""

from __future__ import annotations

import bz2
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nrrd
import numpy as np

from nbtrainer.disk import file_below
from nbtrainer.io.formats.chunked import Regions, Whole
from nbtrainer.io.formats.image_file import ImageFile
from nbtrainer.io.formats.memory_mapped import MemoryMapped
from nbtrainer.io.formats.npy import unknown_axes
from nbtrainer.io.formats.orientation import Orientation
from nbtrainer.io.formats.problems import check_inflation, check_room, no_pixels, not_numbers
from nbtrainer.io.formats.spacing import micrometres, sane

_TYPES = {
    "signed char": "i1", "int8": "i1", "int8_t": "i1",
    "uchar": "u1", "unsigned char": "u1", "uint8": "u1", "uint8_t": "u1",
    "short": "i2", "short int": "i2", "signed short": "i2", "signed short int": "i2", "int16": "i2", "int16_t": "i2",
    "ushort": "u2", "unsigned short": "u2", "unsigned short int": "u2", "uint16": "u2", "uint16_t": "u2",
    "int": "i4", "signed int": "i4", "int32": "i4", "int32_t": "i4",
    "uint": "u4", "unsigned int": "u4", "uint32": "u4", "uint32_t": "u4",
    "longlong": "i8", "long long": "i8", "signed long long": "i8", "long long int": "i8", "int64": "i8", "int64_t": "i8",
    "ulonglong": "u8", "unsigned long long": "u8", "unsigned long long int": "u8", "uint64": "u8", "uint64_t": "u8",
    "float": "f4", "double": "f8",
}  # fmt: skip
_COLOURS = ("rgb-color", "rgba-color")
_PIECE_BYTES = 8 * 2**20
_SPATIAL = ("domain", "space", "none", "")
# what the axes of a space count towards, against right, anterior, superior
_SIGNS = {
    "right-anterior-superior": np.array([1, 1, 1]),
    "left-anterior-superior": np.array([-1, 1, 1]),
    "left-posterior-superior": np.array([-1, -1, 1]),
    "ras": np.array([1, 1, 1]),
    "las": np.array([-1, 1, 1]),
    "lps": np.array([-1, -1, 1]),
}


def open_file(path: Path, inside: str = "", for_label: bool = False) -> ImageFile:
    """The array with its axes reversed: z, y, x, and before or behind them what else the file holds."""
    with path.open("rb") as file:
        header: dict[str, Any] = nrrd.read_header(file)
        start = file.tell()
    if header["type"] not in _TYPES:
        raise not_numbers(path, header["type"])
    shape = tuple(int(length) for length in header["sizes"][::-1])
    if 0 in shape:
        raise no_pixels(path, shape)
    dtype = np.dtype(_TYPES[header["type"]]).newbyteorder(">" if header.get("endian") == "big" else "<")
    axes = _axes(header)
    return ImageFile(
        array=_array(path, header, shape, dtype, start),
        axes=axes,
        spacing=_spacing(header),
        orientation=_place(header, axes),
    )


def _array(path: Path, header: dict[str, Any], shape: tuple[int, ...], dtype: np.dtype[Any], start: int) -> Regions:
    detached = header.get("data file", header.get("datafile"))
    if detached is not None:  # only what lies beside the header: it may come from somebody else
        file_below(path.parent, str(detached), by=path.name)
    skips = [int(header.get(key, header.get(key.replace(" ", ""), 0))) for key in ("line skip", "byte skip")]
    is_one_file = detached is None or (
        isinstance(detached, str) and not detached.startswith("LIST") and "%" not in detached
    )
    if header["encoding"] == "raw" and is_one_file and skips == [0, 0]:
        data, offset = (path, start) if detached is None else (path.parent / str(detached), 0)
        return MemoryMapped(path, dtype, shape, offset, data)
    nbytes = int(np.prod(shape, dtype=object)) * dtype.itemsize
    data = path if detached is None else path.parent / str(detached)
    if header["encoding"] in ("gzip", "gz", "bzip2", "bz2"):
        if header["encoding"] in ("gzip", "gz"):
            check_inflation(path, nbytes=nbytes, compressed=data.stat().st_size)
        if skips == [0, 0]:
            return Whole(path, shape, dtype, lambda: _pieces(data, 0 if detached else start, header["encoding"], dtype))
    return Whole(path, shape, dtype, lambda: [_whole(path, nbytes)])


def _pieces(data: Path, start: int, encoding: str, dtype: np.dtype[Any]) -> Iterator[np.ndarray]:
    """The pixels of a compressed file a few at a time: how many they are shows only then."""
    with data.open("rb") as file:
        file.seek(start)
        unpacked: Any = gzip.GzipFile(fileobj=file) if encoding.startswith("g") else bz2.BZ2File(file)
        step = _PIECE_BYTES // dtype.itemsize * dtype.itemsize
        while pixels := unpacked.read(step):
            yield np.frombuffer(pixels, dtype)


def _whole(path: Path, nbytes: int) -> np.ndarray:
    check_room(path, 3 * nbytes)
    array: np.ndarray = nrrd.read(str(path), index_order="C")[0]
    return array


def _axes(header: dict[str, Any]) -> str:
    kinds = [str(kind).lower() for kind in header.get("kinds", [""] * len(header["sizes"]))]
    if sum(kind in _SPATIAL for kind in kinds) > 3:
        return unknown_axes(len(kinds))
    spatial = iter("XYZ")
    letters = [
        next(spatial) if kind in _SPATIAL else "S" if kind in _COLOURS else "T" if kind == "time" else "C"
        for kind in kinds
    ]
    known = "".join(reversed(letters))
    return known if len(set(known)) == len(known) else unknown_axes(len(kinds))


def _spacing(header: dict[str, Any]) -> dict[str, float]:
    """From the directions, or the spacings with a unit; directions without one are in millimetres, as 3D Slicer writes."""
    units = header.get("space units") or header.get("units") or []
    unit = micrometres(next((unit for unit in units if unit), None))
    directions = header.get("space directions")
    if directions is not None:
        rows = [np.asarray(row, float) for row in directions if row is not None]
        lengths = [float(np.linalg.norm(row)) for row in rows if np.isfinite(row).all()]
        unit = unit or 1e3
    elif unit is not None:
        lengths = [float(length) for length in header.get("spacings", ())]
        lengths = [length for length in lengths if np.isfinite(length)]
    else:
        return {}
    return sane(**{axis: length * unit for axis, length in zip("xyz", lengths, strict=False)})


def _place(header: dict[str, Any], axes: str) -> Orientation | None:
    """From the directions and the origin; anatomical spaces are counted towards right, anterior and superior."""
    directions, origin = header.get("space directions"), header.get("space origin")
    if directions is None or origin is None or "?" in axes:
        return None
    space = str(header.get("space", "")).lower().removesuffix("-time")
    signs = _SIGNS.get(space, np.ones(3))
    unit = (micrometres(next(iter(header.get("space units") or [None]), None)) or 1e3) / 1e3
    columns, letters = [], ""
    for letter, row in zip(axes[::-1], directions, strict=True):
        if row is not None and letter in "XYZ" and np.isfinite(np.asarray(row, float)).all():
            columns.append(_in_space(row) * signs * unit)
            letters += letter
    columns.append(_in_space(origin) * signs * unit)
    return (
        Orientation.of(np.stack(columns, axis=1), letters=letters, system="anatomical" if space in _SIGNS else space)
        if letters
        else None
    )


def _in_space(vector: Any) -> np.ndarray:
    """A vector of two or three lengths as three."""
    rotated = np.zeros(3)
    values = np.asarray(vector, float).ravel()[:3]
    rotated[: len(values)] = values
    return rotated
