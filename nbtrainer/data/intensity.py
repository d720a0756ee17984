"""Changes of brightness and sharpness: of the image only, never of its label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np


@dataclass(frozen=True)
class IntensityChange:
    """`brightness` is a share of the patch's range; `sigma` in pixels. The defaults change nothing."""

    brightness: float = 0.0
    contrast: float = 1.0
    gamma: float = 1.0
    sigma: float = 0.0


def draw_intensity(rng: np.random.Generator, steps: Sequence[dict[str, Any]]) -> list[IntensityChange]:
    """The intensity ones of `steps`, drawn, in their order."""
    drawn = []
    for step in steps:
        if step["kind"] == "blur" and rng.random() < step["probability"]:
            drawn.append(IntensityChange(sigma=rng.uniform(0, step["sigma"])))
        elif step["kind"] == "intensity" and rng.random() < step["probability"]:
            largest = np.log1p(step["gamma"])
            drawn.append(
                IntensityChange(
                    brightness=rng.uniform(-step["brightness"], step["brightness"]),
                    contrast=rng.uniform(1 - step["contrast"], 1 + step["contrast"]),
                    gamma=float(np.exp(rng.uniform(-largest, largest))),
                )
            )
    return drawn


def change_intensity(image: np.ndarray, change: IntensityChange) -> np.ndarray:
    """`image`, (C, [Z,] Y, X) float32, changed; gamma works between the extremes of each channel, blur in the plane."""
    if change.sigma > 0:
        planes = np.ascontiguousarray(image).reshape(-1, *image.shape[-2:])
        return np.stack([cv2.GaussianBlur(plane, (0, 0), change.sigma) for plane in planes]).reshape(image.shape)
    inside = tuple(range(1, image.ndim))
    low = image.min(axis=inside, keepdims=True)
    span = image.max(axis=inside, keepdims=True) - low
    if change.gamma != 1:
        share = np.divide(image - low, span, out=np.zeros_like(image), where=span > 0)
        image = cv2.pow(share.reshape(len(image), -1), change.gamma).reshape(image.shape) * span + low
    mean = image.mean(axis=inside, keepdims=True)
    shift = mean * (1 - change.contrast) + change.brightness * span
    return (image * np.float32(change.contrast) + shift).astype(np.float32)
