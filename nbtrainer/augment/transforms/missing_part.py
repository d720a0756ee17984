"""Bands of the image that were not imaged; the label stays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from nbtrainer.augment.device.arrays import upload
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
    for band in params.bands:
        hidden = _hidden(band, image.shape[-2:])
        for channel in filled.reshape(len(image), -1, *image.shape[-2:]):
            channel[band.section][hidden] = channel[band.section].mean()
    return filled, label


def apply_batch(images: torch.Tensor, params: Sequence[MissingPartParams]) -> torch.Tensor:
    """The same for a batch."""
    hidden = np.zeros((len(params), math.prod(images.shape[2:-2]), *images.shape[-2:]), bool)
    for mask, each in zip(hidden, params, strict=True):
        for band in each.bands:
            mask[band.section] = _hidden(band, images.shape[-2:])
    mask = upload(hidden.reshape(len(params), 1, *images.shape[2:]), images.device)
    return torch.where(mask, images.mean((-2, -1), keepdim=True), images)


def _hidden(band: Band, shape: Sequence[int]) -> np.ndarray:
    """Where a band lies in a section of `shape` (y, x)."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    across = np.cos(band.angle) * (y - band.middle[0]) - np.sin(band.angle) * (x - band.middle[1])
    return np.abs(across) < band.width / 2
