"""Sharpness: in the plane, also of volumes, whose sections lie further apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from nbtrainer.augment.box import Box, draw_box, inside


@dataclass(frozen=True)
class Blur:
    """Spread in pixels."""

    sigma: float = 0.0


@dataclass(frozen=True)
class Motion:
    """A line `length` pixels long at `angle` (radians), along which the `sections` are smeared."""

    length: int
    angle: float
    sections: tuple[int, ...]


@dataclass(frozen=True)
class CoarseBox:
    """A box `factor` times coarser along y and x."""

    box: Box
    factor: int


def draw_blur(rng: np.random.Generator, step: dict[str, Any], shape: Sequence[int]) -> Blur:
    return Blur(float(rng.uniform(0, step["sigma"])))


def draw_motion(rng: np.random.Generator, step: dict[str, Any], shape: Sequence[int]) -> Motion:
    """Any direction; of a volume some sections, an image whole."""
    angle = float(rng.uniform(0, np.pi))
    if len(shape) == 2:
        return Motion(step["length"], angle, (0,))
    count = min(step["sections"], shape[0])
    return Motion(step["length"], angle, tuple(sorted(map(int, rng.choice(shape[0], count, replace=False)))))


def draw_coarse_box(rng: np.random.Generator, step: dict[str, Any], shape: Sequence[int]) -> CoarseBox:
    box = draw_box(rng, step["share"], shape)
    return CoarseBox(box, int(rng.integers(2, step["factor"] + 1)) if step["factor"] > 1 else 1)


def soften(image: np.ndarray, label: np.ndarray, change: Blur) -> tuple[np.ndarray, np.ndarray]:
    """A Gaussian blur of every section."""
    if not change.sigma:
        return image, label
    planes = np.ascontiguousarray(image).reshape(-1, *image.shape[-2:])
    return np.stack([cv2.GaussianBlur(plane, (0, 0), change.sigma) for plane in planes]).reshape(image.shape), label


def smear(image: np.ndarray, label: np.ndarray, change: Motion) -> tuple[np.ndarray, np.ndarray]:
    """Some sections, each pixel the mean of those along a line through it."""
    if change.length == 1 or not change.sections:
        return image, label
    line = _line(change.length, change.angle)
    smeared = np.ascontiguousarray(image).copy()
    for channel in smeared.reshape(len(image), -1, *image.shape[-2:]):
        for section in change.sections:
            channel[section] = cv2.filter2D(channel[section], -1, line, borderType=cv2.BORDER_REFLECT)
    return smeared, label


def coarsen(image: np.ndarray, label: np.ndarray, change: CoarseBox) -> tuple[np.ndarray, np.ndarray]:
    """A box made smaller by averaging, and as large as before by interpolation."""
    index = inside(change.box)
    part = image[index]
    if change.factor == 1 or not part.size:
        return image, label
    height, width = part.shape[-2:]
    small = max(1, round(width / change.factor)), max(1, round(height / change.factor))
    coarse = [
        cv2.resize(cv2.resize(plane, small, interpolation=cv2.INTER_AREA), (width, height))
        for plane in np.ascontiguousarray(part).reshape(-1, height, width)
    ]
    changed = image.copy()
    changed[index] = np.stack(coarse).reshape(part.shape)
    return changed, label


def _line(length: int, angle: float) -> np.ndarray:
    """The weights (K, K) of a line through the middle, 1 together."""
    reach = (length - 1) / 2
    along = np.linspace(-reach, reach, 4 * length)
    middle = int(np.ceil(reach))
    kernel = np.zeros((2 * middle + 1, 2 * middle + 1), np.float32)
    rows, columns = np.rint(along * np.sin(angle)).astype(int), np.rint(along * np.cos(angle)).astype(int)
    np.add.at(kernel, (rows + middle, columns + middle), np.float32(1 / len(along)))
    return kernel
