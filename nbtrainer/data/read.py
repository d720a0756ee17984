"""Image files as arrays, and what is known of a file without keeping its pixels."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from nbtrainer.errors import UserError

SUFFIXES = (".tif", ".tiff", ".png", ".jpg", ".jpeg")

# what it has to say of a broken file stands in our own sentence
logging.getLogger("tifffile").setLevel(logging.CRITICAL)

# a label image with more values than this is listed only in part
_MOST_VALUES = 100_000


@dataclass(frozen=True)
class LabelFacts:
    """What is known of a label file. `values` are the whole numbers in it, sorted; `zeros` is the share of background."""

    shape: tuple[int, ...]
    dtype: str
    values: tuple[int, ...]
    whole: bool
    zeros: float = 0.0
    problem: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class ImageFacts:
    """What is known of an image file."""

    shape: tuple[int, ...]
    dtype: str
    minimum: float
    maximum: float
    finite: bool = True
    problem: str = ""
    remedy: str = ""


def read(path: Path) -> np.ndarray:
    """The array in a TIFF, PNG or JPEG file as it is stored; raises `UserError` if it cannot be read."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UserError(
            str(path),
            f"files of the kind {suffix or path.name!r} cannot be read",
            f"Use {', '.join(SUFFIXES)}",
        )
    try:
        if suffix in (".tif", ".tiff"):
            import tifffile

            array = tifffile.imread(path)
        else:
            import imageio.v3 as imageio

            array = imageio.imread(path, plugin="pillow")
    except FileNotFoundError:
        raise UserError(str(path), "there is no such file", "Check the path") from None
    except Exception as error:  # readers raise whatever a broken file makes them stumble over
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(
            str(path), f"this file cannot be read ({reason})", "Export it again, or take it out of the folder"
        ) from None
    if array.size == 0 or array.dtype.kind not in "buif":
        raise UserError(str(path), "this file is damaged, empty or holds no image", "Export it again, or take it out")
    return np.asarray(array)


def channels_first(array: np.ndarray, dim: int, channel_axis: int | None) -> np.ndarray:
    """`array` as (C, [Z,] Y, X): channels are the last axis if it has 3 or 4 entries, else `channel_axis`.

    Raises
    ------
    ValueError
        With a sentence, if the axes do not fit.
    """
    if array.ndim == dim:
        return array[np.newaxis]
    if array.ndim == dim + 1:
        if array.shape[-1] in (3, 4):
            return np.moveaxis(array, -1, 0)
        if channel_axis is not None and -array.ndim <= channel_axis < array.ndim:
            return np.moveaxis(array, channel_axis, 0)
        if 1 in array.shape:
            return np.moveaxis(array, array.shape.index(1), 0)
    shape = " x ".join(map(str, array.shape))
    raise ValueError(
        f"shape {shape} has {array.ndim} axes, but {dim}D training needs {dim}, or {dim + 1} with channels"
    )


def plain_label(array: np.ndarray, dim: int) -> np.ndarray:
    """A label array with exactly `dim` axes: axes of length 1 dropped, equal colour channels taken as one.

    Raises
    ------
    ValueError
        With a sentence, if that cannot be done without guessing.
    """
    if array.ndim == dim + 1 and array.shape[-1] in (3, 4):
        if all(np.array_equal(array[..., 0], array[..., channel]) for channel in (1, 2)):
            array = array[..., 0]
        else:
            raise ValueError("the label is a colour image; export it with one number per pixel")
    while array.ndim > dim and 1 in array.shape:
        array = array.squeeze(array.shape.index(1))
    if array.ndim != dim:
        raise ValueError(f"shape {' x '.join(map(str, array.shape))} is not {dim}D")
    return array


def image_facts(path: Path) -> ImageFacts:
    """Shape, type and extreme intensities of an image file; remembered until the file changes."""
    return _image_facts(str(path), *_version(path))


def label_facts(path: Path, dim: int) -> LabelFacts:
    """Shape, type and values of a label file; remembered until the file changes."""
    return _label_facts(str(path), dim, *_version(path))


def as_integers(label: np.ndarray) -> np.ndarray:
    """`label` in the smallest unsigned type that OpenCV and numpy both index well; negative values become 0."""
    if label.dtype.kind == "b":
        return label.astype(np.uint8)
    if label.dtype in (np.uint8, np.uint16):
        return label
    largest = int(label.max(initial=0))
    kind = np.uint8 if largest < 2**8 else np.uint16 if largest < 2**16 else np.uint32
    return np.clip(label, 0, None).astype(kind)


def _version(path: Path) -> tuple[int, int]:
    try:
        status = os.stat(path)
    except OSError:
        return (0, 0)
    return (status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=100_000)
def _image_facts(path: str, modified: int, size: int) -> ImageFacts:
    try:
        array = read(Path(path))
    except UserError as error:
        return ImageFacts((), "", 0, 0, problem=error.wrong, remedy=error.remedy)
    finite = array.dtype.kind != "f" or bool(np.isfinite(array).all())
    return ImageFacts(array.shape, str(array.dtype), float(array.min()), float(array.max()), finite)


@lru_cache(maxsize=100_000)
def _label_facts(path: str, dim: int, modified: int, size: int) -> LabelFacts:
    try:
        label = plain_label(read(Path(path)), dim)
    except (UserError, ValueError) as error:
        wrong, remedy = (error.wrong, error.remedy) if isinstance(error, UserError) else (str(error), "")
        return LabelFacts((), "", (), True, problem=wrong, remedy=remedy)
    finite = bool(np.isfinite(label).all()) if label.dtype.kind == "f" else True
    values = np.unique(label) if finite else np.zeros(0)
    whole = finite and (label.dtype.kind != "f" or bool((values == np.round(values)).all()))
    listed = tuple(int(value) for value in values[:_MOST_VALUES]) if whole else ()
    return LabelFacts(label.shape, str(label.dtype), listed, whole, float((label == 0).mean()))
