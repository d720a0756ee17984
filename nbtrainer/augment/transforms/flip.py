"""Flips along each axis, without interpolation."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from nbtrainer.augment.spatial import SpatialParams
from nbtrainer.config.transforms.spatial import Flip


def sample_params(rng: np.random.Generator, settings: Flip, shape: Sequence[int]) -> SpatialParams:
    signs = [-1.0 if rng.random() < settings.probability else 1.0 for _ in shape]
    return SpatialParams(plane=((signs[-2], 0.0), (0.0, signs[-1])), depth=math.prod(signs[:-2]))
