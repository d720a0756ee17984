"""A shift along y and x by whole pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nbtrainer.augment.spatial import SpatialParams
from nbtrainer.config.transforms.spatial import Translate


def sample_params(rng: np.random.Generator, settings: Translate, shape: Sequence[int]) -> SpatialParams:
    shift = [0] * len(shape)
    for axis in (len(shape) - 2, len(shape) - 1):
        most = int(settings.amount * shape[axis])
        shift[axis] = int(rng.integers(-most, most + 1))
    return SpatialParams(shift=tuple(shift))
