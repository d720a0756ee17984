"""TIFF in its many dialects: read where it lies if it is uncompressed, else decoded by strips and tiles."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from nbtrainer.errors import DataError
from nbtrainer.io.formats.chunk_cache import LARGEST_CHUNK
from nbtrainer.io.formats.chunked import Chunked, Regions, Whole
from nbtrainer.io.formats.image_file import AXES, ImageFile
from nbtrainer.io.formats.memory_mapped import MemoryMapped, StoredPages
from nbtrainer.io.formats.problems import check_room, damaged, first_of, no_pixels, not_inside, not_numbers, truncated
from nbtrainer.io.formats.tiff_display import as_displayed
from nbtrainer.io.formats.tiff_spacing import spacing_of

# what it has to say of a broken file stands in our own sentence
logging.getLogger("tifffile").setLevel(logging.CRITICAL)

# these keep their tables apart from the strips
_JPEG = {6, 7, 34892, 33007}
# of each type of tag, from BYTE to IFD8
_TAG_BYTES = dict(zip(range(1, 19), (1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 2, 8, 8, 8, 8), strict=True))


@dataclass(frozen=True, kw_only=True)
class _Page:
    """Where the strips or tiles of one page lie."""

    path: Path
    offsets: tuple[int, ...]
    byte_counts: tuple[int, ...]
    jpeg_tables: bytes | None


def open_file(path: Path, inside: str = "", for_label: bool = False) -> ImageFile:
    """A series of images at its full resolution: the one with the number (from 0) or name `inside`, else the first.

    A set of OME files is one, where all of them are there.
    """
    with tifffile.TiffFile(path) as tif:
        _check_chain(path, tif)
        number = _series_number(path, tif, inside)
        series = tif.series[number]
        if any(page is None for page in series.pages):
            # half a set would be black pages: what is in this file stands alone
            with tifffile.TiffFile(path, is_ome=False) as alone:
                alone_number = _series_number(path, alone, inside)
                return as_displayed(
                    _open_series(path, alone, alone_number, spacing_of(tif)), alone, alone_number, for_label
                )
        opened = as_displayed(_open_series(path, tif, number, spacing_of(tif, number)), tif, number, for_label)
        return opened if inside else opened.noting(first_of(path, [str(other) for other in range(1, len(tif.series))]))


def _open_series(path: Path, tif: Any, number: int, spacing: dict[str, float]) -> ImageFile:
    series = tif.series[number]
    if series.dtype is None or series.dtype.kind not in "buif":
        raise not_numbers(path, series.dtype)
    if 0 in series.shape:
        raise no_pixels(path, series.shape)
    _check_whole(path, tif, series)
    return ImageFile(array=_array(path, tif, number), axes=_axes(series.axes), spacing=spacing).noting(_missing(series))


def _missing(series: Any) -> str:
    """A note about tiles or strips of which the file says that they were not written."""
    if series.dataoffset is not None:
        return ""
    counts = [count for page in series.pages if page is not None for count in page.databytecounts]
    missing = sum(count == 0 for count in counts)
    value = series.keyframe.nodata or 0
    return (
        f"{missing:,} of its {len(counts):,} tiles or strips were not written: they are read as {value:g}"
        if missing
        else ""
    )


def _axes(axes: str) -> str:
    letters = [axis if axis in AXES else "?" for axis in axes]
    return "".join("?" if axis != "?" and letters.count(axis) > 1 else axis for axis in letters)


def _array(path: Path, tif: Any, number: int) -> Regions:
    series = tif.series[number]
    stored = series.dtype.newbyteorder(tif.byteorder)
    if series.dataoffset is not None and not series.is_multifile:
        return MemoryMapped(path, stored, series.shape, int(series.dataoffset))
    keyframe = series.keyframe
    lead = series.shape[: series.ndim - len(keyframe.shape)]
    if series.shape[len(lead) :] != keyframe.shape or int(np.prod(lead)) != len(series.pages):
        return Whole(path, series.shape, series.dtype, lambda: _all_pages(path, number), str(number or ""))
    if not series.is_multifile and all(page.is_contiguous for page in series.pages) and keyframe.is_final:
        return StoredPages(
            path,
            lead=lead,
            page=keyframe.shape,
            dtype=stored,
            offsets=[int(page.dataoffsets[0]) for page in series.pages],
        )
    pages = [_page(page) for page in series.pages]
    _check_listed(path, int(np.prod(keyframe.chunked, dtype=object)), pages)
    # a strip may claim more rows than there are
    chunk = (1,) * (series.ndim - len(keyframe.chunks)) + keyframe.chunks
    chunk = tuple(min(pair) for pair in zip(chunk, series.shape, strict=True))
    chunked = Chunked(
        path,
        series.shape,
        series.dtype,
        chunk=chunk,
        decode=_Decoder(lead, keyframe, chunk[len(lead) :], pages),
        fill=float(keyframe.nodata or 0),
    )
    chunk_bytes = int(np.prod(chunked.chunk, dtype=object)) * series.dtype.itemsize
    if chunk_bytes <= LARGEST_CHUNK:
        return chunked
    # the compressed bytes, what the library makes of them, and our copy
    check_room(path, 3 * chunk_bytes, "decoding one of its strips or tiles")
    axis = len(lead) + keyframe.axes.index("Y")
    return Whole(path, series.shape, series.dtype, lambda: _slabs(chunked, axis), str(number or ""))


def _check_listed(path: Path, count: int, pages: list[_Page]) -> None:
    """Raise if a page lists fewer than `count` strips or tiles: a broken size would be a large and empty image."""
    listed = min(len(page.offsets) for page in pages)
    if listed < count:
        raise damaged(path, f"it lists {listed:,} of the {count:,} strips or tiles that its size needs")


class _Decoder:
    """Reads and decodes the strip or tile at a place of the grid of chunks."""

    def __init__(self, lead: tuple[int, ...], keyframe: Any, chunk: tuple[int, ...], pages: list[_Page]) -> None:
        self._lead, self._pages = lead, pages
        self._decode, self._axes = keyframe.decode, keyframe.axes
        self._grid = tuple(-(-length // size) for length, size in zip(keyframe.shape, chunk, strict=True))
        self._is_jpeg = keyframe.compression in _JPEG
        self._jpeg_header = keyframe.jpegheader if self._is_jpeg else None

    def __call__(self, place: tuple[int, ...]) -> np.ndarray | None:
        page = self._pages[_ravel(place[: len(self._lead)], shape=self._lead)]
        number = _ravel(place[len(self._lead) :], shape=self._grid)
        if number >= len(page.offsets) or page.byte_counts[number] == 0:
            return None
        # opened for each read: no handle is shared by threads or processes
        with page.path.open("rb", buffering=0) as file:
            file.seek(page.offsets[number])
            data = file.read(page.byte_counts[number])
        if len(data) < page.byte_counts[number]:
            needed = page.offsets[number] + page.byte_counts[number]
            raise truncated(page.path, needed=needed, actual=page.offsets[number] + len(data))
        tables = {"jpegtables": page.jpeg_tables, "jpegheader": self._jpeg_header} if self._is_jpeg else {}
        segment = self._decode(data, number, **tables)[0]
        if segment is None:
            return None
        depth, length, width, samples = segment.shape
        sizes = {"Z": depth, "Y": length, "X": width}
        inner = [sizes.get(axis, samples if k else 1) for k, axis in enumerate(self._axes)]
        return np.asarray(segment.reshape([1] * len(self._lead) + inner))


def _page(page: Any) -> _Page:
    tables = page.jpegtables if page.keyframe.compression in _JPEG else None
    return _Page(
        path=Path(page.parent.filehandle.path),
        offsets=tuple(page.dataoffsets),
        byte_counts=tuple(page.databytecounts),
        jpeg_tables=tables,
    )


def _series_number(path: Path, tif: Any, inside: str) -> int:
    """Which series is meant by `inside`, a number or a name."""
    if not tif.series or not tif.series[0].pages:
        raise damaged(path, "it holds no image")
    if not inside:
        return 0
    names = [str(series.name) for series in tif.series]
    if inside in names:
        return names.index(inside)
    if inside.isdigit() and int(inside) < len(names):
        return int(inside)
    raise not_inside(path, inside, [str(number) for number in range(len(names))])


def _check_chain(path: Path, tif: Any) -> None:
    """Raise if a page's description is cut off, or the last says that another follows: tifffile leaves out such parts."""
    if tif.is_ndpi or tif.is_lsm:  # their offsets wrap around at 4 GB
        return
    form, size = tif.tiff, path.stat().st_size
    order: Any = "little" if form.byteorder == "<" else "big"
    with path.open("rb") as file:
        for page in (tif.pages[0], tif.pages[len(tif.pages) - 1]):
            file.seek(page.offset)
            count = int.from_bytes(file.read(form.tagnosize), order)
            tags = file.read(count * form.tagsize)
            link = file.read(form.offsetsize)
            if len(link) < form.offsetsize:
                raise truncated(
                    path, needed=page.offset + form.tagnosize + count * form.tagsize + form.offsetsize, actual=size
                )
            for start in range(0, len(tags), form.tagsize):
                end = _value_end(tags[start : start + form.tagsize], order, form.offsetsize)
                if end > size:
                    raise truncated(path, needed=end, actual=size)
    if any(link):
        raise truncated(path, needed=int.from_bytes(link, order) + 1, actual=size)


def _value_end(tag: bytes, order: Any, offset_size: int) -> int:
    """Where the value of a tag ends in the file; 0 if it stands in the tag itself."""
    kind, count = int.from_bytes(tag[2:4], order), int.from_bytes(tag[4:-offset_size], order)
    length = count * _TAG_BYTES.get(kind, 0)
    return int.from_bytes(tag[-offset_size:], order) + length if length > offset_size else 0


def _check_whole(path: Path, tif: Any, series: Any) -> None:
    """Raise if the file holds fewer pixels than its own description says, or its pages lie beyond its end."""
    needed, size = int(np.prod(series.shape, dtype=object)), tif.filehandle.size
    if series.kind not in ("imagej", "shaped") and not tif.is_ome:
        for shape in _positions(tif):
            if int(np.prod(shape, dtype=object)) > needed:
                shape_text = " x ".join(map(str, shape))
                raise damaged(
                    path, f"its description says {shape_text} pixels, but it holds {needed:,}: it is incomplete"
                )
    if series.dataoffset is not None and not series.is_multifile:
        end = series.dataoffset + needed * series.dtype.itemsize
        if end > size:
            raise truncated(path, needed=end, actual=size)
        return
    for page in series.pages:
        if page.parent is tif and len(page.dataoffsets):
            end = max(map(sum, zip(page.dataoffsets, page.databytecounts, strict=False)))
            if end > size:
                raise truncated(path, needed=end, actual=size)


def _positions(tif: Any) -> Iterator[tuple[int, ...]]:
    page = tif.pages[0]
    if tif.is_shaped:
        yield from (tuple(entry["shape"]) for entry in (tif.shaped_metadata or ())[:1] if "shape" in entry)
    if tif.is_imagej:
        metadata = tif.imagej_metadata or {}
        planes = [int(metadata.get(key, 1)) for key in ("frames", "slices", "channels")]
        if max(planes) > 1 and page.samplesperpixel == 1:
            yield (int(np.prod(planes)), *page.shape)


def _slabs(chunked: Chunked, axis: int) -> Iterator[np.ndarray]:
    """`chunked` in C order, one row of its chunks after another along `axis`."""
    for place in itertools.product(*map(range, chunked.shape[:axis])):
        for start in range(0, chunked.shape[axis], chunked.chunk[axis]):
            yield chunked[(*place, slice(start, start + chunked.chunk[axis]))]


def _all_pages(path: Path, number: int) -> Iterator[np.ndarray]:
    """Page after page as tifffile decodes it, for the few files whose pages do not fit the shape of their series."""
    with tifffile.TiffFile(path) as tif:
        series = tif.series[number]
        if series.dataoffset is not None:
            yield series.asarray()
            return
        for page in series.pages:
            if page is None:
                raise DataError(str(path), "a part of this set of files is missing", "Put the files into one folder")
            yield page.asarray()


def _ravel(place: tuple[int, ...], *, shape: tuple[int, ...]) -> int:
    number = 0
    for k, length in zip(place, shape, strict=True):
        number = number * length + k
    return number
