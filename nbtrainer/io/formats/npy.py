"""NPY files, read where they lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nbtrainer.errors import DataError
from nbtrainer.io.formats.display_views import Reoriented
from nbtrainer.io.formats.image_file import ImageFile
from nbtrainer.io.formats.memory_mapped import MemoryMapped
from nbtrainer.io.formats.problems import damaged, no_pixels
from nbtrainer.io.formats.uncompressed import read_header


def open_file(path: Path, inside: str = "", for_label: bool = False) -> ImageFile:
    """The array as it was saved; its axes are not known beyond two."""
    with path.open("rb") as file:
        head = file.read(128)
        refuse_pickle(path, head)
        if not head.startswith(np.lib.format.MAGIC_PREFIX):
            raise damaged(path, "it is no NPY file")
        file.seek(0)
        shape, fortran, dtype, offset = read_header(file)
    if 0 in shape:
        raise no_pixels(path, shape)
    stored = MemoryMapped(path, dtype, shape[::-1] if fortran else shape, offset)
    array = Reoriented(stored, tuple(range(len(shape)))[::-1]) if fortran else stored
    return ImageFile(array=array, axes=unknown_axes(len(shape)), spacing={})


def unknown_axes(ndim: int) -> str:
    """The axes of an array whose file does not say them: an image is YX, the rest is open."""
    return "YX" if ndim == 2 else "?" * ndim


def refuse_pickle(path: Path, head: bytes) -> None:
    """Raise if what starts with `head` is pickled: reading it could run what its author wrote."""
    if head[:1] == b"\x80" or b"'O'" in head or b"|O" in head:
        raise DataError(
            str(path),
            "this file holds pickled Python objects, which are not safe to read",
            "Save it again with numpy.save of a plain array",
        )
