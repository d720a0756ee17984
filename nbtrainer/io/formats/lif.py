"""Leica LIF: one image of the file, read where it lies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from liffile import LifFile

from nbtrainer.io.formats.chunked import Regions, Whole
from nbtrainer.io.formats.image_file import AXES, ImageFile
from nbtrainer.io.formats.memory_mapped import MemoryMapped
from nbtrainer.io.formats.problems import choose_inside, first_of, not_inside
from nbtrainer.io.formats.spacing import sane


def open_file(path: Path, inside: str = "", for_label: bool = False) -> ImageFile:
    """The image called `inside` (`Series name`, or its number from 0), or the first."""
    with LifFile(path) as file:
        image = _choose_image(path, list(file.images), inside)
        name, shape, dtype, block = image.name, image.shape, image.dtype, image.memory_block
        array: Regions
        if block.offset >= 0 and block.size == image.nbytes and "S" not in image.dims:
            array = MemoryMapped(path, dtype, shape, block.offset)
        else:
            # colours in the order blue, green, red, or rows with a gap: the library knows how
            array = Whole(path, shape, dtype, lambda: [_read(path, inside)], inside or name)
        axes = "".join(axis if axis in AXES else "?" for axis in image.dims)
        names = [] if inside else [other.name for other in file.images][1:]
        return ImageFile(array=array, axes=axes, spacing=_spacing(image)).noting(first_of(path, names))


def _choose_image(path: Path, images: list[Any], inside: str) -> Any:
    if not images:
        raise choose_inside(path, [])
    if not inside:
        return images[0]
    for image in images:
        if inside in (image.name, image.path):
            return image
    if inside.isdigit() and int(inside) < len(images):
        return images[int(inside)]
    raise not_inside(path, inside, [image.name for image in images])


def _read(path: Path, inside: str) -> np.ndarray:
    with LifFile(path) as file:
        return np.asarray(_choose_image(path, list(file.images), inside).asarray())


def _spacing(image: Any) -> dict[str, float]:
    """From the coordinates of the first and the last pixel, which are in metres."""
    spacing = {}
    for axis in "zyx":
        places = image.coords.get(axis.upper(), ())
        if len(places) > 1:
            spacing[axis] = 1e6 * abs(float(places[-1] - places[0])) / (len(places) - 1)
    return sane(**spacing)
