"""Losses of a binary prediction: modules that take logits and a 0/1 target, both (B, C, [Z,] Y, X).

Sums run over batch and space for each channel, then channels are averaged (EPySeg's definition).
"""

from __future__ import annotations

import torch
from monai.losses import DiceLoss
from torch import nn
from torch.nn import functional as F

# EPySeg's: keeps the overlap defined where there is no foreground
_SMOOTHING = 1e-5


class Ignoring(nn.Module):
    """`loss` of the pixels whose target is a number; those with NaN do not enter it, as if they were not there.

    Exact for every loss that sums over batch and space, in whatever order: all of this module.
    """

    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        self._loss = loss

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        known = ~target.isnan().any(dim=1)
        if bool(known.all()):
            return self._loss(logits, target)
        if not bool(known.any()):
            return logits.sum() * 0
        # (B, C, ...) to (1, C, pixels that are known)
        return self._loss(logits.movedim(1, 0)[None, :, known], target.movedim(1, 0)[None, :, known])


class BinaryCrossEntropy(nn.BCEWithLogitsLoss):
    """Mean of -y log p - (1 - y) log(1 - p)."""


class Dice(nn.Module):
    """1 - (2 Σpy + s) / (Σp + Σy + s)."""

    _jaccard = False

    def __init__(self) -> None:
        super().__init__()
        self._loss = DiceLoss(
            sigmoid=True, batch=True, jaccard=self._jaccard, smooth_nr=_SMOOTHING, smooth_dr=_SMOOTHING
        )

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return self._loss(logits, target)


class Jaccard(Dice):
    """1 - (Σpy + s) / (Σp + Σy - Σpy + s), up to the place of s."""

    _jaccard = True


class BCEDice(Dice):
    """Binary cross-entropy plus Dice, equally weighted."""

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return super().forward(logits, target) + F.binary_cross_entropy_with_logits(logits, target)


class BCEJaccard(BCEDice):
    """Binary cross-entropy plus Jaccard, equally weighted."""

    _jaccard = True


class MeanSquaredError(nn.Module):
    """Mean of (p - y)²."""

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return F.mse_loss(logits.sigmoid(), target)


class MeanAbsoluteError(nn.Module):
    """Mean of |p - y|."""

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return F.l1_loss(logits.sigmoid(), target)
