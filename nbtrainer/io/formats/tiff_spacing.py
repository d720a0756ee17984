"""The size of a pixel as the dialects of TIFF state it."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from nbtrainer.io.formats.spacing import micrometres, sane

_CENTIMETRE = 3
# what programs write that know nothing of the pixel's size: dots per inch of screens and printers
_DPI = (72, 75, 90, 96, 100, 120, 144, 150, 180, 200, 240, 300, 350, 400, 600, 1200)


def spacing_of(tif: Any, number: int = 0) -> dict[str, float]:
    """Micrometres per pixel along z, y, x as OME, ImageJ, LSM or a resolution in centimetres states them.

    `number`: of which series, where the file holds several.
    """
    if tif.is_ome:
        return _of_ome(tif.ome_metadata, number)
    if tif.is_lsm:
        metadata = tif.lsm_metadata or {}
        return sane(**{axis: 1e6 * float(metadata.get(f"VoxelSize{axis.upper()}", 0)) for axis in "zyx"})
    if tif.is_imagej:
        return _of_imagej(tif.imagej_metadata or {}, tif.pages[0])
    return _of_resolution(tif.series[number].keyframe if number else tif.pages[0])


def _of_ome(description: str, number: int) -> dict[str, float]:
    try:
        root = ElementTree.fromstring(description)
    except ElementTree.ParseError:
        return {}
    every = [element for element in root.iter() if element.tag.rpartition("}")[2] == "Pixels"]
    if number >= len(every):
        return {}
    pixels = every[number]
    spacing: dict[str, float | None] = {}
    for axis in "zyx":
        size = _number(pixels.get(f"PhysicalSize{axis.upper()}"))
        unit = micrometres(pixels.get(f"PhysicalSize{axis.upper()}Unit", "µm"))
        spacing[axis] = size * unit if size is not None and unit else None
    return sane(**spacing)


def _of_imagej(metadata: dict[str, Any], page: Any) -> dict[str, float]:
    unit = micrometres(metadata.get("unit"))
    y_unit, z_unit = (micrometres(metadata[key]) if key in metadata else unit for key in ("yunit", "zunit"))
    return sane(
        z=_times(_number(metadata.get("spacing")), unit=z_unit),
        y=_times(_pixel(page, "YResolution"), unit=y_unit),
        x=_times(_pixel(page, "XResolution"), unit=unit),
    )


def _of_resolution(page: Any) -> dict[str, float]:
    unit = page.tags.get("ResolutionUnit")
    if unit is None or int(unit.value) != _CENTIMETRE:
        return {}
    spacing = {}
    for axis in "yx":
        length = _pixel(page, f"{axis.upper()}Resolution")
        if length is None or length == 1 or any(abs(2.54 / length - dpi) < 0.5 for dpi in _DPI):
            return {}
        spacing[axis] = length * 1e4
    return sane(**spacing)


def _pixel(page: Any, tag: str) -> float | None:
    """Length of one pixel in the unit of the resolution, of which the tag holds pixels per unit."""
    resolution = page.tags.get(tag)
    try:
        numerator, denominator = resolution.value
        return float(denominator) / float(numerator)
    except (AttributeError, TypeError, ValueError, ZeroDivisionError):
        return None


def _times(length: float | None, *, unit: float | None) -> float | None:
    return length * unit if length is not None and unit else None


def _number(text: Any) -> float | None:
    try:
        return float(text)
    except (TypeError, ValueError):
        return None
