"""The range of intensities of each channel: changes work within it, whatever the normalization."""

from __future__ import annotations

import numpy as np


def extremes(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Minimum and maximum of each channel of `image` (C, ...), shaped to calculate with it."""
    inside = tuple(range(1, image.ndim))
    return image.min(axis=inside, keepdims=True), image.max(axis=inside, keepdims=True)


def shares(image: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """`image` between 0, at `low`, and 1, at `high`; 0 where both are the same."""
    span = high - low
    return (image - low) * np.divide(np.float32(1), span, out=np.zeros_like(span), where=span > 0)


def from_shares(share: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The opposite of `shares`, never beyond `low` and `high`; works in place."""
    share *= high - low
    share += low
    return np.clip(share, low, high, out=share)
