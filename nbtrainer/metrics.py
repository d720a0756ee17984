"""Scores of a binary prediction, from counts of pixels; works on numpy arrays and torch tensors alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nbtrainer.catalog import LOWER_IS_BETTER, METRICS


@dataclass
class Counts:
    """Pixels that are rightly and wrongly called foreground (positive) and background (negative).

    `squared` and `absolute` are sums of errors of the probabilities. Entries may be numbers or 0-d tensors: tensors
    of a graphics card are not waited for until a score is read.
    """

    true_positive: Any = 0
    false_positive: Any = 0
    false_negative: Any = 0
    true_negative: Any = 0
    squared: Any = 0.0
    absolute: Any = 0.0

    def __add__(self, other: Counts) -> Counts:
        return Counts(**{name: value + getattr(other, name) for name, value in vars(self).items()})

    def plain(self) -> dict[str, float]:
        """The entries as numbers."""
        return {name: float(value) for name, value in vars(self).items()}


def count(probability: Any, truth: Any, threshold: float) -> Counts:
    """Counts of `probability` (any shape, 0 to 1) against `truth` (same shape: boolean, or 0, 1, and NaN for unknown)."""
    known = truth == truth  # NaN is not itself, in numpy and torch alike
    truth = truth > 0.5
    predicted = (probability > threshold) & known
    hits = (predicted & truth).sum()
    difference = (probability - truth * 1.0) * known
    positive, true, size = predicted.sum(), truth.sum(), known.sum()
    return Counts(
        hits,
        positive - hits,
        true - hits,
        size - positive - true + hits,
        (difference**2).sum(),
        abs(difference).sum(),
    )


def scores(counts: Counts, metrics: list[str]) -> dict[str, float]:
    """The metrics of these names."""
    plain = Counts(**counts.plain())
    return {name: METRICS.load(name)(plain) for name in metrics}


def higher_is_better(name: str) -> bool:
    """Whether a larger value of the score `name` (`validation_dice`, `train_loss`, ...) is better."""
    return name.removeprefix("validation_").removeprefix("train_") not in LOWER_IS_BETTER


def dice(counts: Counts) -> float:
    """2 TP / (2 TP + FP + FN); 1 where there is nothing to find and nothing was found."""
    return _f_beta(counts, 1)


def f2(counts: Counts) -> float:
    """F-beta with beta 2: 5 TP / (5 TP + 4 FN + FP)."""
    return _f_beta(counts, 2)


def iou(counts: Counts) -> float:
    """TP / (TP + FP + FN)."""
    return _share(counts.true_positive, counts.true_positive + counts.false_positive + counts.false_negative)


def accuracy(counts: Counts) -> float:
    """(TP + TN) / all."""
    return _share(counts.true_positive + counts.true_negative, _all(counts))


def precision(counts: Counts) -> float:
    """TP / (TP + FP)."""
    return _share(counts.true_positive, counts.true_positive + counts.false_positive)


def recall(counts: Counts) -> float:
    """TP / (TP + FN)."""
    return _share(counts.true_positive, counts.true_positive + counts.false_negative)


def mean_squared_error(counts: Counts) -> float:
    """Mean of the squared differences between probability and truth."""
    return float(counts.squared / max(1, _all(counts)))


def mean_absolute_error(counts: Counts) -> float:
    """Mean of the differences between probability and truth, without sign."""
    return float(counts.absolute / max(1, _all(counts)))


def _f_beta(counts: Counts, beta: float) -> float:
    hits = (1 + beta**2) * counts.true_positive
    return _share(hits, hits + beta**2 * counts.false_negative + counts.false_positive)


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else 1.0


def _all(counts: Counts) -> float:
    return counts.true_positive + counts.false_positive + counts.false_negative + counts.true_negative
