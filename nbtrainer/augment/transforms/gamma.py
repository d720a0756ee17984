"""Gamma by itself, mostly near 1."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nbtrainer.augment.adjust_intensity import IntensityAdjustment, adjust_intensities, adjust_intensity, section_count
from nbtrainer.config.transforms.brightness import Gamma

apply = adjust_intensity
apply_batch = adjust_intensities
batch_key = section_count


def sample_params(rng: np.random.Generator, settings: Gamma, shape: Sequence[int]) -> IntensityAdjustment:
    """A gamma of the triangular distribution from `min_gamma` to `max_gamma` with its peak at 1."""
    gamma = 1.0
    if settings.min_gamma != settings.max_gamma:
        gamma = float(rng.triangular(settings.min_gamma, 1, settings.max_gamma))
    return IntensityAdjustment(brightness=(0.0,), contrast=(1.0,), gamma=(gamma,))
