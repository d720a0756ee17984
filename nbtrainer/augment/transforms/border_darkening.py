"""A dark border along y and x."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from nbtrainer.augment.channel_range import channel_extremes
from nbtrainer.augment.device.arrays import batch_extremes, per_patch, upload
from nbtrainer.config.transforms.lighting import BorderDarkening


@dataclass(frozen=True)
class BorderDarkeningParams:
    """The border's width in pixels, and the factor, from 0 to 1, by which its light is multiplied."""

    width: int
    factor: float


def sample_params(rng: np.random.Generator, settings: BorderDarkening, shape: Sequence[int]) -> BorderDarkeningParams:
    return BorderDarkeningParams(settings.width, float(rng.uniform(1 - settings.amount, 1)))


def apply(image: np.ndarray, label: np.ndarray, params: BorderDarkeningParams) -> tuple[np.ndarray, np.ndarray]:
    """The outermost pixels along y and x, darker; 0 is the channel's minimum."""
    if not params.width or params.factor == 1:
        return image, label
    inside = np.zeros(image.shape[-2:], bool)
    inside[params.width : -params.width, params.width : -params.width] = True
    low, high = channel_extremes(image)
    dark = (image - low) * np.float32(params.factor) + low
    return np.where(inside, image, np.clip(dark, low, high)), label


def apply_batch(images: torch.Tensor, params: Sequence[BorderDarkeningParams]) -> torch.Tensor:
    """The same for a batch."""
    low, high = batch_extremes(images)
    dark = torch.clamp((images - low) * per_patch([each.factor for each in params], images) + low, low, high)
    inside = np.zeros((len(params), *[1] * (images.ndim - 3), *images.shape[-2:]), bool)
    for mask, each in zip(inside, params, strict=True):
        mask[..., each.width : -each.width or None, each.width : -each.width or None] = True
    return torch.where(upload(inside, images.device), images, dark)
