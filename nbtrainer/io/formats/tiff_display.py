"""What the tags of a TIFF say about how its numbers are to be seen: inks, palettes, white as zero, transparency, turns."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import tifffile

from nbtrainer.io.formats import colours
from nbtrainer.io.formats.display_views import Recoloured, upright, with_palette
from nbtrainer.io.formats.image_file import ImageFile

_PHOTOMETRIC = tifffile.PHOTOMETRIC
_LAB = (_PHOTOMETRIC.CIELAB, _PHOTOMETRIC.ICCLAB)
# what changes no number; other compressions turn differences of colour into colours themselves
_LOSSLESS = (1, 5, 8, 32773, 32946, 34925, 50000)
_FAX = (2, 3, 4)
# transparency, multiplied in or not; other samples besides the colours are channels
_ALPHA = (1, 2)


def as_displayed(opened: ImageFile, tif: Any, number: int, for_label: bool) -> ImageFile:
    """Series `number` of a TIFF as viewers show it; of a label the numbers as they are stored, turned as shown.

    Palettes and inverted greys of ImageJ are how it shows intensities, which stay what they are.
    """
    page = tif.series[number].keyframe
    photometric = page.photometric
    if photometric == _PHOTOMETRIC.MINISWHITE and not tif.is_imagej:
        opened = _white_is_zero(opened, page, for_label)
    elif photometric == _PHOTOMETRIC.PALETTE and page.colormap is not None and not (for_label or tif.is_imagej):
        opened = with_palette(opened, _table(page.colormap))
    elif not for_label:
        opened = _in_colours(opened, page)
    return upright(_without_alpha(opened, page), _orientation(page))


def _white_is_zero(opened: ImageFile, page: Any, for_label: bool) -> ImageFile:
    bits = int(page.bitspersample)
    # fax codes know black and white, no numbers; tifffile calls True black, and means 1
    if for_label and not (bits == 1 and page.compression in _FAX):
        return opened
    if opened.dtype.kind not in "bu" or (bits == 1 and page.software.startswith("tifffile")):
        return opened
    array = Recoloured(opened.array, colours.inverted(2**bits - 1))
    return dataclasses.replace(opened, array=array).noting("it says that 0 is white: bright is read as bright")


def _in_colours(opened: ImageFile, page: Any) -> ImageFile:
    """Inks, and brightness with differences of colour, as red, green and blue."""
    axis = opened.axes.find("S")
    samples = opened.shape[axis] if axis >= 0 else 0
    if opened.dtype not in (np.uint8, np.uint16):
        return opened
    top = int(np.iinfo(opened.dtype).max)
    change = None
    if page.photometric == _PHOTOMETRIC.SEPARATED and samples == 4:
        change, name = colours.from_cmyk(top), "inks (CMYK)"
    elif page.photometric == _PHOTOMETRIC.YCBCR and samples == 3 and page.compression in _LOSSLESS:
        change, name = colours.from_ycbcr(top), "YCbCr"
    elif page.photometric in _LAB and samples == 3:
        change, name = colours.from_lab(top, page.photometric == _PHOTOMETRIC.ICCLAB), "L*a*b*"
    if change is None:
        return opened
    array = Recoloured(opened.array, change, samples=3, colour_axis=axis)
    return dataclasses.replace(opened, array=array).noting(
        f"its colours are stored as {name}: they are read as red, green and blue"
    )


def _without_alpha(opened: ImageFile, page: Any) -> ImageFile:
    """Grey without the transparency behind it."""
    axis = opened.axes.find("S")
    if axis < 0 or opened.shape[axis] != 2 or not any(int(sample) in _ALPHA for sample in page.extrasamples):
        return opened
    array = Recoloured(opened.array, lambda pixels: pixels[..., 0], colour_axis=axis)
    return dataclasses.replace(opened, array=array, axes=opened.axes.replace("S", "")).noting(
        "its transparency is left out"
    )


def _table(colormap: np.ndarray) -> np.ndarray:
    """The palette (n, 3) from 0 to 255; the tag has 16 bits, though some programs fill only 8 of them."""
    table = np.asarray(colormap).T
    return table if table.max() < 256 else table >> 8


def _orientation(page: Any) -> Any:
    tag = page.tags.get("Orientation")
    return None if tag is None else int(tag.value)
