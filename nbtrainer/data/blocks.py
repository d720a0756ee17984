"""Large images divided into blocks that are images of their own: easier to annotate rightly, and any of them can validate."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nbtrainer.data.draw_outlines import read_pair_outlines
from nbtrainer.data.pair import Pair
from nbtrainer.data.preparation import Preparation
from nbtrainer.data.views import whole
from nbtrainer.errors import DataError, SettingError
from nbtrainer.io.annotations import is_annotation
from nbtrainer.io.axes import Layout, format_shape, label_layout
from nbtrainer.io.formats import open_image
from nbtrainer.io.read import open_label
from nbtrainer.labels.links import read_links

# images of about so many pixels a side are easy to annotate rightly (Omnipose)
GOOD_SIDE = 512
# a side of so many pixels or more should be divided
LARGE_SIDE = 1024
SMALLEST_SIDE = 32
# types that OME-TIFF knows
_OME_TYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")


@dataclass(frozen=True, kw_only=True)
class Block:
    """A part of an image: row and column among its blocks, counted from 1, and where it lies along y and x."""

    row: int
    column: int
    y: slice
    x: slice


def block_counts(shape: Sequence[int], side: int) -> tuple[int, int]:
    """Into how many blocks of about `side` pixels an image of `shape` (..., y, x) is divided along y and x."""
    down, across = (max(1, round(length / side)) for length in shape[-2:])
    return down, across


def split_into_blocks(shape: Sequence[int], side: int) -> list[Block]:
    """The blocks of an image of `shape` (..., y, x), row by row: without gaps, and of equal size up to one pixel."""
    counts = block_counts(shape, side)
    ends = [
        np.linspace(0, length, count + 1).round().astype(int).tolist()
        for length, count in zip(shape[-2:], counts, strict=True)
    ]
    return [
        Block(row=row + 1, column=column + 1, y=slice(*ends[0][row : row + 2]), x=slice(*ends[1][column : column + 2]))
        for row in range(counts[0])
        for column in range(counts[1])
    ]


@dataclass(frozen=True, kw_only=True)
class Divided:
    """A pair to be divided: `shape` of its image ([z,] y, x), and its blocks."""

    pair: Pair
    dim: int
    shape: tuple[int, ...]
    blocks: tuple[Block, ...]

    def write(self, folder: Path, base: str, links: Path | None = None) -> Iterator[str]:
        """Write `<base>_y<row>_x<column>.tif` into `images` and `labels` of `folder` for each block; yields the names.

        Values, channels, depth and pixel size stay as they are. Of the file `links` a block gets what concerns it.
        """
        opened = open_image(self.pair.image)
        image = _Source(opened, _as_stored(self.dim).layout(self.pair))
        label = self._label()
        linked = [] if links is None else read_links(links)
        for block in self.blocks:
            name = f"{base}_y{block.row}_x{block.column}.tif"
            _write(folder / "images" / name, *image.read(block), opened.spacing)
            pixels, axes = label.read(block)
            _write(folder / "labels" / name, pixels, axes, opened.spacing, compression="zlib")
            if lines := _links_within(linked, pixels):
                own = folder / "labels" / f"{base}_y{block.row}_x{block.column}_links.txt"
                own.write_text("".join(lines), encoding="utf-8")
            yield name

    def _label(self) -> _Source | _Drawn:
        if is_annotation(self.pair.required_label):
            if self.pair.has_crowd:
                wrong = "it has crowds, of which a label image cannot say that nothing is known"
                raise DataError(str(self.pair.required_label), wrong, "Prepare without dividing")
            names = {outline.class_name for outline in read_pair_outlines(self.pair)}
            if len(names) > 1:
                words = f"{self.pair.required_label.name} has outlines of {len(names)} classes; blocks number the objects alone"
                warnings.warn(words, UserWarning, stacklevel=2)
            return _Drawn(whole(_as_stored(self.dim).open(self.pair)[1]))
        opened = open_label(self.pair.required_label, self.pair.image)
        try:
            layout = label_layout(opened.shape, opened.axes, self.dim, z_axis=None)
        except ValueError as error:
            raise DataError(str(self.pair.required_label), *error.args) from None
        if layout.shape(opened.shape) != self.shape:
            raise DataError(
                str(self.pair.required_label),
                f"it is {format_shape(layout.shape(opened.shape))}, but its image is {format_shape(self.shape)}",
                "Image and label must have the same size to be divided; export the label again",
            )
        return _Source(opened, layout)


def divide_pair(pair: Pair, side: int) -> Divided | None:
    """`pair` to be divided into blocks of about `side` pixels, or None if it is no larger than one.

    A stack or volume is divided along y and x, and keeps its depth. Raises `UserError` if it cannot be read.
    """
    opened = open_image(pair.image)
    dim = 2 if _as_stored(2).layout(pair).slices is None else 3
    shape = _as_stored(dim).layout(pair).shape(opened.shape)
    blocks = split_into_blocks(shape, side)
    return None if len(blocks) == 1 else Divided(pair=pair, dim=dim, shape=shape, blocks=tuple(blocks))


def _as_stored(dim: int) -> Preparation:
    return Preparation.as_stored(dim, channel_axis=None, z_axis=None)


def checked_side(side: int) -> int:
    """`side`, if blocks can be so small."""
    if side < SMALLEST_SIDE:
        raise SettingError(
            "divide",
            f"blocks of {side} pixels a side show too little",
            f"Give {SMALLEST_SIDE} or more, such as {GOOD_SIDE}",
        )
    return side


@dataclass(frozen=True)
class _Source:
    """A file of which one block is read at a time."""

    opened: Any
    layout: Layout

    def read(self, block: Block) -> tuple[np.ndarray, str]:
        """Pixels of a block, and their axes: `[Z][C]YX`, or `[Z]YXS` for colours."""
        y, x = self.layout.spatial[-2:]
        region: list[slice] = [slice(None)] * len(self.opened.shape)
        region[y], region[x] = block.y, block.x
        pixels = self.opened.read(tuple(region))
        depth, channel = self.layout.spatial[:-2], self.layout.channel
        named = channel is not None and self.opened.axes[channel] in "?S" and pixels.shape[channel] in (3, 4)
        is_colour = named and pixels.dtype in (np.uint8, np.uint16)
        order, axes = [*depth, y, x], "Z" * len(depth) + "YX"
        if channel is not None:
            order.insert(len(order) if is_colour else len(depth), channel)
            axes = f"{axes}S" if is_colour else f"{axes[: len(depth)]}CYX"
        rest = [axis for axis in range(pixels.ndim) if axis not in order]  # of length 1
        return pixels.transpose([*rest, *order]).reshape([pixels.shape[axis] for axis in order]), axes


@dataclass(frozen=True)
class _Drawn:
    """A label that was drawn from outlines."""

    label: np.ndarray

    def read(self, block: Block) -> tuple[np.ndarray, str]:
        return self.label[..., block.y, block.x], "ZYX"[-self.label.ndim :]


def _write(path: Path, pixels: np.ndarray, axes: str, spacing: dict[str, float], **options: Any) -> None:
    import tifffile

    metadata: dict[str, Any] = {"axes": axes}
    is_ome = pixels.dtype.name in _OME_TYPES
    if is_ome:
        for axis in {"z", "y", "x"} & spacing.keys() & set(axes.lower()):
            metadata |= {f"PhysicalSize{axis.upper()}": spacing[axis], f"PhysicalSize{axis.upper()}Unit": "µm"}
    photometric = "rgb" if axes.endswith("S") else "minisblack"
    pixels = pixels.astype(np.uint8) if pixels.dtype == bool else np.ascontiguousarray(pixels)
    tifffile.imwrite(path, pixels, ome=is_ome, photometric=photometric, metadata=metadata, **options)


def _links_within(links: Sequence[tuple[int, int]], pixels: np.ndarray) -> list[str]:
    """Lines for those pairs of label values of which the block holds both."""
    present = set(np.unique(pixels).tolist()) if links else set()
    return [f"{one},{other}\n" for one, other in links if {one, other} <= present]
