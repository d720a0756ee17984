"""Sections blurred along a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from nbtrainer.config.transforms.blur import MotionBlur


@dataclass(frozen=True)
class MotionBlurParams:
    """A line `length` pixels long at `angle` (radians), along which the `sections` are blurred."""

    length: int
    angle: float
    sections: tuple[int, ...]


def sample_params(rng: np.random.Generator, settings: MotionBlur, shape: Sequence[int]) -> MotionBlurParams:
    """Any direction; some sections of a volume, an image whole."""
    angle = float(rng.uniform(0, np.pi))
    if len(shape) == 2:
        return MotionBlurParams(settings.length, angle, (0,))
    count = min(settings.sections, shape[0])
    sections = rng.choice(shape[0], count, replace=False)
    return MotionBlurParams(settings.length, angle, tuple(sorted(map(int, sections))))


def apply(image: np.ndarray, label: np.ndarray, params: MotionBlurParams) -> tuple[np.ndarray, np.ndarray]:
    """Each pixel of the sections is the mean of those along a line through it."""
    if params.length == 1 or not params.sections:
        return image, label
    kernel = _line_kernel(params.length, params.angle)
    blurred = np.ascontiguousarray(image).copy()
    for channel in blurred.reshape(len(image), -1, *image.shape[-2:]):
        for section in params.sections:
            channel[section] = cv2.filter2D(channel[section], -1, kernel, borderType=cv2.BORDER_REFLECT)
    return blurred, label


def _line_kernel(length: int, angle: float) -> np.ndarray:
    """The weights (K, K) of a line through the middle; their sum is 1."""
    reach = (length - 1) / 2
    along = np.linspace(-reach, reach, 4 * length)
    middle = int(np.ceil(reach))
    kernel = np.zeros((2 * middle + 1, 2 * middle + 1), np.float32)
    rows, columns = np.rint(along * np.sin(angle)).astype(int), np.rint(along * np.cos(angle)).astype(int)
    np.add.at(kernel, (rows + middle, columns + middle), np.float32(1 / len(along)))
    return kernel
