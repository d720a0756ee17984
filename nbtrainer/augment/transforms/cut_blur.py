"""A box of lower resolution along y and x."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from nbtrainer.augment.box import Box, box_index, sample_box
from nbtrainer.augment.device.arrays import box_mask, upload
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


def apply_batch(images: torch.Tensor, params: Sequence[CutBlurParams]) -> torch.Tensor:
    """The same for a batch: what both steps do along an axis is a matrix, as they are linear."""
    coarse = images
    for axis in (-2, -1):
        matrices = np.stack([_matrix(each, axis=axis, length=images.shape[axis]) for each in params])
        factors = upload(matrices, images.device).view(len(params), *[1] * (images.ndim - 3), *matrices.shape[1:])
        coarse = factors @ coarse if axis == -2 else coarse @ factors.transpose(-1, -2)
    return torch.where(box_mask([each.box for each in params], images), coarse, images)


def _matrix(params: CutBlurParams, *, axis: int, length: int) -> np.ndarray:
    """(L, L) float32: the box along one axis, made smaller and large again; zeros beside it."""
    start, end = params.box[axis]
    matrix = np.zeros((length, length), np.float32)
    side = end - start
    if params.factor == 1 or not side:
        return np.eye(length, dtype=np.float32)
    small = max(1, round(side / params.factor))
    coarse = cv2.resize(np.eye(side, dtype=np.float32), (side, small), interpolation=cv2.INTER_AREA)
    matrix[start:end, start:end] = cv2.resize(coarse, (side, side))
    return matrix
