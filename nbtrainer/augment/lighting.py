"""Uneven light: what is multiplied is the height above the darkest pixel, so that any normalization will do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from nbtrainer.augment.intensity_range import extremes

# the spot's spread, as a share of the patch
_SPREAD = 0.4
# places along each axis between which clouds are smooth
_CLOUD_KNOTS = 4


@dataclass(frozen=True)
class Light:
    """`place`, one number an axis: the direction that a ramp rises along, or the middle of a spot, from 0 to 1."""

    kind: str
    strength: float
    place: tuple[float, ...]
    seed: int


@dataclass(frozen=True)
class Border:
    """The border's width in pixels, and what is left of its light."""

    width: int
    left: float


def draw_light(rng: np.random.Generator, step: dict[str, Any], shape: Sequence[int]) -> Light:
    kind = ("ramp", "spot", "clouds")[int(rng.integers(3))] if step["light"] == "any" else step["light"]
    place = rng.normal(size=len(shape)) if kind == "ramp" else rng.random(len(shape))
    return Light(kind, float(rng.uniform(0, step["strength"])), tuple(map(float, place)), int(rng.integers(2**32)))


def draw_border(rng: np.random.Generator, step: dict[str, Any], shape: Sequence[int]) -> Border:
    return Border(step["width"], float(rng.uniform(1 - step["amount"], 1)))


def illuminate(image: np.ndarray, label: np.ndarray, change: Light) -> tuple[np.ndarray, np.ndarray]:
    """All channels in the same light: in full at the brightest place, less by `strength` at the darkest."""
    if not change.strength:
        return image, label
    low, high = extremes(image)
    light = _light(change, image.shape[1:])
    light -= light.max()
    light *= np.float32(change.strength) / max(float(-light.min()), 1e-6)
    light += 1
    lit = (image - low) * light
    lit += low
    return np.clip(lit, low, high, out=lit), label


def darken_border(image: np.ndarray, label: np.ndarray, change: Border) -> tuple[np.ndarray, np.ndarray]:
    """The outermost pixels along y and x."""
    if not change.width or change.left == 1:
        return image, label
    inside = np.zeros(image.shape[-2:], bool)
    inside[change.width : -change.width, change.width : -change.width] = True
    low, high = extremes(image)
    dark = (image - low) * np.float32(change.left) + low
    return np.where(inside, image, np.clip(dark, low, high)), label


def _light(change: Light, shape: tuple[int, ...]) -> np.ndarray:
    if change.kind == "clouds":
        return _clouds(np.random.default_rng(change.seed), shape)
    axes = [np.linspace(0, 1, length, dtype=np.float32) for length in shape]
    if change.kind == "ramp":
        parts = [np.float32(slope) * along for slope, along in zip(change.place, axes, strict=True)]
        return np.array(sum(np.ix_(*parts)), np.float32)
    light = np.ones(shape, np.float32)
    for part in np.ix_(
        *(np.exp(-((along - at) ** 2) / (2 * _SPREAD**2)) for at, along in zip(change.place, axes, strict=True))
    ):
        light *= part
    return light


def _clouds(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Random numbers at a few knots, smooth between them."""
    height, width = shape[-2:]
    if len(shape) == 2:
        knots = rng.random((_CLOUD_KNOTS, _CLOUD_KNOTS), dtype=np.float32)
        return cv2.resize(knots, (width, height), interpolation=cv2.INTER_CUBIC)
    knots = rng.random((_CLOUD_KNOTS, _CLOUD_KNOTS**2), dtype=np.float32)
    along_z = cv2.resize(knots, (_CLOUD_KNOTS**2, shape[0]), interpolation=cv2.INTER_CUBIC)
    planes = along_z.reshape(-1, _CLOUD_KNOTS, _CLOUD_KNOTS)
    return np.stack([cv2.resize(plane, (width, height), interpolation=cv2.INTER_CUBIC) for plane in planes])
