"""Focal losses in which the foreground has a weight of its own, and their sums with overlap."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional as F

from nbtrainer.losses.one_hot import Judged, OneHotLoss, mean_of_known, overlap
from nbtrainer.losses.pixels import rare_weights

# a power below 1 has no slope at 0
_TINY = 1e-12


class BinaryFocal(OneHotLoss):
    """Mean of w (-α y (1 - p)^γ log p - (1 - α) (1 - y) p^γ log(1 - p)); α is the `foreground_weight`.

    `balance`: see `nbtrainer.losses.pixels.rare_weights`.
    """

    def __init__(
        self,
        classes: int = 0,
        class_weights: Sequence[float] | None = None,
        *,
        gamma: float,
        foreground_weight: float,
        balance: float,
    ) -> None:
        super().__init__(classes, class_weights)
        self.gamma, self.foreground_weight, self.balance = gamma, foreground_weight, balance

    def measure(self, pixels: Judged) -> torch.Tensor:
        log_p, log_rest = F.logsigmoid(pixels.logits), F.logsigmoid(-pixels.logits)
        values = -self.foreground_weight * pixels.truth * (self.gamma * log_rest).exp() * log_p
        values = values - (1 - self.foreground_weight) * (1 - pixels.truth) * (self.gamma * log_p).exp() * log_rest
        if self.balance:
            values = values * rare_weights(pixels.truth, self.balance, known=pixels.known)
        return mean_of_known(values, known=pixels.known)


class CategoricalFocal(OneHotLoss):
    """Mean over pixels and classes of -α y (1 - p)^γ log p, each class times its weight; α is the `foreground_weight`."""

    def __init__(
        self,
        classes: int = 0,
        class_weights: Sequence[float] | None = None,
        *,
        gamma: float,
        foreground_weight: float,
    ) -> None:
        super().__init__(classes, class_weights)
        self.gamma, self.foreground_weight = gamma, foreground_weight

    def measure(self, pixels: Judged) -> torch.Tensor:
        log_p = pixels.logits.log_softmax(1)
        values = -pixels.truth * (-log_p.expm1()).clamp_min(_TINY).pow(self.gamma) * log_p
        if self.class_weights is not None:
            values = values * self.class_weights.to(values.dtype).view(-1, *[1] * (values.ndim - 2))
        return self.foreground_weight * mean_of_known(values, known=pixels.known)


class BinaryFocalDice(BinaryFocal):
    """Focal loss plus `overlap_weight` times Dice."""

    _jaccard = False

    def __init__(
        self,
        classes: int = 0,
        class_weights: Sequence[float] | None = None,
        *,
        gamma: float,
        foreground_weight: float,
        balance: float,
        smoothing: float,
        overlap_weight: float,
    ) -> None:
        super().__init__(classes, class_weights, gamma=gamma, foreground_weight=foreground_weight, balance=balance)
        self.smoothing, self.overlap_weight = smoothing, overlap_weight

    def measure(self, pixels: Judged) -> torch.Tensor:
        p = self.chances(pixels)
        area = overlap(p, truth=pixels.truth, smoothing=self.smoothing, jaccard=self._jaccard)
        return super().measure(pixels) + self.overlap_weight * area


class BinaryFocalJaccard(BinaryFocalDice):
    """Focal loss plus `overlap_weight` times Jaccard."""

    _jaccard = True


class CategoricalFocalDice(CategoricalFocal):
    """Focal loss of classes plus `overlap_weight` times Dice."""

    _jaccard = False

    def __init__(
        self,
        classes: int = 0,
        class_weights: Sequence[float] | None = None,
        *,
        gamma: float,
        foreground_weight: float,
        smoothing: float,
        overlap_weight: float,
    ) -> None:
        super().__init__(classes, class_weights, gamma=gamma, foreground_weight=foreground_weight)
        self.smoothing, self.overlap_weight = smoothing, overlap_weight

    def measure(self, pixels: Judged) -> torch.Tensor:
        p = self.chances(pixels)
        area = overlap(p, truth=pixels.truth, smoothing=self.smoothing, jaccard=self._jaccard)
        return super().measure(pixels) + self.overlap_weight * area


class CategoricalFocalJaccard(CategoricalFocalDice):
    """Focal loss of classes plus `overlap_weight` times Jaccard."""

    _jaccard = True
