"""The intensities between two percentiles, over the whole range."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from nbtrainer.augment.channel_range import channel_extremes, scale_from_unit, scale_to_unit
from nbtrainer.augment.device.arrays import batch_extremes, batch_from_unit, batch_to_unit, percentiles
from nbtrainer.config.transforms.brightness import PercentileStretch


@dataclass(frozen=True)
class PercentileStretchParams:
    """Percentages, from 0 to 100, that become the ends of the range."""

    low: float
    high: float


def sample_params(
    rng: np.random.Generator, settings: PercentileStretch, shape: Sequence[int]
) -> PercentileStretchParams:
    low, high = rng.uniform(0, settings.percent, 2)
    return PercentileStretchParams(float(low), 100 - float(high))


def apply(image: np.ndarray, label: np.ndarray, params: PercentileStretchParams) -> tuple[np.ndarray, np.ndarray]:
    """What lies between two percentiles of each channel, over its whole range."""
    if (params.low, params.high) == (0, 100):
        return image, label
    low, high = channel_extremes(image)
    ends = np.percentile(image.reshape(len(image), -1), (params.low, params.high), axis=1).astype(np.float32)
    start, end = ends.reshape(2, -1, *[1] * (image.ndim - 1))
    # where most pixels are the same, the percentiles may be: nothing to stretch
    start, end = np.where(end > start, start, low), np.where(end > start, end, high)
    return scale_from_unit(scale_to_unit(image, low=start, high=end), low=low, high=high), label


def apply_batch(images: torch.Tensor, params: Sequence[PercentileStretchParams]) -> torch.Tensor:
    """The same for a batch."""
    low, high = batch_extremes(images)
    start = percentiles(images, [each.low for each in params])
    end = percentiles(images, [each.high for each in params])
    start, end = torch.where(end > start, start, low), torch.where(end > start, end, high)
    return batch_from_unit(batch_to_unit(images, low=start, high=end), low=low, high=high)
