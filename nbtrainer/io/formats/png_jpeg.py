"""PNG and JPEG: decoded whole when they are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, JpegImagePlugin, PngImagePlugin

from nbtrainer.io.formats.chunked import Whole
from nbtrainer.io.formats.display_views import upright, with_palette
from nbtrainer.io.formats.image_file import ImageFile
from nbtrainer.io.formats.problems import check_room, damaged

_ORIENTATION = 274

# Pillow's modes: what is read of each, with its type and number of samples
_MODES = {
    "1": ("1", "?", 0),
    "L": ("L", "u1", 0),
    "P": ("P", "u1", 0),  # the indices
    "LA": ("L", "u1", 0),
    "La": ("L", "u1", 0),
    "I;16": ("I;16", "u2", 0),
    "I;16B": ("I;16", "u2", 0),
    "I": ("I", "u2", 0),  # 16 bits of grey in Pillow before 11
    "RGB": ("RGB", "u1", 3),
    "RGBA": ("RGBA", "u1", 4),
    "CMYK": ("RGB", "u1", 3),
    "YCbCr": ("RGB", "u1", 3),
}


def open_file(path: Path, inside: str = "", for_label: bool = False) -> ImageFile:
    """The picture as viewers show it, transparency of grey images left out; of a label with a palette the indices."""
    with path.open("rb") as file:
        head = file.read(26)
    with _open(path) as picture:
        mode, (width, height) = picture.mode, picture.size
        palette = None if for_label or mode != "P" else _palette(picture)
        orientation = _orientation(picture)
    if mode not in _MODES:
        raise damaged(path, f"pictures of the mode {mode} are not known")
    _, dtype, samples = _MODES[mode]
    # Pillow halves the depth of colours with 16 bits
    deep = head[:4] == b"\x89PNG" and head[24] == 16
    if deep:
        dtype, samples = "u2", {0: 0, 4: 0, 2: 3, 6: 4}[head[25]]
    shape = (height, width, samples) if samples else (height, width)
    size = width * height * max(1, samples) * np.dtype(dtype).itemsize
    # the library's own copy of it, and ours
    check_room(path, 2 * size, f"decoding its {width:,} x {height:,} pixels")
    read = _read_deep if deep else _read
    opened = ImageFile(
        array=Whole(path, shape, dtype, lambda: [read(path)]), axes="YXS" if samples else "YX", spacing={}
    )
    return upright(opened if palette is None else with_palette(opened, palette), orientation)


def _open(path: Path) -> Image.Image:
    """The picture by its content, not its name; without Pillow's limit, which large scans exceed."""
    with path.open("rb") as file:
        head = file.read(8)
    if head == b"\x89PNG\r\n\x1a\n":
        return PngImagePlugin.PngImageFile(path)
    if head[:2] == b"\xff\xd8":
        return JpegImagePlugin.JpegImageFile(path)
    raise damaged(path, "it is neither a PNG nor a JPEG")


def _palette(picture: Image.Image) -> np.ndarray:
    """Red, green and blue of each number (n, 3)."""
    colours = picture.getpalette("RGB") or [0, 0, 0]
    return np.array(colours[: len(colours) // 3 * 3], np.uint8).reshape(-1, 3)


def _orientation(picture: Image.Image) -> Any:
    """What the EXIF data say of the first row and column; those of a PNG only if they stand before its pixels."""
    if isinstance(picture, PngImagePlugin.PngImageFile) and "exif" not in picture.info:
        return None  # Pillow would decode the picture to look behind its pixels
    try:
        return picture.getexif().get(_ORIENTATION)
    except Exception:  # damaged EXIF data say nothing
        return None


def _read(path: Path) -> np.ndarray:
    with _open(path) as picture:
        if picture.mode not in _MODES:
            raise damaged(path, f"pictures of the mode {picture.mode} are not known")
        mode, dtype, _ = _MODES[picture.mode]
        plain = picture if mode == picture.mode else picture.convert(mode)
        return np.asarray(plain).astype(dtype, copy=False)


def _read_deep(path: Path) -> np.ndarray:
    import imagecodecs  # loads a second's worth of codecs that other pictures do not need

    array: Any = imagecodecs.png_decode(path.read_bytes())
    return array[..., 0] if array.ndim == 3 and array.shape[2] == 2 else array
