"""What losses share that compare logits with the share of each channel in the truth."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from nbtrainer.losses.pixels import PixelLoss, of_known


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Logits and the share of each channel in the truth, both (B, C, [Z,] Y, X), and which pixels are `known`, (B, 1, [Z,] Y, X);
    None: all. The truth is 0 where nothing is."""

    logits: torch.Tensor
    truth: torch.Tensor
    known: torch.Tensor | None


class OneHotLoss(PixelLoss, ABC):
    """A loss that `measure` calculates, for classes and separate channels alike."""

    def forward(self, logits: torch.Tensor, target: torch.Tensor, known: torch.Tensor | None = None) -> torch.Tensor:
        truth = self.one_hot(logits, target, known).to(logits.dtype)
        return self.measure(Judged(logits=logits, truth=truth, known=known))

    @abstractmethod
    def measure(self, pixels: Judged) -> torch.Tensor:
        """The loss of the pixels that are known, which is at least one."""

    def chances(self, pixels: Judged) -> torch.Tensor:
        """The probabilities, of the shape of the logits; 0 where nothing is known."""
        return self.probabilities(pixels.logits, pixels.known)

    def log_chances(self, pixels: Judged) -> torch.Tensor:
        return pixels.logits.log_softmax(1) if self.classes else F.logsigmoid(pixels.logits)

    def objects_only(self, channels: torch.Tensor) -> torch.Tensor:
        """`channels` (B, C, [Z,] Y, X) without the background, which is the first of several classes."""
        return channels[:, 1:] if self.classes > 1 else channels


def mean_of_known(values: torch.Tensor, *, known: torch.Tensor | None) -> torch.Tensor:
    """Mean of `values` (B, C, [Z,] Y, X) over channels and the pixels that are `known` (B, 1, [Z,] Y, X)."""
    return of_known((values if known is None else values.masked_fill(~known, 0)).mean(), known=known)


def over_space(tensor: torch.Tensor) -> tuple[int, ...]:
    """The axes of (B, C, [Z,] Y, X) that are space."""
    return tuple(range(2, tensor.ndim))


def overlap(p: torch.Tensor, *, truth: torch.Tensor, smoothing: float, jaccard: bool) -> torch.Tensor:
    """1 - Dice, or 1 - Jaccard, of each channel over batch and space, averaged over channels."""
    axes = (0, *over_space(p))
    both, sizes = (p * truth).sum(axes), (p + truth).sum(axes)
    if jaccard:
        return (1 - (both + smoothing) / (sizes - both + smoothing)).mean()
    return (1 - (2 * both + smoothing) / (sizes + smoothing)).mean()
