"""Sections in another order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nbtrainer.augment.sections import SectionOrder, reorder_sections, section_order
from nbtrainer.config.transforms.stack import ShuffleZ

apply = reorder_sections


def sample_params(rng: np.random.Generator, settings: ShuffleZ, shape: Sequence[int]) -> SectionOrder:
    return section_order(rng.permutation(shape[0]))
