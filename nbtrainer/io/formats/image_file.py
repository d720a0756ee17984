"""What an opened image file offers: its array, its axes, the size of its pixels and its place in space."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbtrainer.io.formats.orientation import Orientation
from nbtrainer.progress import OnProgress

AXES = "TCZYXS"


@dataclass(frozen=True, kw_only=True)
class ImageFile:
    """An image file, opened: indexing `array` reads only that region where the format allows it.

    `axes` has one letter of TCZYXS for each axis of `array` (S are the samples of a colour), '?' where the file does
    not say. `spacing` holds micrometres per pixel for those of z, y and x that the file states. `notes` are sentences
    about how it is read, where that is not as it is stored; `orientation` is where it lies in space, if the file says so.
    """

    array: Any
    axes: str
    spacing: dict[str, float]
    notes: tuple[str, ...] = ()
    orientation: Orientation | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis, in the order of `axes`."""
        return tuple(self.array.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the numbers, in the byte order of this machine."""
        return np.dtype(self.array.dtype).newbyteorder("=")

    @property
    def nbytes(self) -> int:
        """Bytes of the whole array, were it in memory."""
        return int(np.prod(self.shape, dtype=object)) * self.dtype.itemsize

    @property
    def orientation_letters(self) -> str:
        """Towards what the spatial axes count, in the order in which they are stored, if the file says where it lies:
        `SAR` for superior, anterior, right."""
        if self.orientation is None or self.orientation.system != "anatomical":
            return ""
        return self.orientation.orientation("".join(axis for axis in self.axes if axis in "XYZ"))

    def read(self, region: tuple[slice, ...] | None = None) -> np.ndarray:
        """A contiguous copy of `region` (all if none), safe from any thread; raises `UserError` if the file is damaged."""
        chosen = self.array[... if region is None else region]
        return np.ascontiguousarray(chosen, dtype=self.dtype).reshape(np.shape(chosen))

    def prepare(self, on_progress: OnProgress | None = None) -> None:
        """Unpack the file to the disk cache now, if it is of the kind that the first read would unpack."""
        prepare = getattr(self.array, "prepare", None)
        if prepare is not None:
            prepare(on_progress)

    def noting(self, *sentences: str) -> ImageFile:
        """The same with more notes."""
        return dataclasses.replace(self, notes=(*self.notes, *filter(None, sentences)))
