"""A box of lower resolution along y and x."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from nbtrainer.augment.box import Box, box_index, sample_box
from nbtrainer.config.transforms.blur import CutBlur


@dataclass(frozen=True)
class CutBlurParams:
    """A box, and how many times coarser it becomes."""

    box: Box
    factor: int


def sample_params(rng: np.random.Generator, settings: CutBlur, shape: Sequence[int]) -> CutBlurParams:
    box = sample_box(rng, settings.size_fraction, shape)
    return CutBlurParams(box, int(rng.integers(2, settings.factor + 1)) if settings.factor > 1 else 1)


def apply(image: np.ndarray, label: np.ndarray, params: CutBlurParams) -> tuple[np.ndarray, np.ndarray]:
    """The box made smaller by averaging, and as large as before by interpolation."""
    index = box_index(params.box)
    content = image[index]
    if params.factor == 1 or not content.size:
        return image, label
    height, width = content.shape[-2:]
    small = max(1, round(width / params.factor)), max(1, round(height / params.factor))
    coarse = [
        cv2.resize(cv2.resize(plane, small, interpolation=cv2.INTER_AREA), (width, height))
        for plane in np.ascontiguousarray(content).reshape(-1, height, width)
    ]
    changed = image.copy()
    changed[index] = np.stack(coarse).reshape(content.shape)
    return changed, label
