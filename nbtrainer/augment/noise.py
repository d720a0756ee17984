"""Noise, independent for each pixel and channel; intensities stay between the channel's extremes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbtrainer.augment.box import Box, draw_box, inside
from nbtrainer.augment.intensity_range import extremes, from_shares, shares

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
class Noise:
    """`amount`: variance on a scale from the darkest pixel, 0, to the brightest, 1; or the share of pixels."""

    kind: str
    amount: float
    seed: int


@dataclass(frozen=True)
class NoisyBox:
    """`amount`: largest change of a pixel, as a share of the range."""

    box: Box
    amount: float
    seed: int


def draw_noise(rng: np.random.Generator, step: dict[str, Any], shape: Sequence[int]) -> Noise:
    """Low and high noise as listed; faint noise up to what is listed, little of it being the most frequent."""
    amounts = _AMOUNTS[step["level"]]
    kind = list(amounts)[int(rng.integers(len(amounts)))] if step["noise"] == "any" else step["noise"]
    amount = step["strength"] * amounts[kind]
    if step["level"] == "faint" and kind != "salt_and_pepper":
        amount *= float(rng.triangular(0, 0, 1))
    return Noise(kind, amount, int(rng.integers(2**32)))


def draw_noisy_box(rng: np.random.Generator, step: dict[str, Any], shape: Sequence[int]) -> NoisyBox:
    return NoisyBox(draw_box(rng, step["share"], shape), step["amount"], int(rng.integers(2**32)))


def add_noise(image: np.ndarray, label: np.ndarray, change: Noise) -> tuple[np.ndarray, np.ndarray]:
    """Noise on all of the image."""
    if not change.amount:
        return image, label
    rng = np.random.default_rng(change.seed)
    low, high = extremes(image)
    if change.kind == "salt_and_pepper":
        chance = rng.random(image.shape, dtype=np.float32)
        salted = np.where(chance < change.amount / 2, high, image)
        return np.where(chance > 1 - change.amount / 2, low, salted), label
    share = shares(image, low, high)
    if change.kind == "poisson":
        counts = rng.poisson(share / change.amount)
        return from_shares((counts * change.amount).astype(np.float32), low, high), label
    grains = rng.standard_normal(image.shape, dtype=np.float32)
    grains *= np.float32(np.sqrt(change.amount))
    if change.kind == "speckle":
        grains *= share
    elif change.kind == "local_variance":
        grains *= np.sqrt(share)
    share += grains
    return from_shares(share, low, high), label


def add_noise_to_box(image: np.ndarray, label: np.ndarray, change: NoisyBox) -> tuple[np.ndarray, np.ndarray]:
    """Evenly distributed noise in a box."""
    index = inside(change.box)
    if not change.amount or not image[index].size:
        return image, label
    low, high = extremes(image)
    grains = np.random.default_rng(change.seed).random(image[index].shape, dtype=np.float32)
    noisy = image.copy()
    noisy[index] = np.clip(image[index] + (grains * 2 - 1) * (np.float32(change.amount) * (high - low)), low, high)
    return noisy, label
