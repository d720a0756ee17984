"""A smooth deformation, given at the control points of a grid."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from nbtrainer.augment.spatial import ControlPoints, SpatialParams
from nbtrainer.config.transforms.spatial import Elastic


def sample_params(rng: np.random.Generator, settings: Elastic, shape: Sequence[int]) -> SpatialParams:
    """Displacements of a grid that goes on beyond the patch: a small patch is part of it, deformed as much as any other."""
    distance = settings.control_point_distance
    count = tuple(math.ceil((length - 1) / distance) + 3 for length in shape)
    displacement = rng.standard_normal((len(shape), *count), np.float32) * np.float32(settings.displacement)
    if len(shape) == 3:
        # patches of few slices are those of thick ones: they are deformed less across
        displacement[0] *= np.float32(min(1.0, shape[0] / max(shape[1:])))
    return SpatialParams(control_points=ControlPoints(displacement, distance))
