"""Bands of the image that were not imaged; the label stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nbtrainer.config.transforms.artefacts import MissingPart


@dataclass(frozen=True, kw_only=True)
class Band:
    """A band across a section: the direction (radians) and place of its middle, y and x in pixels, and its width."""

    section: int
    angle: float
    middle: tuple[float, float]
    width: float


@dataclass(frozen=True)
class MissingPartParams:
    """The bands that are filled; none where nothing is missing."""

    bands: tuple[Band, ...]


def sample_params(rng: np.random.Generator, settings: MissingPart, shape: Sequence[int]) -> MissingPartParams:
    """One band in an image, and in some sections of a volume."""
    if not settings.width:
        return MissingPartParams(())
    sections = [0]
    if len(shape) == 3:
        sections = [section for section in range(shape[0]) if rng.random() < settings.section_fraction]
    height, width = shape[-2:]
    bands = tuple(
        Band(
            section=section,
            angle=float(rng.uniform(0, np.pi)),
            middle=(float(rng.uniform(0, height)), float(rng.uniform(0, width))),
            width=float(rng.uniform(0, settings.width)),
        )
        for section in sections
    )
    return MissingPartParams(bands)


def apply(image: np.ndarray, label: np.ndarray, params: MissingPartParams) -> tuple[np.ndarray, np.ndarray]:
    """The bands of each channel filled with the mean of their section."""
    if not params.bands:
        return image, label
    filled = np.ascontiguousarray(image).copy()
    y, x = np.ogrid[: image.shape[-2], : image.shape[-1]]
    for band in params.bands:
        across = np.cos(band.angle) * (y - band.middle[0]) - np.sin(band.angle) * (x - band.middle[1])
        hidden = np.abs(across) < band.width / 2
        for channel in filled.reshape(len(image), -1, *image.shape[-2:]):
            channel[band.section][hidden] = channel[band.section].mean()
    return filled, label
