"""A rotation in the plane by 90, 180 or 270 degrees, without interpolation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nbtrainer.augment.spatial import SpatialParams
from nbtrainer.config.transforms.spatial import Rotate90


def sample_params(rng: np.random.Generator, settings: Rotate90, shape: Sequence[int]) -> SpatialParams:
    sine, cosine = ((1.0, 0.0), (0.0, -1.0), (-1.0, 0.0))[rng.integers(3)]
    return SpatialParams(plane=((cosine, -sine), (sine, cosine)))
