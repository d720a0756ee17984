"""Noise in a box; intensities stay between the channel's extremes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from nbtrainer.augment.box import Box, box_index, sample_box
from nbtrainer.augment.channel_range import channel_extremes
from nbtrainer.augment.device.arrays import batch_extremes, box_mask, per_patch, upload
from nbtrainer.config.transforms.noise import CutNoise


@dataclass(frozen=True)
class CutNoiseParams:
    """`amount`: largest change of a pixel, as a share of the channel's range."""

    box: Box
    amount: float
    seed: int


def sample_params(rng: np.random.Generator, settings: CutNoise, shape: Sequence[int]) -> CutNoiseParams:
    box = sample_box(rng, settings.size_fraction, shape)
    return CutNoiseParams(box, settings.amount, int(rng.integers(2**32)))


def apply(image: np.ndarray, label: np.ndarray, params: CutNoiseParams) -> tuple[np.ndarray, np.ndarray]:
    """Uniform noise in a box."""
    index = box_index(params.box)
    if not params.amount or not image[index].size:
        return image, label
    low, high = channel_extremes(image)
    grains = np.random.default_rng(params.seed).random(image[index].shape, dtype=np.float32)
    noisy = image.copy()
    noisy[index] = np.clip(image[index] + (grains * 2 - 1) * (np.float32(params.amount) * (high - low)), low, high)
    return noisy, label


def apply_batch(images: torch.Tensor, params: Sequence[CutNoiseParams]) -> torch.Tensor:
    """The same for a batch, with the same random numbers."""
    low, high = batch_extremes(images)
    grains = np.zeros(tuple(images.shape), np.float32)
    for field, each in zip(grains, params, strict=True):
        index = box_index(each.box)
        field[index] = np.random.default_rng(each.seed).random(field[index].shape, dtype=np.float32) * 2 - 1
    noise = upload(grains, images.device) * (per_patch([each.amount for each in params], images) * (high - low))
    return torch.where(box_mask([each.box for each in params], images), torch.clamp(images + noise, low, high), images)
