"""Curves along which the scale of intensities is bent, within the patch's range."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbtrainer.augment.intensity_range import extremes, from_shares, shares

# the menu and the numbers are EPySeg's
_CURVES: dict[str, list[tuple[float, ...]]] = {
    "percentiles": [(5, 95), (0.9, 98)],
    "gamma": [(0.4, 0.9), (0.8, 0.9)],
    "log": [()],
    "sigmoid": [(5,), (2,)],
}


@dataclass(frozen=True)
class Curve:
    """`numbers`: two percentages; gamma and gain; none; the steepness. `strength` from 0, no change, to 1."""

    name: str
    numbers: tuple[float, ...]
    strength: float


@dataclass(frozen=True)
class Stretch:
    """Percentages that become the ends of the range."""

    low: float = 0.0
    high: float = 100.0


@dataclass(frozen=True)
class Bits:
    """How many of 16 bits are lost."""

    lost: int = 0


@dataclass(frozen=True)
class Inversion:
    """Dark for bright."""


def draw_curve(rng: np.random.Generator, step: dict[str, Any], shape: Sequence[int]) -> Curve:
    names = list(_CURVES) if step["curve"] == "any" else [step["curve"]]
    name = names[int(rng.integers(len(names)))]
    return Curve(name, _CURVES[name][int(rng.integers(len(_CURVES[name])))], step["strength"])


def draw_stretch(rng: np.random.Generator, step: dict[str, Any], shape: Sequence[int]) -> Stretch:
    low, high = rng.uniform(0, step["percent"], 2)
    return Stretch(float(low), 100 - float(high))


def draw_bits(rng: np.random.Generator, step: dict[str, Any], shape: Sequence[int]) -> Bits:
    """Of a triangle that peaks at 8 where 14 bits are the most."""
    most = step["bits"]
    return Bits(int(rng.triangular(0, most * 8 / 14, most)) if most else 0)


def draw_inversion(rng: np.random.Generator, step: dict[str, Any], shape: Sequence[int]) -> Inversion:
    return Inversion()


def bend(image: np.ndarray, label: np.ndarray, change: Curve) -> tuple[np.ndarray, np.ndarray]:
    """`image` on its way to the curve, by `strength`."""
    if not change.strength:
        return image, label
    low, high = extremes(image)
    share = shares(image, low, high)
    if change.name == "percentiles":
        ends = np.percentile(share.reshape(len(share), -1), change.numbers, axis=1).astype(np.float32)
        start, end = ends.reshape(2, -1, *[1] * (image.ndim - 1))
        bent = np.clip(shares(share, start, end), 0, 1)
    elif change.name == "gamma":
        gamma, gain = change.numbers
        bent = gain * share**gamma
    elif change.name == "log":
        bent = np.log2(1 + share)
    else:
        bent = 1 / (1 + np.exp(change.numbers[0] * (0.5 - share)))
    share += np.float32(change.strength) * (bent - share)
    return from_shares(share, low, high), label


def stretch(image: np.ndarray, label: np.ndarray, change: Stretch) -> tuple[np.ndarray, np.ndarray]:
    """What lies between two percentiles of each channel, over its whole range."""
    if change == Stretch():
        return image, label
    low, high = extremes(image)
    ends = np.percentile(image.reshape(len(image), -1), (change.low, change.high), axis=1).astype(np.float32)
    start, end = ends.reshape(2, -1, *[1] * (image.ndim - 1))
    # where most pixels are the same, the percentiles may be: nothing to stretch
    start, end = np.where(end > start, start, low), np.where(end > start, end, high)
    return from_shares(shares(image, start, end), low, high), label


def reduce_bits(image: np.ndarray, label: np.ndarray, change: Bits) -> tuple[np.ndarray, np.ndarray]:
    """2 ** (16 - lost) evenly spaced shades in each channel; its extremes are two of them."""
    if not change.lost:
        return image, label
    low, high = extremes(image)
    steps = np.float32(2 ** (16 - change.lost) - 1)
    share = shares(image, low, high)
    share *= steps
    np.rint(share, out=share)
    share /= steps
    return from_shares(share, low, high), label


def invert(image: np.ndarray, label: np.ndarray, change: Inversion) -> tuple[np.ndarray, np.ndarray]:
    """The negative of each channel, between the same extremes."""
    low, high = extremes(image)
    return np.clip((low + high) - image, low, high), label
