"""Scores from counts of pixels, of each class by itself; numpy arrays and torch tensors alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np


class PixelPredictions(NamedTuple):
    """What pixel scores compare: all (B, C, [Z,] Y, X), a channel for each class, or one for the foreground.

    `probability` is between 0 and 1, `predicted` boolean, `truth` 0, 1, or NaN where nothing is known.
    """

    probability: Any
    predicted: Any
    target: Any


@dataclass(kw_only=True)
class ConfusionCounts:
    """Pixels of each class that are rightly and wrongly called its own (positive) and not (negative).

    `squared` and `absolute` are sums of errors of the probabilities. Entries have one number for each class, the
    background first; just one number if there is only a foreground. Tensors of a graphics card are not waited for
    until a score is read.
    """

    true_positive: Any = 0
    false_positive: Any = 0
    false_negative: Any = 0
    true_negative: Any = 0
    squared: Any = 0.0
    absolute: Any = 0.0

    def __add__(self, other: ConfusionCounts) -> ConfusionCounts:
        return ConfusionCounts(**{name: value + getattr(other, name) for name, value in vars(self).items()})

    @property
    def known_pixels(self) -> float:
        """How many pixels were counted."""
        return float(np.max(_on_processor(_all(self))))

    def plain(self) -> dict[str, list[float]]:
        """The entries as lists of numbers."""
        return {name: np.atleast_1d(_on_processor(value)).astype(float).tolist() for name, value in vars(self).items()}

    @classmethod
    def from_plain(cls, record: dict[str, Any]) -> ConfusionCounts:
        return cls(**{name: np.atleast_1d(value).astype(float) for name, value in record.items()})


def count(pixels: PixelPredictions) -> ConfusionCounts:
    """Counts over batch and space.

    >>> probability, truth = np.array([[[[0.9, 0.2, 0.7]]]]), np.array([[[[1.0, 0.0, np.nan]]]])
    >>> counts = count(PixelPredictions(probability, probability > 0.5, truth))
    >>> counts.true_positive.tolist(), counts.true_negative.tolist(), counts.known_pixels
    ([1], [1], 2.0)
    """
    probability, predicted, truth = pixels
    known = truth == truth  # NaN is not itself, in numpy and torch alike
    is_true = truth > 0.5
    predicted = predicted & known
    axes = (0, *range(2, len(truth.shape)))
    hits = (predicted & is_true).sum(axes)
    # NaN times 0 is NaN: where nothing is known, the probability stands for the truth
    difference = (probability - is_true * 1.0) * known
    positive, true, size = predicted.sum(axes), is_true.sum(axes), known.sum(axes)
    return ConfusionCounts(
        true_positive=hits,
        false_positive=positive - hits,
        false_negative=true - hits,
        true_negative=size - positive - true + hits,
        squared=(difference**2).sum(axes),
        absolute=abs(difference).sum(axes),
    )


def per_class(counts: ConfusionCounts, values: np.ndarray | float) -> tuple[float, np.ndarray]:
    """A score's mean over the classes besides the background, and the score of each of those.

    Classes that are neither there nor predicted have no score (NaN) and do not enter the mean.

    >>> counts = ConfusionCounts(
    ...     true_positive=np.array([5, 4, 0]),
    ...     false_positive=np.array([1, 0, 0]),
    ...     false_negative=np.array([0, 1, 0]),
    ...     true_negative=np.array([0, 0, 0]),
    ... )
    >>> mean, own = per_class(counts, iou(counts))
    >>> mean, own.tolist()
    (0.8, [0.8, nan])
    """
    values = np.atleast_1d(values)
    if len(values) == 1:
        return float(values[0]), values
    occurs = _occurring(counts)[1:] > 0
    own = np.where(occurs, values[1:], np.nan)
    return (float(np.nanmean(own)) if occurs.any() else 1.0), own


def dice(counts: ConfusionCounts) -> np.ndarray:
    """2 TP / (2 TP + FP + FN); 1 where there is nothing to find and nothing was found.

    >>> dice(ConfusionCounts(true_positive=np.array([3]), false_positive=np.array([1]), false_negative=np.array([1]))).tolist()
    [0.75]
    """
    return _f_beta(counts, 1)


def f2(counts: ConfusionCounts) -> np.ndarray:
    """F-beta with beta 2: 5 TP / (5 TP + 4 FN + FP).

    >>> f2(ConfusionCounts(true_positive=np.array([3]), false_positive=np.array([1]), false_negative=np.array([1]))).tolist()
    [0.75]
    """
    return _f_beta(counts, 2)


def iou(counts: ConfusionCounts) -> np.ndarray:
    """TP / (TP + FP + FN); 1 where there is nothing to find and nothing was found.

    >>> iou(ConfusionCounts(true_positive=np.array([3]), false_positive=np.array([1]), false_negative=np.array([1]))).tolist()
    [0.6]
    """
    return _share(counts.true_positive, _occurring(counts), counts)


def accuracy(counts: ConfusionCounts) -> np.ndarray:
    """Share of all pixels whose class is right: (TP + TN) / all of a single foreground, else the sum of TP / all.

    >>> counts = ConfusionCounts(
    ...     true_positive=np.array([3]),
    ...     false_positive=np.array([1]),
    ...     false_negative=np.array([1]),
    ...     true_negative=np.array([5]),
    ... )
    >>> accuracy(counts).tolist()
    [0.8]
    """
    if len(np.atleast_1d(counts.true_positive)) == 1:
        return _share(counts.true_positive + counts.true_negative, _all(counts), counts)
    return _share(counts.true_positive.sum(), _all(counts)[0], counts)[:1]


def precision(counts: ConfusionCounts) -> np.ndarray:
    """TP / (TP + FP); 0 where nothing was found of what there is, 1 if there is nothing either.

    >>> precision(ConfusionCounts(true_positive=np.array([3]), false_positive=np.array([1]))).tolist()
    [0.75]
    """
    return _share(counts.true_positive, counts.true_positive + counts.false_positive, counts)


def recall(counts: ConfusionCounts) -> np.ndarray:
    """TP / (TP + FN); 0 where something was found although there is nothing, 1 if nothing was.

    >>> recall(ConfusionCounts(true_positive=np.array([3]), false_negative=np.array([3]))).tolist()
    [0.5]
    """
    return _share(counts.true_positive, counts.true_positive + counts.false_negative, counts)


def mean_squared_error(counts: ConfusionCounts) -> np.ndarray:
    """Mean of the squared differences between probability and truth.

    >>> probability, truth = np.array([[[0.5, 1.0]]]), np.array([[[1.0, 1.0]]])
    >>> mean_squared_error(count(PixelPredictions(probability, probability > 0.5, truth))).tolist()
    [0.125]
    """
    return np.asarray(counts.squared / np.maximum(1, _all(counts)))


def mean_absolute_error(counts: ConfusionCounts) -> np.ndarray:
    """Mean of the differences between probability and truth, without sign.

    >>> probability, truth = np.array([[[0.5, 1.0]]]), np.array([[[1.0, 1.0]]])
    >>> mean_absolute_error(count(PixelPredictions(probability, probability > 0.5, truth))).tolist()
    [0.25]
    """
    return np.asarray(counts.absolute / np.maximum(1, _all(counts)))


def _f_beta(counts: ConfusionCounts, beta: float) -> np.ndarray:
    hits = (1 + beta**2) * counts.true_positive
    return _share(hits, hits + beta**2 * counts.false_negative + counts.false_positive, counts)


def _share(part: Any, whole: Any, counts: ConfusionCounts) -> np.ndarray:
    """`part / whole`; without a whole 1 if the class is neither there nor predicted, else 0."""
    part, whole = np.atleast_1d(part), np.atleast_1d(whole)
    nothing = np.where(np.atleast_1d(_occurring(counts)) == 0, 1.0, 0.0)
    return np.divide(part, whole, out=nothing[: len(whole)], where=whole != 0)


def _occurring(counts: ConfusionCounts) -> Any:
    return counts.true_positive + counts.false_positive + counts.false_negative


def _all(counts: ConfusionCounts) -> Any:
    return counts.true_positive + counts.false_positive + counts.false_negative + counts.true_negative


def _on_processor(value: Any) -> Any:
    return value.cpu().numpy() if hasattr(value, "cpu") else value
