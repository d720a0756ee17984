"""Intensities brought into one range: measured once per image or data set, applied to any part of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from nbtrainer.data.statistics import IntensityStats, measure, pool
from nbtrainer.data.views import ArrayView

_DIVISORS = ("255", "4095", "65535")
# what was done by the versions whose checkpoints have no such entries
_EARLIER_VERSIONS: dict[str, Any] = {
    "outliers": "ignore",
    "outliers_percent": 0.1,
    "percentiles": (0.01, 99.99),
    "clip": True,
    "scope": "image",
    "per_channel": True,
    "invert": False,
}


@dataclass(frozen=True, kw_only=True)
class IntensityTransform:
    """`clip(x, low, high) * scale + offset`, for each channel: all (C, 1, 1) float64."""

    low: np.ndarray
    high: np.ndarray
    scale: np.ndarray
    offset: np.ndarray

    @cached_property
    def levels(self) -> np.ndarray:
        """Low, high, scale and offset as (4, C) float32, without infinities."""
        largest = np.finfo(np.float32).max
        rows = [np.clip(row, -largest, largest) for row in (self.low, self.high, self.scale, self.offset)]
        return np.array(rows, np.float32).reshape(4, -1)

    def apply(self, region: np.ndarray) -> np.ndarray:
        """A region (C, [Z,] Y, X) of the measured image, normalised, float32."""
        low, high, scale, offset = self.levels.reshape(4, -1, *[1] * (region.ndim - 1))
        values = region.astype(np.float32)
        if np.isfinite(self.low).any() or np.isfinite(self.high).any():
            np.clip(values, low, high, out=values)
        values *= scale
        values += offset
        return values

    @classmethod
    def unchanged(cls, channels: int) -> IntensityTransform:
        """What leaves an image of so many channels as it is."""
        low, high, scale, offset = (np.full(channels, number) for number in (-np.inf, np.inf, 1.0, 0.0))
        return cls(low=low, high=high, scale=scale, offset=offset)

    def as_record(self) -> dict[str, list[float]]:
        """Plain values for a checkpoint."""
        return {name: getattr(self, name).tolist() for name in ("low", "high", "scale", "offset")}

    @classmethod
    def from_record(cls, record: dict[str, list[float]]) -> IntensityTransform:
        return cls(**{name: np.array(values) for name, values in record.items()})


@dataclass(frozen=True, kw_only=True)
class Normalizer:
    """The rule; the fields are the settings of the same names. `invert`: bright becomes dark, before all else.

    `fixed`: what was measured on the whole training set, in the place of a measurement of each image.
    """

    outliers: str
    outliers_percent: float
    method: str
    range: tuple[float, float]
    percentiles: tuple[float, float]
    clip: bool
    scope: str
    per_channel: bool
    invert: bool
    fixed: IntensityTransform | None = None

    def as_record(self) -> dict[str, Any]:
        """Plain values for a checkpoint."""
        fixed = None if self.fixed is None else self.fixed.as_record()
        return {**vars(self), "range": list(self.range), "percentiles": list(self.percentiles), "fixed": fixed}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Normalizer:
        """The rule in a checkpoint, which may be of a version that had fewer fields."""
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in record.items()
        }
        values["fixed"] = IntensityTransform.from_record(record["fixed"]) if record.get("fixed") else None
        return cls(**(_EARLIER_VERSIONS | values))

    def measure(self, image: np.ndarray) -> IntensityTransform:
        """What the rule means for `image`, (C, [Z,] Y, X), as a whole."""
        return self.fit(measure(ArrayView(image)))

    def fit(self, channels: Sequence[IntensityStats]) -> IntensityTransform:
        """What the rule means for an image whose channels were measured.

        A constant image becomes the lower end (or the middle) of the range; values that are not finite do not count.
        """
        if self.fixed is not None:
            return self.fixed
        groups = channels if self.per_channel else pool([[channel] for channel in channels])
        measured = np.array([self._fit_channel(group) for group in groups], dtype=np.float64)
        low, high, scale, offset = np.broadcast_to(measured, (len(channels), 4)).T
        return IntensityTransform(low=low, high=high, scale=scale, offset=offset)

    def _fit_channel(self, known: IntensityStats) -> tuple[float, float, float, float]:
        """The map for the channel as it is, or for its negative, whose extremes are the same."""
        if not self.invert or not known.count:
            return self._limits_and_scale(known)
        ends = known.minimum + known.maximum
        low, high, scale, offset = self._limits_and_scale(known.mirror())
        return (ends - high, ends - low, -scale, scale * ends + offset)

    def _limits_and_scale(self, known: IntensityStats) -> tuple[float, float, float, float]:
        if not known.count:
            return (0.0, 0.0, 0.0, 0.0)
        low, high = -np.inf, np.inf
        if self.outliers in ("+", "+/-"):
            high = known.percentile(100 - self.outliers_percent)
        if self.outliers in ("-", "+/-"):
            low = known.percentile(self.outliers_percent)
        if self.outliers != "ignore":
            known = known.clip(low, high)
        start, end = self.range
        if self.method == "none":
            return (low, high, 1.0, 0.0)
        if self.method in _DIVISORS:
            scale = (end - start) / float(self.method)
            return (low, high, scale, start)
        if self.method == "z_score":
            scale = 1 / known.deviation if known.deviation > 0 else 0.0
            return (low, high, scale, -known.mean * scale)
        if self.method == "standardization":
            middle, half = (start + end) / 2, (end - start) / 2
            scale = half / known.deviation if known.deviation > 0 else 0.0
            return (low, high, scale, middle - known.mean * scale)
        if self.method == "mean":
            span = known.maximum - known.minimum
            scale = 1 / span if span > 0 else 0.0
            return (low, high, scale, -known.mean * scale)
        bottom, top = 0.0 if self.method == "max" else known.minimum, known.maximum
        if self.method == "percentile":
            bottom, top = (known.percentile(percent) for percent in self.percentiles)
            if self.clip:
                low, high = max(low, bottom), min(high, top)
        scale = (end - start) / (top - bottom) if top > bottom else 0.0
        return (low, high, scale, start - bottom * scale)
