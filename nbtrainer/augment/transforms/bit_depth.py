"""Fewer shades between a channel's extremes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nbtrainer.augment.channel_range import channel_extremes, scale_from_unit, scale_to_unit
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
