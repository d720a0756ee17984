"""The same number added to all intensities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from nbtrainer.augment.device.arrays import per_patch
from nbtrainer.config.transforms.brightness import ShiftIntensity


@dataclass(frozen=True)
class ShiftIntensityParams:
    """What is added to all intensities."""

    offset: float


def sample_params(rng: np.random.Generator, settings: ShiftIntensity, shape: Sequence[int]) -> ShiftIntensityParams:
    return ShiftIntensityParams(float(rng.uniform(-settings.offset, settings.offset)))


def apply(image: np.ndarray, label: np.ndarray, params: ShiftIntensityParams) -> tuple[np.ndarray, np.ndarray]:
    """All channels by the same number."""
    return (image + np.float32(params.offset) if params.offset else image), label


def apply_batch(images: torch.Tensor, params: Sequence[ShiftIntensityParams]) -> torch.Tensor:
    """The same for a batch, each patch by its own number."""
    return images + per_patch([each.offset for each in params], images)
