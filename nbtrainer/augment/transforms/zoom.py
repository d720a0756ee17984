"""Another magnification; of a volume along y and x, or along each axis by itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nbtrainer.augment.spatial import SpatialParams
from nbtrainer.config.transforms.spatial import Zoom


def sample_params(rng: np.random.Generator, settings: Zoom, shape: Sequence[int]) -> SpatialParams:
    y = _step(rng, settings)
    x = _step(rng, settings) if settings.per_axis else y
    z = _step(rng, settings) if settings.per_axis and len(shape) == 3 else 1.0
    return SpatialParams(plane=((y, 0.0), (0.0, x)), depth=z)


def _step(rng: np.random.Generator, settings: Zoom) -> float:
    """How far apart neighbouring pixels of the patch lie in the image: less than 1 where objects grow."""
    return 1 / rng.uniform(settings.min_factor, settings.max_factor)
