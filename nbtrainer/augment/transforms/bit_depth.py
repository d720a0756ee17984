"""Fewer shades between a channel's extremes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from nbtrainer.augment.channel_range import channel_extremes, scale_from_unit, scale_to_unit
from nbtrainer.augment.device.arrays import batch_extremes, batch_from_unit, batch_to_unit, per_patch
from nbtrainer.config.transforms.artefacts import BitDepth


@dataclass(frozen=True)
class BitDepthParams:
    """How many of 16 bits are lost."""

    lost_bits: int


def sample_params(rng: np.random.Generator, settings: BitDepth, shape: Sequence[int]) -> BitDepthParams:
    """Of a triangular distribution that peaks at 8 where 14 bits are the most."""
    most = settings.bits
    return BitDepthParams(int(rng.triangular(0, most * 8 / 14, most)) if most else 0)


def apply(image: np.ndarray, label: np.ndarray, params: BitDepthParams) -> tuple[np.ndarray, np.ndarray]:
    """2 ** (16 - lost_bits) evenly spaced shades in each channel; its extremes are two of them."""
    if not params.lost_bits:
        return image, label
    low, high = channel_extremes(image)
    intervals = np.float32(2 ** (16 - params.lost_bits) - 1)
    scaled = scale_to_unit(image, low=low, high=high)
    scaled *= intervals
    np.rint(scaled, out=scaled)
    scaled /= intervals
    return scale_from_unit(scaled, low=low, high=high), label


def apply_batch(images: torch.Tensor, params: Sequence[BitDepthParams]) -> torch.Tensor:
    """The same for a batch."""
    low, high = batch_extremes(images)
    intervals = per_patch([2 ** (16 - each.lost_bits) - 1 for each in params], images)
    shades = torch.round(batch_to_unit(images, low=low, high=high) * intervals) / intervals
    changes = per_patch([each.lost_bits for each in params], images) > 0
    return torch.where(changes, batch_from_unit(shades, low=low, high=high), images)
