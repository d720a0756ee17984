"""Pixels of which nothing is known, kept out of a loss."""

from __future__ import annotations

import torch
from torch import nn


class MaskedLoss(nn.Module):
    """`loss` of the pixels whose target is a number; those with NaN do not enter it, as if they were not there.

    Exact for every loss that sums over batch and space, in whatever order: all of `nbtrainer.losses.pixels`.
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
