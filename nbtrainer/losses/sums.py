"""Several losses at once, each times its weight."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import nn


class WeightedLoss(NamedTuple):
    """A loss of a sum: its name in the catalog, its weight, and its parameters by the names of its arguments."""

    name: str
    weight: float
    parameters: Mapping[str, Any]


class SumTerm(NamedTuple):
    """A term of a sum; without a name, its own terms stand for it."""

    name: str
    weight: float
    loss: nn.Module


class SumOfLosses(nn.Module):
    """Σ weight x loss; `terms` holds the losses of the last call by their names, unweighted, and their own terms."""

    def __init__(self, parts: Sequence[SumTerm]) -> None:
        super().__init__()
        self.names, self.weights = [part.name for part in parts], [part.weight for part in parts]
        self.losses = nn.ModuleList([part.loss for part in parts])
        self.terms: dict[str, torch.Tensor] = {}

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        total = torch.zeros((), device=logits.device)
        self.terms = {}
        for name, weight, loss in zip(self.names, self.weights, self.losses, strict=True):
            value = loss(logits, target)
            self.terms |= named_terms(name, value, loss)
            total = total + weight * value
        return total


def named_terms(name: str, value: torch.Tensor, loss: nn.Module) -> dict[str, torch.Tensor]:
    """The value of the last call of `loss` under its name, and its own terms under both names; without gradients."""
    inner: dict[str, torch.Tensor] = getattr(loss, "terms", {})
    if not name:
        return inner
    return {name: value.detach()} | {f"{name}, {each}": term for each, term in inner.items()}


def distinct_names(terms: Sequence[WeightedLoss]) -> Iterator[str]:
    """`dice`, `dice 2` ...: the name of each term, with a number where a loss stands in the sum once more."""
    seen: dict[str, int] = {}
    for term in terms:
        seen[term.name] = seen.get(term.name, 0) + 1
        yield term.name if seen[term.name] == 1 else f"{term.name} {seen[term.name]}"
