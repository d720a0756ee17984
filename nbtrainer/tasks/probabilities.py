"""Network outputs as probabilities, and Otsu's threshold, which a network has to beat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    pass  # takes seconds, and the form asks a kind for its metrics


def otsu(image: np.ndarray) -> np.ndarray:
    """Where the mean of the channels of image (C, [Z,] Y, X) is above Otsu's threshold: boolean ([Z,] Y, X)."""
    from skimage.filters import threshold_otsu

    grey = image.mean(axis=0)
    if grey.min() == grey.max():
        return np.zeros(grey.shape, bool)
    return np.asarray(grey > threshold_otsu(grey))


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Logits as probabilities; float32, the same shape."""
    return (0.5 * (1 + np.tanh(0.5 * logits))).astype(np.float32)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Logits (K, ...) of classes that exclude each other as shares that sum to 1; float32, the same shape."""
    shares = np.exp(logits - logits.max(axis=0))
    return (shares / shares.sum(axis=0)).astype(np.float32)


def smallest_type(largest: int) -> type[np.unsignedinteger[Any]]:
    """The smallest unsigned type that holds `largest`."""
    return np.uint8 if largest < 2**8 else np.uint16 if largest < 2**16 else np.uint32
