"""Whole numbers: comparisons and counts that every promised version of numpy answers, and answers alike."""

from __future__ import annotations

import numpy as np


def equals(labels: np.ndarray, value: int | None) -> np.ndarray:
    """Where `labels` (numbers, any shape) are `value`: boolean, same shape; None is nowhere.

    The same as `labels == value`, with which numpy 2.1 (Colab's) ends the process where `labels` are a part of a
    larger array and their type cannot hold `value`: a crop of uint8 and an ignore value of 2**32 - 1, or of -1.

    >>> equals(np.array([0, 255], np.uint8), -1)
    array([False, False])
    """
    if value is None:
        return np.zeros(labels.shape, bool)
    if labels.dtype.kind == "b":
        labels = labels.view(np.uint8)
    if labels.dtype.kind in "ui":
        bounds = np.iinfo(labels.dtype)
        if not bounds.min <= value <= bounds.max:
            return np.zeros(labels.shape, bool)
    return labels == labels.dtype.type(value)


def bincount(index: np.ndarray, weights: np.ndarray | None = None, minlength: int = 0) -> np.ndarray:
    """How often each whole number from 0 occurs in `index`, of any type and shape; with `weights`, their sums.

    `numpy.bincount` takes no unsigned numbers of 64 bits before 2.4, and libraries that number objects return them.

    >>> bincount(np.array([[0, 2], [2, 2]], np.uint64))
    array([1, 0, 3])
    """
    flat = None if weights is None else np.asarray(weights).ravel()
    return np.bincount(np.asarray(index).ravel().astype(np.intp, copy=False), flat, minlength)
