"""Losses that are errors, distances and margins of single pixels, averaged over pixels and channels."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from math import log

import torch
from torch.nn import functional as F

from nbtrainer.losses.one_hot import Judged, OneHotLoss, mean_of_known, over_space
from nbtrainer.losses.pixels import of_known, rare_weights

# Keras' smallest truth of an error in percent
_SMALLEST_TRUTH = 1e-7


class ErrorOfPixels(OneHotLoss):
    """Mean of an error that each probability has by itself."""

    def measure(self, pixels: Judged) -> torch.Tensor:
        return mean_of_known(self.error(self.chances(pixels), truth=pixels.truth), known=pixels.known)

    @abstractmethod
    def error(self, p: torch.Tensor, *, truth: torch.Tensor) -> torch.Tensor:
        """The error of each probability, of the same shape."""


class SquaredError(OneHotLoss):
    """Mean of w (p - y)²; `balance`: see `nbtrainer.losses.pixels.rare_weights`."""

    def __init__(self, classes: int = 0, class_weights: Sequence[float] | None = None, *, balance: float) -> None:
        super().__init__(classes, class_weights)
        self.balance = balance

    def measure(self, pixels: Judged) -> torch.Tensor:
        p = self.chances(pixels)
        if not self.balance:
            return of_known(self._error(p, truth=pixels.truth, reduction="mean"), known=pixels.known)
        weights = rare_weights(pixels.truth, self.balance, known=pixels.known)
        return mean_of_known(weights * self._error(p, truth=pixels.truth, reduction="none"), known=pixels.known)

    def _error(self, p: torch.Tensor, *, truth: torch.Tensor, reduction: str) -> torch.Tensor:
        return F.mse_loss(p, truth, reduction=reduction)


class AbsoluteError(SquaredError):
    """Mean of w |p - y|."""

    def _error(self, p: torch.Tensor, *, truth: torch.Tensor, reduction: str) -> torch.Tensor:
        return F.l1_loss(p, truth, reduction=reduction)


class Huber(ErrorOfPixels):
    """Mean of d² / 2 where d = |p - y| is at most `delta`, else of delta (d - delta / 2)."""

    def __init__(self, classes: int = 0, class_weights: Sequence[float] | None = None, *, delta: float) -> None:
        super().__init__(classes, class_weights)
        self.delta = delta

    def error(self, p: torch.Tensor, *, truth: torch.Tensor) -> torch.Tensor:
        return F.huber_loss(p, truth, reduction="none", delta=self.delta)


class LogCosh(ErrorOfPixels):
    """Mean of log cosh(p - y)."""

    def error(self, p: torch.Tensor, *, truth: torch.Tensor) -> torch.Tensor:
        difference = p - truth
        return difference + F.softplus(-2 * difference) - log(2)


class SquaredLogarithmicError(ErrorOfPixels):
    """Mean of (log(1 + p) - log(1 + y))²."""

    def error(self, p: torch.Tensor, *, truth: torch.Tensor) -> torch.Tensor:
        return (p.log1p() - truth.log1p()).square()


class PercentageError(ErrorOfPixels):
    """100 times the mean of |p - y| / max(y, 1e-7)."""

    def error(self, p: torch.Tensor, *, truth: torch.Tensor) -> torch.Tensor:
        return 100 * (p - truth).abs() / truth.clamp_min(_SMALLEST_TRUTH)


class Poisson(OneHotLoss):
    """Mean of p - y log p."""

    def measure(self, pixels: Judged) -> torch.Tensor:
        return mean_of_known(self.chances(pixels) - pixels.truth * self.log_chances(pixels), known=pixels.known)


class Divergence(OneHotLoss):
    """Kullback-Leibler divergence: of classes the mean over pixels of Σ_c y log(y / p); of separate channels the mean over
    pixels and channels of y log(y / p) + (1 - y) log((1 - y) / (1 - p)).

    Keras leaves the second part out, so that all would become foreground.
    """

    def measure(self, pixels: Judged) -> torch.Tensor:
        if self.classes:
            values = pixels.truth.xlogy(pixels.truth) - pixels.truth * self.log_chances(pixels)
            return mean_of_known(values.sum(1, keepdim=True), known=pixels.known)
        own = pixels.truth.xlogy(pixels.truth) + (1 - pixels.truth).xlogy(1 - pixels.truth)
        return mean_of_known(
            own + F.binary_cross_entropy_with_logits(pixels.logits, pixels.truth, reduction="none"), known=pixels.known
        )


class Cosine(OneHotLoss):
    """1 - Σpy / (|p| |y|): of classes in each pixel, then the mean over pixels; of separate channels over batch and space of
    each, then the mean over channels, with `smoothing` s: (Σpy + s) / sqrt((Σp² + s) (Σy² + s))."""

    def __init__(self, classes: int = 0, class_weights: Sequence[float] | None = None, *, smoothing: float) -> None:
        super().__init__(classes, class_weights)
        self.smoothing = smoothing

    def measure(self, pixels: Judged) -> torch.Tensor:
        if self.classes:
            p = pixels.logits.softmax(1)
            return mean_of_known(
                1 - (p * pixels.truth).sum(1, keepdim=True) / p.square().sum(1, keepdim=True).sqrt(), known=pixels.known
            )
        p, axes = self.chances(pixels), (0, *over_space(pixels.logits))
        lengths = (p.square().sum(axes) + self.smoothing) * (pixels.truth.square().sum(axes) + self.smoothing)
        return (1 - ((p * pixels.truth).sum(axes) + self.smoothing) / lengths.sqrt()).mean()


class Hinge(OneHotLoss):
    """Mean of max(0, 1 - (2y - 1) z) of logits z.

    Of probabilities, as Keras would have it behind a sigmoid, it is the mean absolute error and a constant.
    """

    def measure(self, pixels: Judged) -> torch.Tensor:
        return mean_of_known(self.punish((1 - (2 * pixels.truth - 1) * pixels.logits).relu()), known=pixels.known)

    def punish(self, missing: torch.Tensor) -> torch.Tensor:
        """What each pixel pays for what its logit lacks."""
        return missing


class SquaredHinge(Hinge):
    """Mean of max(0, 1 - (2y - 1) z)² of logits z."""

    def punish(self, missing: torch.Tensor) -> torch.Tensor:
        return missing.square()


class CategoricalHinge(OneHotLoss):
    """Mean over pixels of max(0, 1 + max of z of the other classes - z of the true one), of logits z."""

    def measure(self, pixels: Judged) -> torch.Tensor:
        others = pixels.logits.masked_fill(pixels.truth > 0.5, -torch.inf).amax(1, keepdim=True)
        return mean_of_known(
            (1 + others - (pixels.logits * pixels.truth).sum(1, keepdim=True)).relu(), known=pixels.known
        )
