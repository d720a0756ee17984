"""Intensities brought into one range: measured once per image, applied to any part of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class IntensityMap:
    """`clip(x, low, high) * scale + offset`, for each channel: all (C, 1, 1) float64."""

    low: np.ndarray
    high: np.ndarray
    scale: np.ndarray
    offset: np.ndarray

    def apply(self, region: np.ndarray) -> np.ndarray:
        """A region (C, [Z,] Y, X) of the measured image, normalised, float32."""
        shape = (-1,) + (1,) * (region.ndim - 1)
        values = region.astype(np.float32)
        if np.isfinite(self.low).any() or np.isfinite(self.high).any():
            low, high = (
                self.low.reshape(shape).astype(np.float32),
                self.high.reshape(shape).astype(np.float32),
            )
            np.clip(values, low, high, out=values)
        values *= self.scale.reshape(shape).astype(np.float32)
        values += self.offset.reshape(shape).astype(np.float32)
        return values


@dataclass(frozen=True)
class Normalizer:
    """The rule; the fields are the settings of the same names."""

    outliers: str = "ignore"
    outliers_percent: float = 0.1
    method: str = "rescaling"
    range: tuple[float, float] = (0.0, 1.0)
    per_channel: bool = True

    def measure(self, image: np.ndarray) -> IntensityMap:
        """What the rule means for `image`, (C, [Z,] Y, X), as a whole. A constant image becomes the lower end (or the
        middle) of the range; values that are not finite do not count."""
        groups = list(image) if self.per_channel else [image]
        measured = np.array([self._measure(group) for group in groups], dtype=np.float64)
        low, high, scale, offset = np.broadcast_to(measured, (len(image), 4)).T
        return IntensityMap(low, high, scale, offset)

    def _measure(self, values: np.ndarray) -> tuple[float, float, float, float]:
        known = values[np.isfinite(values)] if values.dtype.kind == "f" else values.ravel()
        if known.size == 0:
            return (0.0, 0.0, 0.0, 0.0)
        low, high = -np.inf, np.inf
        if self.outliers in ("+", "+/-"):
            high = float(np.percentile(known, 100 - self.outliers_percent))
        if self.outliers in ("-", "+/-"):
            low = float(np.percentile(known, self.outliers_percent))
        known = np.clip(known.astype(np.float32), low, high)
        start, end = self.range
        if self.method == "none":
            return (low, high, 1.0, 0.0)
        if self.method == "standardization":
            middle, half = (start + end) / 2, (end - start) / 2
            mean, deviation = float(known.mean(dtype=np.float64)), float(known.std(dtype=np.float64))
            scale = half / deviation if deviation > 0 else 0.0
            return (low, high, scale, middle - mean * scale)
        bottom = 0.0 if self.method == "max" else float(known.min())
        span = float(known.max()) - bottom
        scale = (end - start) / span if span > 0 else 0.0
        return (low, high, scale, start - bottom * scale)
