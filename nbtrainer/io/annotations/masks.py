"""A folder of masks, one file an object, as the Data Science Bowl 2018 has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nbtrainer.errors import DataError
from nbtrainer.io.annotations.cellpose import outlines_of_labels
from nbtrainer.io.annotations.outline import Outline
from nbtrainer.io.axes import format_shape
from nbtrainer.io.formats import is_image, open_image


def is_mask_folder(path: Path) -> bool:
    """Whether `path` is a folder with image files directly in it, and no image itself (as a zarr store is)."""
    return path.is_dir() and not is_image(path) and bool(_files(path))


def mask_folder_shape(path: Path) -> tuple[int, int]:
    """(Y, X) of the first mask. Raises `UserError` if it cannot be read."""
    height, width = _mask(_files(path)[0]).shape
    return height, width


def read_mask_folder(path: Path) -> list[Outline]:
    """The object in each file; a file with several values has several. Raises `UserError` naming a file that is no mask
    or has another size than the first."""
    outlines: list[Outline] = []
    shape: tuple[int, ...] = ()
    for number, file in enumerate(_files(path)):
        mask = _mask(file)
        shape = shape or mask.shape
        if mask.shape != shape:
            wrong = f"its mask {file.name} is {format_shape(mask.shape)}, but the first is {format_shape(shape)}"
            raise DataError(str(path), wrong, "All masks of an image have its size; take the file out of the folder")
        for part in outlines_of_labels(mask):
            name = file.stem if len(np.unique(mask)) < 3 else f"{file.stem} {part.name}"
            outlines.append(
                Outline(
                    points=part.points, kind="mask", name=name, mask=part.mask, part_of=(number << 32) + int(part.name)
                )
            )
    return outlines


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if is_image(path) and path.suffix.lower() != ".json")


def _mask(file: Path) -> np.ndarray:
    array = open_image(file, for_label=True).read()
    if array.ndim == 3 and array.shape[-1] in (2, 3, 4):  # grey saved as colour; the last of 2 or 4 is transparency
        array = array[..., : array.shape[-1] - (array.shape[-1] % 2 == 0)].max(axis=-1)
    if array.ndim != 2 or array.dtype.kind not in "bui":
        wrong = f"its file {file.name} is {format_shape(array.shape)} {array.dtype}, and no mask"
        raise DataError(str(file.parent), wrong, "Save it as 2D whole numbers, or take it out of the folder")
    return array
