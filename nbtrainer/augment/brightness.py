"""Brightness, contrast and gamma."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbtrainer.augment.adjust_intensity import adjust_rows


@dataclass(frozen=True)
class Adjustment:
    """Gamma, then contrast about the mean, then `brightness`, a share of the range: one number for all, or one for each
    section of a volume. The defaults change nothing."""

    brightness: tuple[float, ...] = (0.0,)
    contrast: tuple[float, ...] = (1.0,)
    gamma: tuple[float, ...] = (1.0,)


@dataclass(frozen=True)
class Shift:
    """What is added to all intensities."""

    offset: float = 0.0


def draw_intensity(rng: np.random.Generator, step: dict[str, Any], shape: Sequence[int]) -> Adjustment:
    """Brightness, contrast and gamma of a volume's sections together or, `per_section`, one by one."""
    count = shape[0] if step["per_section"] and len(shape) == 3 else 1
    largest = math.log1p(step["gamma"])
    brightness, contrast, gamma = rng.uniform(-1, 1, (3, count)).tolist()
    return Adjustment(
        brightness=tuple(step["brightness"] * share for share in brightness),
        contrast=tuple(1 + step["contrast"] * share for share in contrast),
        gamma=tuple(math.exp(largest * share) for share in gamma),
    )


def draw_gamma(rng: np.random.Generator, step: dict[str, Any], shape: Sequence[int]) -> Adjustment:
    """A gamma of the triangle from `lowest` over 1 to `highest`."""
    if step["lowest"] == step["highest"]:
        return Adjustment()
    return Adjustment(gamma=(float(rng.triangular(step["lowest"], 1, step["highest"])),))


def draw_shift(rng: np.random.Generator, step: dict[str, Any], shape: Sequence[int]) -> Shift:
    return Shift(float(rng.uniform(-step["offset"], step["offset"])))


def adjust(image: np.ndarray, label: np.ndarray, change: Adjustment) -> tuple[np.ndarray, np.ndarray]:
    """Brightness, contrast and gamma of each channel; gamma works between its extremes."""
    if not any(change.brightness) and {*change.contrast, *change.gamma} == {1.0}:
        return image, label
    rows = np.ascontiguousarray(image).reshape(len(image) * len(change.gamma), -1)
    out = np.empty_like(rows)
    adjust_rows(rows, np.array(change.brightness), np.array(change.contrast), np.array(change.gamma), out)
    return out.reshape(image.shape), label


def shift(image: np.ndarray, label: np.ndarray, change: Shift) -> tuple[np.ndarray, np.ndarray]:
    """All channels by the same number."""
    return (image + np.float32(change.offset) if change.offset else image), label
