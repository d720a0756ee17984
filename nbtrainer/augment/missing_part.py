"""Parts of the image that were not imaged; its label is known all the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Band:
    """A band across a section: the direction (radians) and place of its middle, y and x in pixels, and its width."""

    section: int
    angle: float
    middle: tuple[float, float]
    width: float


def draw_bands(rng: np.random.Generator, step: dict[str, Any], shape: Sequence[int]) -> tuple[Band, ...]:
    """One band in an image, and in some sections of a volume."""
    if not step["width"]:
        return ()
    sections = [0]
    if len(shape) == 3:
        sections = [section for section in range(shape[0]) if rng.random() < step["share_of_sections"]]
    height, width = shape[-2:]
    return tuple(
        Band(
            section,
            float(rng.uniform(0, np.pi)),
            (float(rng.uniform(0, height)), float(rng.uniform(0, width))),
            float(rng.uniform(0, step["width"])),
        )
        for section in sections
    )


def wipe(image: np.ndarray, label: np.ndarray, change: tuple[Band, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The bands of each channel filled with the mean of their section."""
    if not change:
        return image, label
    wiped = np.ascontiguousarray(image).copy()
    y, x = np.ogrid[: image.shape[-2], : image.shape[-1]]
    for band in change:
        across = np.cos(band.angle) * (y - band.middle[0]) - np.sin(band.angle) * (x - band.middle[1])
        hidden = np.abs(across) < band.width / 2
        for channel in wiped.reshape(len(image), -1, *image.shape[-2:]):
            channel[band.section][hidden] = channel[band.section].mean()
    return wiped, label
