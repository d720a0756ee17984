"""A shear in the plane, along y or along x."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from nbtrainer.augment.spatial import SpatialParams
from nbtrainer.config.transforms.spatial import Shear


def sample_params(rng: np.random.Generator, settings: Shear, shape: Sequence[int]) -> SpatialParams:
    slope = math.tan(math.radians(rng.uniform(-settings.degrees, settings.degrees)))
    return SpatialParams(plane=((1.0, slope), (0.0, 1.0)) if rng.random() < 0.5 else ((1.0, 0.0), (slope, 1.0)))
