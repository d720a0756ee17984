"""The negative of an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from nbtrainer.augment.channel_range import channel_extremes
from nbtrainer.augment.device.arrays import batch_extremes
from nbtrainer.config.transforms.brightness import Invert


@dataclass(frozen=True)
class InvertParams:
    """Nothing is drawn."""


def sample_params(rng: np.random.Generator, settings: Invert, shape: Sequence[int]) -> InvertParams:
    return InvertParams()


def apply(image: np.ndarray, label: np.ndarray, params: InvertParams) -> tuple[np.ndarray, np.ndarray]:
    """The negative of each channel, between the same extremes."""
    low, high = channel_extremes(image)
    return np.clip((low + high) - image, low, high), label


def apply_batch(images: torch.Tensor, params: Sequence[InvertParams]) -> torch.Tensor:
    """The same for a batch."""
    low, high = batch_extremes(images)
    return torch.clamp((low + high) - images, low, high)
