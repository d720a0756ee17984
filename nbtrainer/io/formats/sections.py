"""A volume made of 2D files that a JSON file lists: sections, or PyTorch Connectomics' tiles of sections."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nbtrainer.errors import DataError
from nbtrainer.io.axes import format_shape
from nbtrainer.io.formats.chunked import Bounds, Regions
from nbtrainer.io.formats.file_formats import suffix_of
from nbtrainer.io.formats.image_file import ImageFile
from nbtrainer.io.formats.opening import open_image
from nbtrainer.io.formats.problems import damaged
from nbtrainer.wording import first_of_many

_REMEDY = 'It should hold {"images": ["section_000.png", ...]}, or the list alone, or a list of tiles'


def open_file(path: Path, inside: str = "", for_label: bool = False) -> ImageFile:
    """The volume, one section a file; of each file only the region is read.

    A list of tiles has `image`, `depth`, `height`, `width` and `tile_size`; `{row}` and `{column}` in a name stand for
    the place of a tile, counted from `tile_st`. Tiles are enlarged `tile_ratio` times, each pixel by its nearest.
    Paths are relative to the folder of the JSON file.
    """
    content, names = _read(path)
    if "tile_size" in content:
        return ImageFile(array=_open_tiles(path, content, names, for_label), axes="ZYX", spacing={})
    files = [_file(path, name) for name in names]
    _check_there(path, files)
    first = open_image(files[0], for_label)
    if first.axes not in ("YX", "YXS"):
        raise DataError(str(files[0]), f"this section has the shape {first.shape}, but sections are 2D", _REMEDY)
    spacing = {axis: length for axis, length in first.spacing.items() if axis != "z"}
    return ImageFile(
        array=Sections(path, files, first, for_label), axes=f"Z{first.axes}", spacing=spacing, notes=first.notes
    )


class Sections(Regions):
    """Files of equal size and type, one a section."""

    def __init__(self, path: Path, files: list[Path], first: ImageFile, for_label: bool) -> None:
        super().__init__(path, (len(files), *first.shape), first.dtype)
        self._files, self._for_label = files, for_label

    def _region(self, bounds: Bounds) -> np.ndarray:
        (start, stop), *inner = bounds
        region = tuple(slice(*bound) for bound in inner)
        result = np.empty([high - low for low, high in bounds], self.dtype)
        for number in range(start, stop):
            section = open_image(self._files[number], self._for_label)
            if section.shape != self.shape[1:] or section.dtype != self.dtype:
                raise DataError(
                    str(self._files[number]),
                    f"this section is {format_shape(section.shape)} {section.dtype}, but the first of {self.path.name} is "
                    f"{format_shape(self.shape[1:])} {self.dtype}",
                    "Export the sections again with one size and type, or take it out of the list",
                )
            result[number - start] = section.read(region)
        return result


@dataclass(frozen=True, kw_only=True)
class _Grid:
    """How tiles make up a section."""

    size: int
    ratio: float
    first_row: int
    first_column: int


class Tiles(Regions):
    """Sections made of tiles of `grid.size` pixels; those at the lower and right border may be smaller."""

    def __init__(
        self, path: Path, shape: tuple[int, ...], dtype: Any, *, patterns: list[str], grid: _Grid, for_label: bool
    ) -> None:
        super().__init__(path, shape, dtype)
        self._patterns, self._grid, self._for_label = patterns, grid, for_label

    def _region(self, bounds: Bounds) -> np.ndarray:
        (z0, z1), (y0, y1), (x0, x1) = bounds
        result = np.empty((z1 - z0, y1 - y0, x1 - x0), self.dtype)
        for z in range(z0, z1):
            pattern = self._patterns[z]
            # a name without a place is the whole section
            size = self._grid.size if "{" in pattern else max(self.shape[1:])
            for row in range(y0 // size, -(-y1 // size)):
                for column in range(x0 // size, -(-x1 // size)):
                    low = max(y0, row * size), max(x0, column * size)
                    high = min(y1, (row + 1) * size), min(x1, (column + 1) * size)
                    part = tuple((a - k * size, b - k * size) for a, b, k in zip(low, high, (row, column), strict=True))
                    target = (z - z0, slice(low[0] - y0, high[0] - y0), slice(low[1] - x0, high[1] - x0))
                    result[target] = self._tile(pattern, row, column, part)
        return result

    def _tile(self, pattern: str, row: int, column: int, part: Bounds) -> np.ndarray:
        """The part of a tile from start to stop along y and x, in pixels of the volume."""
        name = _fill_in_place(pattern, row + self._grid.first_row, column + self._grid.first_column)
        file = _file(self.path, name)
        if not os.path.exists(file):
            raise DataError(str(file), f"{self.path.name} lists this file, which does not exist", "Mend the list")
        tile = open_image(file, self._for_label)
        # half pixels: an enlarged pixel's middle lies in the pixel that it came from
        source_pixels = [((np.arange(*bound) + 0.5) / self._grid.ratio).astype(int) for bound in part]
        if len(tile.shape) not in (2, 3) or any(k[-1] >= n for k, n in zip(source_pixels, tile.shape, strict=False)):
            needed = " x ".join(str(k[-1] + 1) for k in source_pixels)
            raise DataError(
                str(file),
                f"this tile is {format_shape(tile.shape)}, but {self.path.name} needs at least {needed} pixels of it",
                "Mend height, width, tile_size or tile_ratio in the list",
            )
        first = [int(k[0]) for k in source_pixels]
        pixels = tile.read(tuple(slice(int(k[0]), int(k[-1]) + 1) for k in source_pixels))
        values = _one_channel(pixels, self.dtype)
        if not np.can_cast(values.dtype, self.dtype) and values.size:
            _check_range(file, values, self.dtype)
        return values[np.ix_(source_pixels[0] - first[0], source_pixels[1] - first[1])].astype(self.dtype)


def _one_channel(pixels: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """A tile as one number per pixel: VAST writes a label's number into red, green and blue, other tools repeat a grey."""
    if pixels.ndim == 2:
        return pixels
    if pixels.dtype == np.uint8 and dtype in (np.uint32, np.uint64) and pixels.shape[2] >= 3:
        red, green, blue = (pixels[..., k].astype(np.uint32) for k in range(3))
        return red << 16 | green << 8 | blue
    return pixels[..., 0]


def _check_range(file: Path, values: np.ndarray, dtype: np.dtype[Any]) -> None:
    if dtype.kind == "f":
        return
    least, most = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    if values.dtype.kind == "f" or values.min() < least or values.max() > most:
        raise DataError(
            str(file),
            f"its values reach from {values.min()} to {values.max()}, which the list's type {dtype} cannot hold",
            "Write a larger type into the list's dtype",
        )


def _read(path: Path) -> tuple[dict[str, Any], list[str]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise DataError(str(path), f"this is no JSON file ({error})", _REMEDY) from None
    content = content if isinstance(content, dict) else {"images": content}
    names = content.get("images", content.get("image"))
    if not isinstance(names, list) or not names or not all(isinstance(name, str) and name for name in names):
        raise DataError(str(path), "this JSON file lists no sections", _REMEDY)
    lists = next((name for name in names if suffix_of(Path(name)) == ".json"), None)
    if lists is not None:
        raise DataError(str(path), f"a list of sections cannot hold another list ({lists})", _REMEDY)
    return content, names


def _open_tiles(path: Path, content: dict[str, Any], names: list[str], for_label: bool) -> Tiles:
    depth, height, width, size = (_whole(path, content, key) for key in ("depth", "height", "width", "tile_size"))
    if depth > len(names):
        raise DataError(str(path), f"depth is {depth}, but image lists {len(names)} sections", "Mend the list")
    ratio, start = content.get("tile_ratio", 1), content.get("tile_st", [0, 0])
    if not isinstance(ratio, int | float) or not 0 < ratio < 1e6:
        raise DataError(str(path), f"tile_ratio is {ratio!r}", "It should be a number above 0, mostly 1")
    if not isinstance(start, list) or len(start) != 2 or not all(isinstance(k, int) for k in start):
        raise DataError(str(path), f"tile_st is {start!r}", "It should be the first row and column, mostly [0, 0]")
    grid = _Grid(size=size, ratio=float(ratio), first_row=start[0], first_column=start[1])
    first = _file(path, _fill_in_place(names[0], *start))
    _check_there(path, [_file(path, name) for name in names[:depth] if "{" not in name] or [first])
    try:
        dtype = np.dtype(content["dtype"]) if "dtype" in content else open_image(first, for_label).dtype
    except TypeError:
        raise DataError(str(path), f"dtype is {content['dtype']!r}", 'It should be a type such as "uint8"') from None
    return Tiles(path, (depth, height, width), dtype, patterns=names[:depth], grid=grid, for_label=for_label)


def _whole(path: Path, content: dict[str, Any], key: str) -> int:
    value = content.get(key)
    if not isinstance(value, int) or value < 1:
        raise DataError(str(path), f"{key} is {value!r}", "It should be a whole number above 0")
    return value


def _fill_in_place(pattern: str, row: int, column: int) -> str:
    """`pattern` with the numbers in place of {row} and {column}, also {row:03d}; other braces stay."""
    places = {"row": row, "column": column}
    return re.sub(
        r"\{(row|column)(?::(0?\d{0,2})d?)?\}",
        lambda match: format(places[match[1]], f"{match[2] or ''}d"),
        pattern,
    )


def _file(path: Path, name: str) -> Path:
    if "\0" in name:
        raise damaged(path, "a name in it holds a null character")
    return path.parent / Path(name).expanduser()


def _check_there(path: Path, files: list[Path]) -> None:
    missing = [file for file in files if not os.path.exists(file)]
    if missing:
        raise DataError(str(path), f"it lists files that do not exist: {first_of_many(missing)}", "Mend the list")
