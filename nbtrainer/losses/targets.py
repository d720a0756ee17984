"""Several targets learned at once, each with a loss and a weight of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import nn

from nbtrainer.losses.sums import named_terms


class Target(NamedTuple):
    """`channels` neighbouring channels; `loss`: a name in the catalog, empty for the one that the user chose."""

    name: str
    channels: int
    weight: float = 1.0
    loss: str = ""


class MultiTargetLoss(nn.Module):
    """Weighted mean of a loss for each target; `terms` holds those of the last call, unweighted, and their own terms."""

    def __init__(self, targets: Sequence[Target], losses: Sequence[nn.Module]) -> None:
        super().__init__()
        self.targets = list(targets)
        self.losses = nn.ModuleList(losses)
        self.terms: dict[str, torch.Tensor] = {}

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The loss of logits and target (B, K, [Z,] Y, X), whose channels are those of the targets in order."""
        sizes = [each.channels for each in self.targets]
        parts = zip(self.targets, self.losses, logits.split(sizes, 1), target.split(sizes, 1), strict=True)
        total = logits.new_zeros(())
        self.terms = {}
        for each, loss, own, truth in parts:
            value = loss(own, truth)
            self.terms |= named_terms(each.name, value, loss)
            total = total + each.weight * value
        return total / sum(each.weight for each in self.targets)
