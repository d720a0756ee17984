"""Pixels of which nothing is known, kept out of a loss."""

from __future__ import annotations

import torch
from torch import nn

from nbtrainer.losses.pixels import PixelLoss


class MaskedLoss(nn.Module):
    """`loss` of the pixels whose target is a number; those with NaN do not enter it, as if they were not there.

    Where all are numbers it is that of `loss`, bit for bit; where none is, 0. Nothing is asked of the device.
    """

    def __init__(self, loss: PixelLoss) -> None:
        super().__init__()
        self._loss = loss

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        known = ~target.isnan().any(dim=1, keepdim=True)
        any_known = known.any()
        # a gradient through an unknown pixel would be 0 times what stands there, which may be no number
        logits, target = logits.masked_fill(~known, 0), target.masked_fill(~known, 0)
        # where nothing is known, the loss of anything times 0
        return self._loss(logits, target, known | ~any_known) * any_known
