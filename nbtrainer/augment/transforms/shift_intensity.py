"""The same number added to all intensities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

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
