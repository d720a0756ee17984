"""Sections rotated against the others, image and label."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nbtrainer.augment.sections import SectionShift, move_sections, move_sections_of_batch, sample_moved_sections
from nbtrainer.config.transforms.stack import Misrotation

apply = move_sections
apply_batch_labelled = move_sections_of_batch


def sample_params(rng: np.random.Generator, settings: Misrotation, shape: Sequence[int]) -> SectionShift:
    first, end = sample_moved_sections(rng, settings.motion, shape[0])
    degrees = float(rng.uniform(-settings.degrees, settings.degrees))
    return SectionShift(first=first, end=end, shift=(0, 0), degrees=degrees)
