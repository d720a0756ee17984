"""The range of intensities of each channel: transforms work within it, whatever the normalization."""

from __future__ import annotations

import numpy as np


def channel_extremes(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Minimum and maximum of each channel of `image` (C, ...), shaped to calculate with it."""
    axes = tuple(range(1, image.ndim))
    return image.min(axis=axes, keepdims=True), image.max(axis=axes, keepdims=True)


def scale_to_unit(image: np.ndarray, *, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """`image` between 0, at `low`, and 1, at `high`; 0 where both are the same."""
    span = high - low
    return (image - low) * np.divide(np.float32(1), span, out=np.zeros_like(span), where=span > 0)


def scale_from_unit(scaled: np.ndarray, *, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The inverse of `scale_to_unit`, never beyond `low` and `high`; works in place."""
    scaled *= high - low
    scaled += low
    return np.clip(scaled, low, high, out=scaled)
