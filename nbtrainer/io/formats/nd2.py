"""Nikon ND2: frame by frame."""

from __future__ import annotations

import weakref
from pathlib import Path

import numpy as np
from nd2 import ND2File

from nbtrainer.io.formats.chunked import Chunked
from nbtrainer.io.formats.file_version import version
from nbtrainer.io.formats.handles import Handle, borrow, put_away
from nbtrainer.io.formats.image_file import AXES, ImageFile
from nbtrainer.io.formats.problems import first_of, not_inside
from nbtrainer.io.formats.spacing import sane

_FRAME = ("C", "Y", "X", "S")


def open_file(path: Path, inside: str = "", for_label: bool = False) -> ImageFile:
    """The position with the number `inside`, or the first; a frame (all channels of one z and time) is a chunk."""
    key = ("nd2", str(path.absolute()), version(path))

    def reader() -> Handle[ND2File]:
        return borrow(key, lambda: Handle(ND2File(path), ND2File.close))

    handle = reader()
    file = handle.thing
    sizes = dict(file.sizes)
    loops = [axis for axis in sizes if axis not in _FRAME]
    frame = [axis for axis in sizes if axis in _FRAME]
    position = int(inside) if inside.isdigit() else 0
    if inside and (str(position) != inside or position >= sizes.get("P", 1)):
        raise not_inside(path, inside, [str(k) for k in range(sizes.get("P", 1))])
    stack_axes = [axis for axis in loops if axis != "P"]

    def decode(place: tuple[int, ...]) -> np.ndarray:
        at = dict(zip(stack_axes, place, strict=False)) | {"P": position}
        number = 0
        for axis in loops:
            number = number * sizes[axis] + at[axis]
        handle = reader()
        with handle.lock:
            pixels = np.array(handle.thing.read_frame(number))
        return pixels.reshape([1] * len(stack_axes) + [sizes[axis] for axis in frame])

    shape = tuple(sizes[axis] for axis in stack_axes + frame)
    chunk = (1,) * len(stack_axes) + tuple(sizes[axis] for axis in frame)
    array = Chunked(path, shape, file.dtype, chunk=chunk, decode=decode)
    weakref.finalize(array, put_away, key)
    size = file.voxel_size()
    axes = "".join(axis if axis in AXES else "?" for axis in stack_axes + frame)
    spacing = sane(z=size.z if "Z" in axes else None, y=size.y, x=size.x)
    others = [] if inside else [str(number) for number in range(1, sizes.get("P", 1))]
    return ImageFile(array=array, axes=axes, spacing=spacing).noting(first_of(path, others))
