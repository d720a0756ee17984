"""Image files as arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nbtrainer.data.axes import label_layout
from nbtrainer.data.formats import open_image
from nbtrainer.errors import UserError


def read(path: Path) -> np.ndarray:
    """The array in an image file as it is stored; raises `UserError` if it cannot be read."""
    return open_image(path).read()


def read_label(source: np.ndarray | Path, dim: int, where: str = "") -> np.ndarray:
    """A label as ([z,] y, x) integers, from an array or a file; raises `UserError` if it is no label."""
    array, axes = (source, "?" * source.ndim) if isinstance(source, np.ndarray) else _opened(source)
    where = where or str(source)
    try:
        layout = label_layout(array.shape, axes, dim)
    except ValueError as error:
        raise UserError(where, *error.args) from None
    if layout.slices is not None:
        raise UserError(where, f"shape {array.shape} is a stack of images", "Give one label at a time")
    found = layout.arrange(array)
    if len(found) >= 3 and not (np.array_equal(found[0], found[1]) and np.array_equal(found[0], found[2])):
        raise UserError(where, "the label is a colour image", "Export it with one number per pixel")
    if found.dtype.kind == "f" and not np.array_equal(found[0], np.round(found[0]), equal_nan=True):
        raise UserError(
            where, "the label has values between whole numbers", "Export it with one whole number per pixel"
        )
    return found[0]


def _opened(path: Path) -> tuple[np.ndarray, str]:
    opened = open_image(path)
    return opened.read(), opened.axes
