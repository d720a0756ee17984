"""Brightness, contrast and gamma."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from nbtrainer.augment.adjust_intensity import IntensityAdjustment, adjust_intensities, adjust_intensity, section_count
from nbtrainer.config.transforms.brightness import Intensity

apply = adjust_intensity
apply_batch = adjust_intensities
batch_key = section_count


def sample_params(rng: np.random.Generator, settings: Intensity, shape: Sequence[int]) -> IntensityAdjustment:
    """Brightness, contrast and gamma of a volume's sections together or, `per_section`, one by one."""
    count = shape[0] if settings.per_section and len(shape) == 3 else 1
    max_log_gamma = math.log1p(settings.gamma)
    brightness, contrast, gamma = rng.uniform(-1, 1, (3, count)).tolist()
    return IntensityAdjustment(
        brightness=tuple(settings.brightness * fraction for fraction in brightness),
        contrast=tuple(1 + settings.contrast * fraction for fraction in contrast),
        gamma=tuple(math.exp(max_log_gamma * fraction) for fraction in gamma),
    )
