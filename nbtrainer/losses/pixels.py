"""Losses of pixels: modules that take logits (B, C, [Z,] Y, X) and the share of each channel in the truth, same shape.

Channels are independent (sigmoid), or with `classes` exclude each other (softmax); then the target is the class of
each pixel, (B, 1, [Z,] Y, X). Sums run over batch and space for each channel, then channels are averaged (EPySeg's
definition).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from monai.losses import DiceLoss, FocalLoss, GeneralizedDiceLoss, TverskyLoss
from torch import nn
from torch.nn import functional as F

# beside weights of one over a size squared, 1e-5 would change the loss
_TINY = 1e-12
# what is rarer counts no more than that
_RAREST = 0.05


class PixelLoss(nn.Module):
    """What losses of pixels share: how many classes exclude each other (0: none does), and how much each counts."""

    def __init__(self, classes: int = 0, class_weights: Sequence[float] | None = None) -> None:
        super().__init__()
        self.classes = classes
        self.class_weights: torch.Tensor | None
        self.register_buffer("class_weights", None if class_weights is None else torch.tensor(class_weights))

    def one_hot(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The share of each channel in the truth, of the shape of `logits`."""
        if not self.classes:
            return target
        return F.one_hot(target[:, 0].long(), self.classes).movedim(-1, 1).to(logits.dtype)

    def probabilities(self, logits: torch.Tensor) -> torch.Tensor:
        return logits.softmax(1) if self.classes else logits.sigmoid()

    def cross_entropy(self, logits: torch.Tensor, target: torch.Tensor, balance: float = 0.0) -> torch.Tensor:
        """Mean of -y log p - (1 - y) log(1 - p); of classes the weighted mean of -log p of the true one.

        `balance`: see `rare_weights`; of classes, `class_weights` do the like.
        """
        if not self.classes:
            weights = rare_weights(target, balance) if balance else None
            return F.binary_cross_entropy_with_logits(logits, target, weight=weights)
        return F.cross_entropy(logits, target[:, 0].long(), weight=self.class_weights)

    @property
    def _activation(self) -> dict[str, Any]:
        return {"sigmoid": not self.classes, "softmax": bool(self.classes), "batch": True}


def rare_weights(target: torch.Tensor, balance: float) -> torch.Tensor:
    """What each pixel of a target (B, C, [Z,] Y, X) counts: 1, and in each channel of each patch what is rarer there, be it
    foreground or background, so often that both count the same, to the power of `balance`.

    A share below 0.05 counts as 0.05, a channel of one value as it is: `weight_binary_ratio` of PyTorch Connectomics.
    """
    axes = tuple(range(2, target.ndim))
    share = target.mean(axes, keepdim=True)
    limited = share.clamp(_RAREST, 0.99)
    # foreground where it is rare, background where that is
    ratio = torch.where(limited > 0.5, limited / (1 - limited), (1 - limited) / limited) ** balance
    rare = torch.where(limited > 0.5, 1 - target, target)
    weights = 1 + rare * (ratio - 1)
    return torch.where((share > 0) & (share < 1), weights, torch.ones_like(weights))


class CrossEntropy(PixelLoss):
    """Mean of -y log p - (1 - y) log(1 - p); of classes the weighted mean of -log p of the true one."""

    def __init__(self, classes: int = 0, class_weights: Sequence[float] | None = None, *, balance: float = 0.0) -> None:
        super().__init__(classes, class_weights)
        self.balance = balance

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return self.cross_entropy(logits, target, self.balance)


class Dice(PixelLoss):
    """1 - (2 Σpy + s) / (Σp + Σy + s), where s is the smoothing."""

    _jaccard = False

    def __init__(self, classes: int = 0, class_weights: Sequence[float] | None = None, *, smoothing: float) -> None:
        super().__init__(classes, class_weights)
        self._overlap = DiceLoss(
            jaccard=self._jaccard,
            smooth_nr=smoothing,
            smooth_dr=smoothing,
            weight=class_weights if class_weights is None else list(class_weights),
            **self._activation,
        )

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return self._overlap(logits, self.one_hot(logits, target))


class Jaccard(Dice):
    """1 - (Σpy + s) / (Σp + Σy - Σpy + s), up to the place of s."""

    _jaccard = True


class DiceCrossEntropy(Dice):
    """Cross-entropy plus Dice, which counts `overlap_weight` times as much. `balance`: see `rare_weights`."""

    def __init__(
        self,
        classes: int = 0,
        class_weights: Sequence[float] | None = None,
        *,
        smoothing: float,
        overlap_weight: float,
        balance: float = 0.0,
    ) -> None:
        super().__init__(classes, class_weights, smoothing=smoothing)
        self.overlap_weight, self.balance = overlap_weight, balance

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        overlap = self.overlap_weight * super().forward(logits, target)
        return overlap + self.cross_entropy(logits, target, self.balance)


class JaccardCrossEntropy(DiceCrossEntropy):
    """Cross-entropy plus Jaccard, which counts `overlap_weight` times as much."""

    _jaccard = True


class Focal(PixelLoss):
    """Mean of -(1 - p_t)^gamma log p_t, where p_t is the probability of what is true."""

    def __init__(self, classes: int = 0, class_weights: Sequence[float] | None = None, *, gamma: float) -> None:
        super().__init__(classes, class_weights)
        self._focal = FocalLoss(gamma=gamma, use_softmax=bool(classes), weight=class_weights)

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return self._focal(logits, self.one_hot(logits, target))


class DiceFocal(Dice):
    """Half of Dice plus focal (CellSeg3D's weight of Dice is 0.5)."""

    def __init__(
        self, classes: int = 0, class_weights: Sequence[float] | None = None, *, smoothing: float, gamma: float
    ) -> None:
        super().__init__(classes, class_weights, smoothing=smoothing)
        self._focal = FocalLoss(gamma=gamma, use_softmax=bool(classes), weight=class_weights)

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return 0.5 * super().forward(logits, target) + self._focal(logits, self.one_hot(logits, target))


class GeneralizedDice(PixelLoss):
    """Dice over all channels together, each weighted by one over the square of its size."""

    def __init__(self, classes: int = 0, class_weights: Sequence[float] | None = None) -> None:
        super().__init__(classes, class_weights)
        self._overlap = GeneralizedDiceLoss(smooth_nr=_TINY, smooth_dr=_TINY, **self._activation)

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return self._overlap(logits, self.one_hot(logits, target))


class Tversky(PixelLoss):
    """1 - (TP + s) / (TP + alpha FP + beta FN + s), of probabilities; s is the smoothing."""

    def __init__(
        self,
        classes: int = 0,
        class_weights: Sequence[float] | None = None,
        *,
        alpha: float,
        beta: float,
        smoothing: float,
    ) -> None:
        super().__init__(classes, class_weights)
        self._overlap = TverskyLoss(
            alpha=alpha, beta=beta, smooth_nr=smoothing, smooth_dr=smoothing, **self._activation
        )

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return self._overlap(logits, self.one_hot(logits, target))


class MeanSquaredError(PixelLoss):
    """Mean of (p - y)²."""

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return F.mse_loss(self.probabilities(logits), self.one_hot(logits, target))


class MeanAbsoluteError(PixelLoss):
    """Mean of |p - y|."""

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return F.l1_loss(self.probabilities(logits), self.one_hot(logits, target))
