"""An image against those of the training: whether the network can see it, and what differs."""

from __future__ import annotations

from typing import Any

import numpy as np

from nbtrainer.data.statistics import LARGEST_VALUE
from nbtrainer.data.views import View, whole
from nbtrainer.errors import DataError
from nbtrainer.inference.memory import name_image_without_memory
from nbtrainer.io.formats import ImageFile

# pixel sizes that differ by less are the same
_SAME_SPACING = 0.1


def read_pixels(view: View, name: str, expected: int) -> np.ndarray:
    """All of the image, (C, [Z,] Y, X); raises `UserError` if it has not the `expected` channels, or no numbers."""
    if view.channels != expected:
        raise DataError(
            name,
            f"it has {view.channels} channel{'' if view.channels == 1 else 's'}, but the model was trained on {expected}",
            "Give an image like those the model was trained on",
        )
    if 0 in view.shape or view.dtype.kind == "c":
        wrong = "it is empty" if 0 in view.shape else "its values are complex numbers"
        raise DataError(name, wrong, "Give an image like those the model was trained on")
    with name_image_without_memory(name):
        image = whole(view)
    if not np.isfinite(image).all():
        raise DataError(name, "it holds values that are no numbers (NaN or infinity)", "Replace them, for example by 0")
    if image.size and max(-float(image.min()), float(image.max())) > LARGEST_VALUE:
        raise DataError(
            name,
            f"its values reach from {image.min():g} to {image.max():g}, which is too large to calculate with",
            "Replace numbers that mean 'nothing here', for example by 0, or save the image in another unit",
        )
    return image


def scale_ratios(record: dict[str, Any], spacing: tuple[float, ...] | None, name: str) -> tuple[float, ...]:
    """By how much each axis of the image is scaled to have the pixel size of the training; raises `UserError` if unknown."""
    trained = record.get("spacing")
    if not trained or not spacing:
        whose = "the images of the training" if not trained else "this image"
        raise DataError(name, f"the pixel size of {whose} is not known", "Predict without rescaling")
    return tuple(own / learnt for own, learnt in zip(spacing, trained, strict=True))


def differences(record: dict[str, Any], spacing: tuple[float, ...] | None, source: ImageFile) -> list[str]:
    """What differs between an image and those of the training, in sentences."""
    notes = []
    trained = record.get("spacing")
    if trained and spacing and not np.allclose(spacing, trained, rtol=_SAME_SPACING):
        sizes = [" x ".join(f"{value:g}" for value in values) for values in (spacing, trained)]
        notes.append(
            f"its pixels are {sizes[0]} um, those of the training were {sizes[1]} um; rescale=True brings it to their size"
        )
    learnt = record.get("orientation")
    if learnt and source.orientation_letters and learnt != source.orientation_letters:
        notes.append(
            f"its axes point to {source.orientation_letters}, those of the training to {learnt}: the network sees it mirrored, "
            "or lying on its side"
        )
    kind = record.get("dtype")
    if kind and kind != str(source.dtype) and not {kind[0], source.dtype.kind} <= {"f"}:
        notes.append(f"its values are {source.dtype}, those of the training were {kind}; was it converted?")
    return notes
