"""Sections shifted by whole pixels, image and label."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nbtrainer.augment.sections import SectionShift, move_sections, move_sections_of_batch, sample_moved_sections
from nbtrainer.config.transforms.stack import Misalignment

apply = move_sections
apply_batch_labelled = move_sections_of_batch


def sample_params(rng: np.random.Generator, settings: Misalignment, shape: Sequence[int]) -> SectionShift:
    first, end = sample_moved_sections(rng, settings.motion, shape[0])
    y, x = rng.integers(-settings.displacement, settings.displacement + 1, 2)
    return SectionShift(first=first, end=end, shift=(int(y), int(x)), degrees=0.0)
