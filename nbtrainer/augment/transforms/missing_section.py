"""Sections left out, image and label."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nbtrainer.augment.sections import SectionOrder, reorder_sections, reorder_sections_of_batch, section_order
from nbtrainer.config.transforms.stack import MissingSection
from nbtrainer.data.resampled_views import mirror_indices

apply = reorder_sections
apply_batch_labelled = reorder_sections_of_batch


def sample_params(rng: np.random.Generator, settings: MissingSection, shape: Sequence[int]) -> SectionOrder:
    """Sections that follow each other; the mirrored end makes up for them."""
    depth = shape[0]
    count = min(settings.sections, depth - 1)
    first = int(rng.integers(depth - count + 1))
    remaining = np.delete(np.arange(depth), np.s_[first : first + count])
    return section_order(remaining[mirror_indices(0, length=depth, available=len(remaining))])
