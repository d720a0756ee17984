"""Noise, independent for each pixel and channel; intensities stay between the channel's extremes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from nbtrainer.augment.channel_range import channel_extremes, scale_from_unit, scale_to_unit
from nbtrainer.augment.device.arrays import batch_extremes, batch_from_unit, batch_to_unit, per_patch, upload
from nbtrainer.config.transforms.noise import Noise

# variance on a scale from darkest 0 to brightest 1 (Poisson, local variance: at 1), or the share of pixels.
# low and high are EPySeg's; faint are Omnipose's speckle, salt and pepper, and the others to match
_AMOUNTS: dict[str, dict[str, float]] = {
    "faint": {
        "gaussian": 0.0025,
        "local_variance": 0.0025,
        "poisson": 1 / 1024,
        "salt_and_pepper": 0.001,
        "speckle": 0.01,
    },
    "low": {"gaussian": 0.025, "local_variance": 0.025, "poisson": 1 / 256, "salt_and_pepper": 0.1, "speckle": 0.1},
    "high": {"gaussian": 0.1, "local_variance": 0.1, "poisson": 1 / 64, "salt_and_pepper": 0.25, "speckle": 0.4},
}


@dataclass(frozen=True)
class NoiseParams:
    """`amount`: variance on a scale from the darkest pixel, 0, to the brightest, 1; or the share of pixels."""

    distribution: str
    amount: float
    seed: int


def sample_params(rng: np.random.Generator, settings: Noise, shape: Sequence[int]) -> NoiseParams:
    """Low and high noise as listed; faint noise up to what is listed, little of it being the most frequent."""
    amounts = _AMOUNTS[settings.level]
    distribution = list(amounts)[int(rng.integers(len(amounts)))] if settings.noise == "any" else settings.noise
    amount = settings.strength * amounts[distribution]
    if settings.level == "faint" and distribution != "salt_and_pepper":
        amount *= float(rng.triangular(0, 0, 1))
    return NoiseParams(distribution, amount, int(rng.integers(2**32)))


def apply(image: np.ndarray, label: np.ndarray, params: NoiseParams) -> tuple[np.ndarray, np.ndarray]:
    """Noise on all of the image."""
    if not params.amount:
        return image, label
    rng = np.random.default_rng(params.seed)
    low, high = channel_extremes(image)
    if params.distribution == "salt_and_pepper":
        chance = rng.random(image.shape, dtype=np.float32)
        salted = np.where(chance < params.amount / 2, high, image)
        return np.where(chance > 1 - params.amount / 2, low, salted), label
    scaled = scale_to_unit(image, low=low, high=high)
    if params.distribution == "poisson":
        counts = rng.poisson(scaled / params.amount)
        return scale_from_unit((counts * params.amount).astype(np.float32), low=low, high=high), label
    grains = rng.standard_normal(image.shape, dtype=np.float32)
    grains *= np.float32(np.sqrt(params.amount))
    if params.distribution == "speckle":
        grains *= scaled
    elif params.distribution == "local_variance":
        grains *= np.sqrt(scaled)
    scaled += grains
    return scale_from_unit(scaled, low=low, high=high), label


def batch_key(params: NoiseParams) -> str | None:
    """Patches of one distribution together; how many numbers Poisson's takes from the generator depends on the image."""
    return None if params.distribution == "poisson" and params.amount else params.distribution


def apply_batch(images: torch.Tensor, params: Sequence[NoiseParams]) -> torch.Tensor:
    """The same for a batch of one distribution, with the same random numbers."""
    distribution, shape = params[0].distribution, images.shape[1:]
    low, high = batch_extremes(images)
    amounts = [each.amount for each in params]
    if distribution == "poisson":  # of amount 0
        return images
    generators = [np.random.default_rng(each.seed) for each in params]
    if distribution == "salt_and_pepper":
        chance = upload(np.stack([rng.random(shape, dtype=np.float32) for rng in generators]), images.device)
        half = per_patch([amount / 2 for amount in amounts], images)
        above = per_patch([1 - amount / 2 for amount in amounts], images)
        return torch.where(chance > above, low, torch.where(chance < half, high, images))
    deviations = np.sqrt(np.array(amounts, np.float32))
    grains = [
        rng.standard_normal(shape, dtype=np.float32) * deviation
        for rng, deviation in zip(generators, deviations, strict=True)
    ]
    scaled, noise = batch_to_unit(images, low=low, high=high), upload(np.stack(grains), images.device)
    if distribution == "speckle":
        noise = noise * scaled
    elif distribution == "local_variance":
        noise = noise * scaled.sqrt()
    return batch_from_unit(scaled + noise, low=low, high=high)
