"""What one drawn object is, whichever program it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PureWindowsPath
from typing import Literal

import numpy as np

# enough for an ellipse whose area is right to 1 in 10,000
_ELLIPSE_POINTS = 256


class OutlineError(ValueError):
    """What is wrong with one outline in a file, as the end of a sentence about it."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Outline:
    """One closed outline in an image.

    Coordinates are pixels with the centres of pixels at whole numbers: the first pixel reaches from -0.5 to 0.5. The
    files count from the corner of the image, so that its centre is at 0.5; readers subtract 0.5 (`from_corner`).

    points
        (N, 2) float, y and x, not closed; for a `mask` the one point (1, 2) of its first pixel.
    name, class_name
        Of the object and of its class, as the file has them; '' if it has none.
    label
        Number of its class, if the file numbers classes.
    holes
        Further rings like `points`: what lies in an odd number of rings belongs to the object.
    image
        Path of the image file that it was drawn on, as the file writes it, with slashes; '' if the file does not say.
    z, t, c
        Slice, time point and channel, counted from 0; None: the file does not say, which means every one.
    plane
        Number of the slice where the file counts all planes of the image in one row (channels first, then slices, then
        time points); `z` is the same number then.
    part_of
        Outlines of one file with the same number here are parts of one object.
    mask
        (Y, X) bool, only if `kind` is `mask`.
    is_crowd
        Whether it surrounds many objects that nobody told apart (COCO's `iscrowd`): nothing is known of such pixels.
    """

    points: np.ndarray
    kind: Literal["polygon", "rectangle", "ellipse", "mask"] = "polygon"
    name: str = ""
    class_name: str = ""
    label: int | None = None
    holes: tuple[np.ndarray, ...] = ()
    image: str = ""
    z: int | None = None
    part_of: int | None = None
    mask: np.ndarray | None = None
    t: int | None = None
    c: int | None = None
    plane: int | None = None
    is_crowd: bool = False

    @property
    def class_key(self) -> str:
        """What its class is told by: its name, else its number as text; '' if it has no class."""
        return self.class_name or ("" if self.label is None else str(self.label))


def written_path(path: object) -> str:
    """The path of an image as a file has it, written on whatever system, with slashes."""
    return PureWindowsPath(str(path or "")).as_posix() if path else ""


def is_same_image(written: str, *, image: str) -> bool:
    """Whether a path in a file means `image`, which may leave out folders at its beginning."""
    ours, theirs = written.split("/"), written_path(image).split("/")
    return ours[-len(theirs) :] == theirs


def from_corner(xy: object) -> np.ndarray:
    """(N, 2) y and x with pixel centres at whole numbers, of N points x, y counted from the image's corner."""
    points = pairs_of_numbers(xy)
    points = points[:, 1::-1] - 0.5
    if len(points) > 1 and np.array_equal(points[0], points[-1]):
        points = points[:-1]
    return np.ascontiguousarray(points)


def pairs_of_numbers(points: object) -> np.ndarray:
    """`points` as (N, 2 or more) float; raises `OutlineError` if they are no pairs of numbers."""
    try:
        array = np.asarray(points, np.float64)
    except (TypeError, ValueError):
        array = np.zeros(0)
    if array.ndim != 2 or array.shape[1] < 2:
        raise OutlineError("its points are no pairs of numbers (x, y)")
    return array


def rectangle(*, left: float, top: float, width: float, height: float) -> np.ndarray:
    """Points of a rectangle given from the image's corner."""
    right, bottom = left + width, top + height
    return from_corner([(left, top), (right, top), (right, bottom), (left, bottom)])


def ellipse(*, left: float, top: float, width: float, height: float) -> np.ndarray:
    """Points of the ellipse that fills a rectangle given from the image's corner."""
    angle = np.arange(_ELLIPSE_POINTS) * (2 * np.pi / _ELLIPSE_POINTS)
    x = left + width / 2 * (1 + np.cos(angle))
    return from_corner(np.stack([x, top + height / 2 * (1 + np.sin(angle))], axis=1))
