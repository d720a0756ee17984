"""A rotation in the plane."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from nbtrainer.augment.spatial import SpatialParams
from nbtrainer.config.transforms.spatial import Rotate


def sample_params(rng: np.random.Generator, settings: Rotate, shape: Sequence[int]) -> SpatialParams:
    angle = math.radians(rng.uniform(-settings.degrees, settings.degrees))
    return SpatialParams(plane=((math.cos(angle), -math.sin(angle)), (math.sin(angle), math.cos(angle))))
