"""What losses share that find the pixels of which nothing is known by themselves: those whose target is NaN."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

# what is rarer counts no more than that
_RAREST, _MOST_FREQUENT = 0.05, 0.99


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Logits and the share of each channel in the truth, both (B, C, [Z,] Y, X) and 0 where nothing is `known`, which is
    (B, 1, [Z,] Y, X)."""

    logits: torch.Tensor
    truth: torch.Tensor
    known: torch.Tensor


class KnownLoss(nn.Module, ABC):
    """A loss of logits (B, C, [Z,] Y, X), calculated in 32 bits or more; 0 if nothing is known.

    Parameters
    ----------
    classes
        How many classes exclude each other; then the target is the class of each pixel, (B, 1, [Z,] Y, X). 0: channels are
        independent, and the target has the share of each, (B, C, [Z,] Y, X).
    class_weights
        How much each class counts, if not all the same.
    """

    def __init__(self, classes: int = 0, class_weights: Sequence[float] | None = None) -> None:
        super().__init__()
        self.classes = classes
        self.class_weights: torch.Tensor | None
        self.register_buffer("class_weights", None if class_weights is None else torch.tensor(class_weights))

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        logits = full_precision(logits)
        known = ~target.isnan().any(dim=1, keepdim=True)
        # filled, not multiplied: what stands at an unknown pixel may be no number
        logits, target = logits.masked_fill(~known, 0), target.masked_fill(~known, 0)
        truth = self._shares(logits, target).masked_fill(~known, 0)
        return self.measure(Judged(logits=logits, truth=truth, known=known)) * known.any()

    @abstractmethod
    def measure(self, pixels: Judged) -> torch.Tensor:
        """The loss of the known pixels; finite also if there are none."""

    def probabilities(self, pixels: Judged) -> torch.Tensor:
        """Of the shape of the logits; 0 where nothing is known."""
        return (pixels.logits.softmax(1) if self.classes else pixels.logits.sigmoid()).masked_fill(~pixels.known, 0)

    def log_probabilities(self, pixels: Judged) -> torch.Tensor:
        return pixels.logits.log_softmax(1) if self.classes else F.logsigmoid(pixels.logits)

    def objects_only(self, channels: torch.Tensor) -> torch.Tensor:
        """`channels` (B, C, [Z,] Y, X) without the background, which is the first of several classes."""
        return channels[:, 1:] if self.classes > 1 else channels

    def _shares(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        if not self.classes:
            return target.to(logits.dtype)
        return F.one_hot(target[:, 0].long(), self.classes).movedim(-1, 1).to(logits.dtype)


def full_precision(values: torch.Tensor) -> torch.Tensor:
    """`values` in 32 bits where they have 16, whose sums of squares would end at 65,504."""
    return values.float() if values.dtype in (torch.float16, torch.bfloat16) else values


def mean_of_known(values: torch.Tensor, *, known: torch.Tensor) -> torch.Tensor:
    """Mean of `values` (B, C, [Z,] Y, X) over channels and the pixels that are `known` (B, 1, [Z,] Y, X)."""
    return of_known(values.masked_fill(~known, 0).mean(), known=known)


def of_known(mean: torch.Tensor, *, known: torch.Tensor) -> torch.Tensor:
    """The mean over the pixels that are `known`, where `mean` is that over all, and the others have 0."""
    count = known.sum().clamp_min(1)
    # a number divided by a tensor is a product with its inverse, which is not always 1
    return mean * (torch.full_like(count, known.numel()) / count).to(mean.dtype)


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


def balanced_weights(truth: torch.Tensor, *, known: torch.Tensor, balance: float) -> torch.Tensor:
    """As `nbtrainer.losses.pixels.rare_weights`, of the pixels that are known."""
    axes = over_space(truth)
    share = truth.sum(axes, keepdim=True) / known.sum(axes, keepdim=True).clamp_min(1)
    limited = share.clamp(_RAREST, _MOST_FREQUENT)
    ratio = torch.where(limited > 0.5, limited / (1 - limited), (1 - limited) / limited) ** balance
    weights = 1 + torch.where(limited > 0.5, 1 - truth, truth) * (ratio - 1)
    return torch.where((share > 0) & (share < 1), weights, torch.ones_like(weights))
