"""Images as people look at them: grey from 0 to 255, with the outlines of objects. Numpy alone: the form needs it at once."""

from __future__ import annotations

import base64

import numpy as np

Colour = tuple[int, int, int]

# Okabe and Ito: told apart, and from grey, by colour-blind people too
GREEN, ORANGE, SKY = (0, 158, 115), (230, 159, 0), (86, 180, 233)
COLOURS: tuple[Colour, ...] = (GREEN, (213, 94, 0), (0, 114, 178), (204, 121, 167), (240, 228, 66), ORANGE, SKY)
# what outlines are drawn in
OUTLINE = ORANGE


def limits(image: np.ndarray) -> tuple[float, float]:
    """Between which intensities of an image (C, Y, X) grey is shown: its percentiles 0.5 and 99.8."""
    low, high = np.percentile(_visible(image), (0.5, 99.8))
    return float(low), float(high)


def grey(image: np.ndarray, between: tuple[float, float]) -> np.ndarray:
    """An image (C, Y, X) as (Y, X, 3) from 0 to 255, stretched `between` two intensities; RGB stays RGB."""
    low, high = between
    stretched = np.clip((_visible(image) - low) / max(high - low, 1e-6), 0, 1) * 255
    return np.moveaxis(np.broadcast_to(stretched, (3, *stretched.shape[1:])), 0, -1).copy()


def mark_boundaries(picture: np.ndarray, *, label: np.ndarray, colour: Colour) -> None:
    """Draw the outlines of all objects into `picture`, in place; the only place where outlines of labels are drawn.

    Parameters
    ----------
    picture
        (Y, X, 3) from 0 to 255.
    label
        (Y, X) integers, 0 is background. An outline is one pixel wide and lies within its object: the pixels that have one
        of another value above, below, to the left or to the right. The border of the image is no outline.

    Examples
    --------
    >>> picture = np.zeros((4, 5, 3), np.uint8)
    >>> label = np.pad(np.ones((3, 3), int), [(1, 0), (1, 1)])
    >>> mark_boundaries(picture, label=label, colour=(255, 0, 0))
    >>> picture[..., 0]
    array([[  0,   0,   0,   0,   0],
           [  0, 255, 255, 255,   0],
           [  0, 255,   0, 255,   0],
           [  0, 255,   0, 255,   0]], dtype=uint8)
    """
    picture[_boundaries(label)] = colour


def enlarge(picture: np.ndarray, side: int) -> np.ndarray:
    """A picture (Y, X, 3) as uint8, each pixel repeated as far as its longer side stays within `side`."""
    factor = max(1, side // max(picture.shape[:2]))
    return np.repeat(np.repeat(picture, factor, 0), factor, 1).astype(np.uint8)


def as_data_url(png: bytes) -> str:
    """A picture (PNG) as the source of an `img` within a page."""
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"


def _boundaries(label: np.ndarray) -> np.ndarray:
    """Pixels of an object that have a neighbour of another value along one axis."""
    mask = np.zeros(label.shape, bool)
    for axis in (0, 1):
        differs = np.diff(label.astype(np.int64), axis=axis) != 0
        first = tuple(slice(None, -1) if number == axis else slice(None) for number in (0, 1))
        second = tuple(slice(1, None) if number == axis else slice(None) for number in (0, 1))
        mask[first] |= differs
        mask[second] |= differs
    return mask & (label != 0)


def _visible(image: np.ndarray) -> np.ndarray:
    """The channels that are shown: red, green and blue, or the first."""
    return np.nan_to_num(image[:3] if len(image) in (3, 4) else image[:1])
