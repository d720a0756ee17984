"""Image files as arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nbtrainer.errors import DataError, UserError
from nbtrainer.io.axes import label_layout
from nbtrainer.io.formats import ImageFile, brought_to, open_image


def read(path: Path) -> np.ndarray:
    """The array in an image file, with its axes as they are stored; raises `UserError` if it cannot be read."""
    return open_image(path).read()


def open_label(label: Path, image: Path | None = None) -> ImageFile:
    """The label file `label`, its axes turned as those of its `image` where both say that they lie at the same place.

    Raises `UserError` if it cannot be read; an image that cannot turns nothing.
    """
    opened = open_image(label, for_label=True)
    if image is None or opened.orientation is None:
        return opened
    try:
        return brought_to(opened, other=open_image(image))
    except UserError:
        return opened


def read_label(
    source: np.ndarray | Path, dim: int, where: str = "", image: Path | None = None, *, z_axis: int | None
) -> np.ndarray:
    """A label as ([z,] y, x) integers, from an array or a file (see `open_label`); raises `UserError` if it is none.

    `dim` counts slices and time points too, where the label is one of a stack or a series; `z_axis` is the user's word.
    """
    array, axes = (source, "?" * source.ndim) if isinstance(source, np.ndarray) else _open_array(source, image)
    where = where or str(source)
    try:
        layout = label_layout(array.shape, axes, dim, z_axis=z_axis, with_frames=True)
    except ValueError as error:
        raise DataError(where, *error.args) from None
    if layout.slices is not None:
        raise DataError(where, f"shape {array.shape} is a stack of images", "Give one label at a time")
    label = layout.arrange(array)
    if len(label) >= 3 and not (np.array_equal(label[0], label[1]) and np.array_equal(label[0], label[2])):
        raise DataError(where, "the label is a colour image", "Export it with one number per pixel")
    if label.dtype.kind == "f" and not np.array_equal(label[0], np.round(label[0]), equal_nan=True):
        raise DataError(
            where, "the label has values between whole numbers", "Export it with one whole number per pixel"
        )
    return label[0]


def _open_array(path: Path, image: Path | None) -> tuple[np.ndarray, str]:
    opened = open_label(path, image)
    return opened.read(), opened.axes
