"""Sections in another order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nbtrainer.augment.sections import SectionOrder, reorder_sections, reorder_sections_of_batch, section_order
from nbtrainer.config.transforms.stack import ShuffleZ

apply = reorder_sections
apply_batch_labelled = reorder_sections_of_batch


def sample_params(rng: np.random.Generator, settings: ShuffleZ, shape: Sequence[int]) -> SectionOrder:
    return section_order(rng.permutation(shape[0]))
