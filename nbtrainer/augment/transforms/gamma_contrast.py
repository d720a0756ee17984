"""A curve along which the intensities between a channel's extremes are mapped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from nbtrainer.augment.channel_range import channel_extremes, scale_from_unit, scale_to_unit
from nbtrainer.augment.device.arrays import batch_extremes, batch_from_unit, batch_to_unit, per_patch, percentiles
from nbtrainer.config.transforms.brightness import GammaContrast

# the menu and the numbers are EPySeg's
_CURVES: dict[str, list[tuple[float, ...]]] = {
    "percentiles": [(5, 95), (0.9, 98)],
    "gamma": [(0.4, 0.9), (0.8, 0.9)],
    "log": [()],
    "sigmoid": [(5,), (2,)],
}


@dataclass(frozen=True)
class GammaContrastParams:
    """`numbers`: two percentages; gamma and gain; none; the steepness. `strength` from 0, no change, to 1."""

    curve: str
    numbers: tuple[float, ...]
    strength: float


def sample_params(rng: np.random.Generator, settings: GammaContrast, shape: Sequence[int]) -> GammaContrastParams:
    names = list(_CURVES) if settings.curve == "any" else [settings.curve]
    name = names[int(rng.integers(len(names)))]
    return GammaContrastParams(name, _CURVES[name][int(rng.integers(len(_CURVES[name])))], settings.strength)


def apply(image: np.ndarray, label: np.ndarray, params: GammaContrastParams) -> tuple[np.ndarray, np.ndarray]:
    """`image` on its way to the curve, by `strength`."""
    if not params.strength:
        return image, label
    low, high = channel_extremes(image)
    scaled = scale_to_unit(image, low=low, high=high)
    scaled += np.float32(params.strength) * (_map_along_curve(scaled, params) - scaled)
    return scale_from_unit(scaled, low=low, high=high), label


def batch_key(params: GammaContrastParams) -> str:
    """Patches of one curve are changed together."""
    return params.curve


def apply_batch(images: torch.Tensor, params: Sequence[GammaContrastParams]) -> torch.Tensor:
    """The same for a batch of one curve."""
    low, high = batch_extremes(images)
    scaled = batch_to_unit(images, low=low, high=high)
    curve = _batch_along_curve(scaled, params)
    changed = scaled + per_patch([each.strength for each in params], images) * (curve - scaled)
    changes = per_patch([each.strength for each in params], images) > 0
    return torch.where(changes, batch_from_unit(changed, low=low, high=high), images)


def _map_along_curve(scaled: np.ndarray, params: GammaContrastParams) -> np.ndarray:
    """`scaled` (C, ...), from 0 to 1, along the curve in full."""
    if params.curve == "percentiles":
        ends = np.percentile(scaled.reshape(len(scaled), -1), params.numbers, axis=1).astype(np.float32)
        start, end = ends.reshape(2, -1, *[1] * (scaled.ndim - 1))
        return np.clip(scale_to_unit(scaled, low=start, high=end), 0, 1)
    if params.curve == "gamma":
        gamma, gain = params.numbers
        return gain * scaled**gamma
    if params.curve == "log":
        return np.log2(1 + scaled)
    return 1 / (1 + np.exp(params.numbers[0] * (0.5 - scaled)))


def _batch_along_curve(scaled: torch.Tensor, params: Sequence[GammaContrastParams]) -> torch.Tensor:
    """`scaled` (B, C, ...), from 0 to 1, along the curve in full."""
    curve = params[0].curve
    if curve == "log":
        return torch.log2(1 + scaled)
    first = [each.numbers[0] for each in params]
    if curve == "sigmoid":
        return 1 / (1 + torch.exp(per_patch(first, scaled) * (0.5 - scaled)))
    second = [each.numbers[1] for each in params]
    if curve == "percentiles":
        start, end = percentiles(scaled, first), percentiles(scaled, second)
        return torch.clamp(batch_to_unit(scaled, low=start, high=end), 0, 1)
    return per_patch(second, scaled) * scaled ** per_patch(first, scaled)
