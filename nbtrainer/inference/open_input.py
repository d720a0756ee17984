"""What a user gives to predict: an array or the path of a file, as an opened file."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import numpy as np

from nbtrainer.errors import DataError
from nbtrainer.io.axes import Layout
from nbtrainer.io.formats import ImageFile, Orientation, is_image, open_image


def open_input(image: Any) -> tuple[ImageFile, str]:
    """An array or the path of a file as an opened file, and what to call it."""
    if isinstance(image, str | os.PathLike):
        if Path(image).is_dir() and not is_image(Path(image)):
            raise DataError(str(image), "this is a folder", "Give one image; `nbtrainer predict` takes folders")
        return open_image(Path(image)), str(image)
    array = as_numbers(image, "image")
    return ImageFile(array=array, axes="?" * array.ndim, spacing={}), "image"


def place_of(source: ImageFile, layout: Layout) -> Orientation | None:
    """Where what is predicted lies: the place of the image, its axes called as those of the labels."""
    order = [*([] if layout.slices is None else [layout.slices]), *layout.spatial]
    letters = [source.axes[axis] for axis in order]
    if source.orientation is None or not set(letters) <= source.orientation.steps.keys():
        return None
    steps = {new: source.orientation.steps[old] for new, old in zip("ZYX"[-len(order) :], letters, strict=True)}
    return dataclasses.replace(source.orientation, steps=steps)


def as_numbers(given: Any, where: str) -> np.ndarray:
    try:
        array = np.asarray(given)
    except ValueError:  # lists of unequal length
        array = None
    if array is None or array.dtype.kind not in "biufc":
        raise DataError(where, f"{type(given).__name__} is no array of numbers", "Give an array, or the path of a file")
    return array
