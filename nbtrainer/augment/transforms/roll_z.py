"""Sections moved from one end of the volume to the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nbtrainer.augment.sections import SectionOrder, reorder_sections, reorder_sections_of_batch, section_order
from nbtrainer.config.transforms.stack import RollZ

apply = reorder_sections
apply_batch_labelled = reorder_sections_of_batch


def sample_params(rng: np.random.Generator, settings: RollZ, shape: Sequence[int]) -> SectionOrder:
    depth = shape[0]
    return section_order(np.roll(np.arange(depth), int(rng.integers(1, depth)) if depth > 1 else 0))
