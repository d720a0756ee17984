"""What stored numbers mean as greys and colours: palettes, inks, differences of colours, white as zero."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Change = Callable[[np.ndarray], np.ndarray]

# of a ramp, rounding moves a colour by so much of 255
_ROUNDING = 1.5


def palette_colours(table: np.ndarray) -> np.ndarray | None:
    """What the numbers of an image with the palette `table` (n, 3) from 0 to 255 stand for.

    Returns greys (n,) or colours (n, 3), uint8; None where the numbers are intensities themselves: the palette shows
    them in one hue from black to its brightest, as microscopes paint a fluorescent channel.
    """
    colours = np.asarray(table, float).round().clip(0, 255).astype(np.uint8)
    if (colours == colours[0]).all():
        return None  # it tells nothing apart
    if (colours == colours[:, :1]).all():
        return colours[:, 0]
    ramp = np.linspace(0, 1, len(table))[:, None] * table[-1:]
    return None if len(table) > 2 and np.abs(table - ramp).max() <= _ROUNDING else colours


def inverted(top: int) -> Change:
    """White is zero: `top` becomes 0."""
    return lambda pixels: (~pixels if pixels.dtype.kind == "b" else (top - pixels)).astype(pixels.dtype)


def from_cmyk(top: int) -> Change:
    """Red, green, blue of cyan, magenta, yellow and black (..., 4), of which `top` is the whole ink."""

    def change(pixels: np.ndarray) -> np.ndarray:
        light = top - pixels.astype(np.float32)
        return (light[..., :3] * light[..., 3:] / top).round().astype(pixels.dtype)

    return change


def from_ycbcr(top: int) -> Change:
    """Red, green, blue of brightness and two differences of colour (..., 3), as in JPEG."""
    weights = np.array([[1, 0, 1.402], [1, -0.344136, -0.714136], [1, 1.772, 0]], np.float32)

    def change(pixels: np.ndarray) -> np.ndarray:
        middle = np.array([0, (top + 1) // 2, (top + 1) // 2], np.float32)
        return ((pixels.astype(np.float32) - middle) @ weights.T).round().clip(0, top).astype(pixels.dtype)

    return change


def from_lab(top: int, is_offset: bool) -> Change:
    """Red, green, blue of CIE L*a*b* (..., 3); a* and b* are signed, or `is_offset` by half of what the type holds."""

    def change(pixels: np.ndarray) -> np.ndarray:
        from skimage.color import lab2rgb  # slow to load, rarely needed

        half = (top + 1) // 2
        signed = pixels[..., 1:].astype(np.float32)
        signed = signed - half if is_offset else np.where(signed >= half, signed - 2 * half, signed)
        lab = np.concatenate([pixels[..., :1] * np.float32(100 / top), signed * np.float32(128 / half)], axis=-1)
        colours = lab2rgb(lab, illuminant="D50")
        return (colours * top).round().clip(0, top).astype(pixels.dtype)

    return change
