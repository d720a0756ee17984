"""MetaImage (.mha, .mhd): read by region through ITK."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK

from nbtrainer.disk import file_below
from nbtrainer.io.formats.chunked import Bounds, Regions, Whole
from nbtrainer.io.formats.image_file import ImageFile
from nbtrainer.io.formats.orientation import Orientation
from nbtrainer.io.formats.problems import check_inflation, damaged, not_numbers, truncated
from nbtrainer.io.formats.spacing import sane

_HEADER_BYTES = 16384
_LONGEST_LINE, _LONGEST_LIST, _MOST_FILES = 1_000, 4 * 2**20, 100_000
# written so that ITK certainly takes it for the last line of the header
_DATA_FILE = re.compile(rb"^ElementDataFile[ \t]*=[ \t]*([^\r\n]+)", re.MULTILINE)
_TEXT = re.compile(rb"[\t\r\n\x20-\x7e\x80-\xff]*")
_PATTERN = re.compile(r"%0?\d?d")
# what a header says of a place; ITK makes one up for files that say nothing
_PLACES = {"transformmatrix", "orientation", "rotation", "offset", "position", "origin"}


def open_file(path: Path, inside: str = "", for_label: bool = False) -> ImageFile:
    """The volume as z, y, x, its channels last; compressed files are unpacked whole."""
    with path.open("rb") as file:
        head = file.read(_HEADER_BYTES)
    header = _checked_header(path, head)
    missing = [key for key in ("DimSize", "ElementType", "ElementDataFile") if not header.get(key.lower())]
    if missing:
        # ITK would say so on the console
        raise damaged(path, f"its header does not say {missing[0]}")
    reader = _reader(path)
    _ask_itk(path, reader.ReadImageInformation)
    components, ndim = reader.GetNumberOfComponents(), reader.GetDimension()
    shape = tuple(reader.GetSize()[::-1]) + ((components,) if components > 1 else ())
    dtype = _dtype(path, reader.GetPixelID())
    array: Regions
    nbytes = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if header.get("compresseddata", "").lower() == "true":
        compressed = header.get("compresseddatasize", "0")
        _check_length(path, header, head, int(compressed) if compressed.isdigit() else 0)
        stored = path if header["elementdatafile"].lower() == "local" else path.parent / header["elementdatafile"]
        check_inflation(path, nbytes=nbytes, compressed=stored.stat().st_size)
        array = Whole(
            path, shape, dtype, lambda: [_ask_itk(path, lambda: SimpleITK.GetArrayFromImage(_reader(path).Execute()))]
        )
    else:
        array = MetaImageArray(path, shape, dtype, ndim)
        _check_length(path, header, head, array.nbytes)
    # 1 mm is what ITK says of files that say nothing
    stated = reader.GetSpacing()[:3] if header.keys() & {"elementspacing", "elementsize"} else ()
    spacing = sane(**{axis: 1e3 * length for axis, length in zip("xyz", stated, strict=False)})
    axes = "TZYX"[-ndim:] + ("S" if components in (3, 4) else "C" if components > 1 else "")
    return ImageFile(
        array=array, axes=axes, spacing=spacing, orientation=_place(reader, ndim) if header.keys() & _PLACES else None
    )


def _place(reader: SimpleITK.ImageFileReader, ndim: int) -> Orientation | None:
    """ITK counts towards left, posterior and superior."""
    count = min(ndim, 3)
    directions = np.array(reader.GetDirection()).reshape(ndim, ndim)[:count, :count] * reader.GetSpacing()[:count]
    matrix = np.zeros((3, count + 1))
    matrix[:count, :count], matrix[:count, count] = directions, reader.GetOrigin()[:count]
    return Orientation.of(matrix * np.array([[-1], [-1], [1]]), letters="XYZ"[:count])


class MetaImageArray(Regions):
    """An uncompressed volume; a reader for each read, so that threads share nothing."""

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: Any, ndim: int) -> None:
        super().__init__(path, shape, dtype)
        self._ndim = ndim

    def _region(self, bounds: Bounds) -> np.ndarray:
        spatial = bounds[: self._ndim][::-1]
        reader = _reader(self.path)
        reader.SetExtractIndex([start for start, _ in spatial])
        reader.SetExtractSize([stop - start for start, stop in spatial])
        pixels = SimpleITK.GetArrayFromImage(_ask_itk(self.path, reader.Execute))
        return pixels[..., slice(*bounds[-1])] if len(bounds) > self._ndim else pixels


def _reader(path: Path) -> SimpleITK.ImageFileReader:
    reader = SimpleITK.ImageFileReader()
    reader.SetImageIO("MetaImageIO")
    reader.SetFileName(str(path))
    return reader


def _ask_itk(path: Path, ask: Callable[[], Any]) -> Any:
    """What `ask` gives; of ITK's report of an error only the sentence."""
    try:
        return ask()
    except RuntimeError as error:
        raise damaged(path, str(error).rsplit("ERROR:", 1)[-1].rsplit("): ", 1)[-1]) from error


def _dtype(path: Path, pixel: int) -> np.dtype[Any]:
    name = SimpleITK.GetPixelIDValueAsString(pixel)
    words = name.removeprefix("vector of ").split()
    if "complex" in words or "label" in words:
        raise not_numbers(path, name)
    bits = {"8-bit": 1, "16-bit": 2, "32-bit": 4, "64-bit": 8}.get(words[0])
    if bits is None or "float" in name:
        bits = 8 if words[0] == "64-bit" else 4
    return np.dtype(f"{'f' if 'float' in name else 'u' if 'unsigned' in name else 'i'}{bits}")


def _read_header(head: bytes) -> dict[str, str]:
    """The lines of the header, up to the one that says where the pixels are."""
    fields = {}
    for line in head.split(b"\n"):
        key, _, value = line.decode("latin-1").partition("=")
        fields[key.strip().lower()] = value.strip()
        if key.strip().lower() == "elementdatafile":
            break
    return fields


def _checked_header(path: Path, head: bytes) -> dict[str, str]:
    """The header's lines, after everything in them that ITK must not see was refused.

    ITK takes the name of the data file as a format for printf: `%s` and `%n` read and write where they like.
    """
    match = _DATA_FILE.search(head)
    if match is None:
        raise damaged(path, "its header does not say ElementDataFile, or not within 16 kB")
    lines, name = head[: match.start()], match[1].decode("latin-1").strip()
    if not _TEXT.fullmatch(lines) or any(len(line) > _LONGEST_LINE for line in [*lines.split(b"\n"), match[1]]):
        raise damaged(path, "its header is no text, or has a line of more than 1,000 characters")
    patterns = _PATTERN.findall(name)
    if b"%" in lines or name.count("%") > len(patterns) or len(patterns) > 1:
        raise damaged(path, f"its header holds a % where none may be, as in {name[:60]!r}")
    for file in _data_files(path, name):
        file_below(path.parent, file, by=path.name)
    return _read_header(head)


def _data_files(path: Path, name: str) -> list[str]:
    """The names of the files in which the header says that the pixels are."""
    first = name.split()[0] if name.split() else ""
    if name.lower() == "local":
        return []
    if first.lower() == "list":
        with path.open("rb") as file:
            lines = file.read(_LONGEST_LIST).decode("latin-1").splitlines()
        begin = next(number for number, line in enumerate(lines) if line.startswith("ElementDataFile"))
        return [line.strip() for line in lines[begin + 1 :] if line.strip()]
    if "%" not in name:
        return [name]
    pattern, *numbers = name.split()
    low, high, step = [*(int(number) for number in numbers if number.isdigit()), 0, 0, 1][:3]
    if len(numbers) != 3 or step < 1 or not 0 <= high - low < _MOST_FILES:
        raise damaged(path, f"its header names a series of files that cannot be counted: {name[:60]!r}")
    return [pattern % number for number in range(low, high + 1, step)]


def _check_length(path: Path, header: dict[str, str], head: bytes, nbytes: int) -> None:
    """ITK fills what is cut off with whatever was in memory."""
    name = header.get("elementdatafile", "")
    if name.lower() == "local":
        mark = head.index(b"ElementDataFile")
        needed, actual = head.index(b"\n", mark) + 1 + nbytes, path.stat().st_size
    elif name and "%" not in name and not name.lower().startswith("list") and (path.parent / name).is_file():
        needed, actual = nbytes, (path.parent / name).stat().st_size
    else:
        return
    if actual < needed:
        raise truncated(path, needed=needed, actual=actual)
