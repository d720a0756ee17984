"""A Gaussian blur in the plane, also of volumes, whose sections lie further apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from nbtrainer.config.transforms.blur import Blur


@dataclass(frozen=True)
class BlurParams:
    """Standard deviation in pixels."""

    sigma: float


def sample_params(rng: np.random.Generator, settings: Blur, shape: Sequence[int]) -> BlurParams:
    return BlurParams(float(rng.uniform(0, settings.sigma)))


def apply(image: np.ndarray, label: np.ndarray, params: BlurParams) -> tuple[np.ndarray, np.ndarray]:
    """Every section blurred."""
    if not params.sigma:
        return image, label
    planes = np.ascontiguousarray(image).reshape(-1, *image.shape[-2:])
    return np.stack([cv2.GaussianBlur(plane, (0, 0), params.sigma) for plane in planes]).reshape(image.shape), label
