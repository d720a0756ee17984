"""Scores from probabilities themselves, without a threshold: sums over pixels, from which the means follow."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from nbtrainer.metrics.pixels import PixelPredictions

# Keras' smallest probability
_SMALLEST = 1e-7
_TOP = 5


@dataclass(frozen=True, kw_only=True)
class ProbabilitySums:
    """Sums over the pixels of which something is known (`pixels`), and over channels where a mean is over both (`values`)."""

    pixels: float = 0.0
    values: float = 0.0
    logarithmic: float = 0.0
    percentage: float = 0.0
    binary_entropy: float = 0.0
    entropy: float = 0.0
    hinge: float = 0.0
    squared_hinge: float = 0.0
    poisson: float = 0.0
    # of one channel the parts of its cosine; of several the sum of the cosines of pixels
    product: float = 0.0
    squares: float = 0.0
    true_squares: float = 0.0
    cosines: float = 0.0
    among_top: float = 0.0

    def __add__(self, other: ProbabilitySums) -> ProbabilitySums:
        return ProbabilitySums(
            **{each.name: getattr(self, each.name) + getattr(other, each.name) for each in fields(self)}
        )


def sum_probabilities(predictions: PixelPredictions) -> ProbabilitySums:
    """Sums over batch and space of probabilities and truth (B, C, [Z,] Y, X), arrays or tensors on the processor.

    >>> probability, truth = np.array([[[0.5, 1.0]]]), np.array([[[1.0, np.nan]]])
    >>> sum_probabilities(PixelPredictions(probability, probability > 0.5, truth)).pixels
    1.0
    """
    p, truth = (np.moveaxis(np.asarray(each, float), 1, 0) for each in (predictions.probability, predictions.target))
    known = ~np.isnan(truth).any(axis=0)
    whole_p, truth = p[:, known], truth[:, known]
    p = np.clip(whole_p, _SMALLEST, 1 - _SMALLEST)
    margin = np.maximum(0, 1 - (2 * truth - 1) * p)
    entropy = -truth * np.log(p)
    lengths = np.sqrt((p**2).sum(axis=0) * (truth**2).sum(axis=0))
    several = len(p) > 1
    return ProbabilitySums(
        pixels=float(known.sum()),
        values=float(p.size),
        logarithmic=float(((np.log1p(p) - np.log1p(truth)) ** 2).sum()),
        percentage=float((np.abs(p - truth) / np.maximum(truth, _SMALLEST)).sum()),
        binary_entropy=float((entropy - (1 - truth) * np.log(1 - p)).sum()),
        entropy=float(entropy.sum()),
        hinge=float(margin.sum()),
        squared_hinge=float((margin**2).sum()),
        poisson=float((p + entropy).sum()),
        product=float((whole_p * truth).sum()),
        squares=float((whole_p**2).sum()),
        true_squares=float((truth**2).sum()),
        cosines=float(((p * truth).sum(axis=0) / np.maximum(lengths, _SMALLEST)).sum()) if several else 0.0,
        among_top=float(_is_among_top(p, truth=truth).sum()) if several else 0.0,
    )


def _is_among_top(p: np.ndarray, *, truth: np.ndarray) -> np.ndarray:
    """Whether the true class of each pixel is among the 5 most probable ones; p and truth (C, pixels)."""
    true_p = (p * truth).sum(axis=0)
    return np.asarray((p > true_p).sum(axis=0) < _TOP)


def mean_squared_logarithmic_error(sums: ProbabilitySums) -> float:
    """Mean of (log(1 + p) - log(1 + y))²."""
    return sums.logarithmic / max(1.0, sums.values)


def mean_absolute_percentage_error(sums: ProbabilitySums) -> float:
    """100 times the mean of |p - y| / max(y, 1e-7)."""
    return 100 * sums.percentage / max(1.0, sums.values)


def binary_crossentropy(sums: ProbabilitySums) -> float:
    """Mean of -y log p - (1 - y) log(1 - p)."""
    return sums.binary_entropy / max(1.0, sums.values)


def categorical_crossentropy(sums: ProbabilitySums) -> float:
    """Mean over pixels of -log p of the true class."""
    return sums.entropy / max(1.0, sums.pixels)


def kullback_leibler_divergence(sums: ProbabilitySums) -> float:
    """Mean over pixels of Σ y log(y / p), which for a truth of 0 and 1 is the cross-entropy; of one channel of both parts."""
    return categorical_crossentropy(sums) if sums.values > sums.pixels else binary_crossentropy(sums)


def hinge(sums: ProbabilitySums) -> float:
    """Mean of max(0, 1 - (2y - 1) p), of probabilities as Keras has it."""
    return sums.hinge / max(1.0, sums.values)


def squared_hinge(sums: ProbabilitySums) -> float:
    """Mean of max(0, 1 - (2y - 1) p)², of probabilities as Keras has it."""
    return sums.squared_hinge / max(1.0, sums.values)


def poisson(sums: ProbabilitySums) -> float:
    """Mean of p - y log p."""
    return sums.poisson / max(1.0, sums.values)


def cosine(sums: ProbabilitySums) -> float:
    """Cosine of the angle between prediction and truth: of classes in each pixel, then the mean; of one channel over the image,
    and no number if nothing is true there."""
    if sums.values > sums.pixels:
        return sums.cosines / sums.pixels
    if sums.true_squares == 0:
        return float("nan")
    return sums.product / float(np.sqrt(sums.squares * sums.true_squares)) if sums.squares else 0.0


def top_k_accuracy(sums: ProbabilitySums) -> float:
    """Share of pixels whose true class is among the 5 most probable ones."""
    return sums.among_top / max(1.0, sums.pixels)
