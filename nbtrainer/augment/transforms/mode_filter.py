"""Labels without the ragged edges that turning and scaling leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nbtrainer.config.transforms.artefacts import ModeFilter
from nbtrainer.labels.mode_filter import mode_filter


@dataclass(frozen=True)
class ModeFilterParams:
    """Nothing is left to chance."""


def sample_params(rng: np.random.Generator, settings: ModeFilter, shape: Sequence[int]) -> ModeFilterParams:
    return ModeFilterParams()


def apply(
    image: np.ndarray, label: np.ndarray, params: ModeFilterParams, *, ignored: int
) -> tuple[np.ndarray, np.ndarray]:
    """Each pixel of the label takes the value that most of its neighbours have; the image stays."""
    return image, mode_filter(label, ignored=ignored)
