"""Images and labels seen through preparations, region by region: nothing is read that is not asked for.

A view has a spatial `shape` ([z,] y, x), a number of `channels` (0: a label) and a `dtype`; `read(region)` gives
(C, *region) of an image or (*region) of a label, where `region` is one slice an axis, inside the shape, without steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Protocol

import numpy as np

from nbtrainer.io.axes import Layout
from nbtrainer.io.formats import ImageFile

Slices = tuple[slice, ...]


class View(Protocol):
    """See the module."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def channels(self) -> int: ...

    @property
    def dtype(self) -> np.dtype[Any]: ...

    def read(self, region: Slices) -> np.ndarray: ...


def whole(view: View) -> np.ndarray:
    """All of `view`."""
    return view.read(tuple(slice(0, length) for length in view.shape))


def size_in_bytes(view: View) -> int:
    """What all of `view` takes in memory."""
    return int(np.prod(view.shape, dtype=np.int64)) * max(1, view.channels) * view.dtype.itemsize


def blocks(shape: Sequence[int], most: int) -> Iterator[Slices]:
    """Regions that cover `shape` in order, each of at most about `most` pixels: whole planes or rows where they fit."""
    size = list(shape)
    for axis in range(len(size)):
        rest = int(np.prod(size[axis + 1 :], dtype=np.int64))
        size[axis] = max(1, min(size[axis], most // max(1, rest)))
        if size[axis] > 1:
            break
    starts = [range(0, full, length) for full, length in zip(shape, size, strict=True)]
    for corner in product(*starts):
        yield tuple(
            slice(start, min(start + length, full)) for start, length, full in zip(corner, size, shape, strict=True)
        )


@dataclass(frozen=True)
class ConstantView:
    """A label with one value everywhere, which takes no memory until it is read."""

    shape: tuple[int, ...]
    value: int

    @property
    def channels(self) -> int:
        return 0

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.uint32)

    def read(self, region: Slices) -> np.ndarray:
        return np.full([part.stop - part.start for part in region], self.value, self.dtype)


@dataclass(frozen=True)
class ArrayView:
    """An array in memory."""

    array: np.ndarray
    is_label: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape if self.is_label else self.array.shape[1:]

    @property
    def channels(self) -> int:
        return 0 if self.is_label else self.array.shape[0]

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.array.dtype

    def read(self, region: Slices) -> np.ndarray:
        return self.array[region] if self.is_label else self.array[(slice(None), *region)]


@dataclass(frozen=True, kw_only=True)
class FileView:
    """An image in a file; `index` is the slice of a stack whose slices are images of their own, `frame` the time point."""

    opened: ImageFile
    layout: Layout
    index: int = 0
    frame: int = 0

    @property
    def shape(self) -> tuple[int, ...]:
        return self.layout.shape(self.opened.shape)

    @property
    def channels(self) -> int:
        return self.layout.channels(self.opened.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        # true and false are 1 and 0: numpy does not subtract them
        return np.dtype(np.uint8) if self.opened.dtype.kind == "b" else self.opened.dtype

    def read(self, region: Slices) -> np.ndarray:
        return self.layout.arrange(self.opened.read(self._stored_slices(region)).astype(self.dtype, copy=False))

    def _stored_slices(self, region: Slices) -> Slices:
        parts = [slice(0, length) for length in self.opened.shape]
        if self.layout.slices is not None:
            parts[self.layout.slices] = slice(self.index, self.index + 1)
        if self.layout.frames is not None:
            parts[self.layout.frames] = slice(self.frame, self.frame + 1)
        for axis, part in zip(self.layout.spatial, region, strict=True):
            parts[axis] = part
        return tuple(parts)


@dataclass(frozen=True, kw_only=True)
class StoredLabel(FileView):
    """A label in a file: colour channels, which must be equal, count as one. Raises `ValueError` if they are not."""

    @property
    def channels(self) -> int:
        return 0

    def read(self, region: Slices) -> np.ndarray:
        array = super().read(region)
        if len(array) >= 3 and not (np.array_equal(array[0], array[1]) and np.array_equal(array[0], array[2])):
            raise ValueError("the label is a colour image; export it with one number per pixel")
        return array[0]


@dataclass(frozen=True)
class CropView:
    """A part of a view, seen as if there were nothing else."""

    view: View
    part: tuple[tuple[int, int], ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(stop - start for start, stop in self.part)

    @property
    def channels(self) -> int:
        return self.view.channels

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.view.dtype

    def read(self, region: Slices) -> np.ndarray:
        moved = (
            slice(start + asked.start, start + asked.stop) for (start, _), asked in zip(self.part, region, strict=True)
        )
        return self.view.read(tuple(moved))


@dataclass(frozen=True, kw_only=True)
class MapView:
    """A view changed by a function that looks at most `halo` pixels around along y and x.

    `function` takes what `read` gives and returns the same shape; `corner` is the place of its first pixel.
    """

    view: View
    function: Callable[[np.ndarray, tuple[int, ...]], np.ndarray]
    halo: int = 0
    channel_count: int | None = None
    kind: np.dtype[Any] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return self.view.shape

    @property
    def channels(self) -> int:
        return self.view.channels if self.channel_count is None else self.channel_count

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.view.dtype if self.kind is None else self.kind

    def read(self, region: Slices) -> np.ndarray:
        flat = len(region) - 2
        halos = [self.halo if axis >= flat else 0 for axis in range(len(region))]
        wider = tuple(
            slice(max(0, asked.start - halo), min(full, asked.stop + halo))
            for asked, halo, full in zip(region, halos, self.view.shape, strict=True)
        )
        changed = self.function(self.view.read(wider), tuple(part.start for part in wider))
        inner: tuple[Any, ...] = tuple(
            slice(asked.start - part.start, asked.stop - part.start) for asked, part in zip(region, wider, strict=True)
        )
        return changed[(..., *inner)]
