"""Losses of pixels: modules that take logits (B, C, [Z,] Y, X) and the share of each channel in the truth, same shape.

Channels are independent (sigmoid), or with `classes` exclude each other (softmax); then the target is the class of
each pixel, (B, 1, [Z,] Y, X). Sums run over batch and space for each channel, then channels are averaged (EPySeg's
definition). `known` (B, 1, [Z,] Y, X) says which pixels enter, at least one; None: all. The others are masked, not cut out: how
many there are is never asked, for which a step would wait until the device has come so far.
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
# the class of pixels of which nothing is known
_IGNORED = -1


class PixelLoss(nn.Module):
    """What losses of pixels share: how many classes exclude each other (0: none does), and how much each counts."""

    def __init__(self, classes: int = 0, class_weights: Sequence[float] | None = None) -> None:
        super().__init__()
        self.classes = classes
        self.class_weights: torch.Tensor | None
        self.register_buffer("class_weights", None if class_weights is None else torch.tensor(class_weights))
        self.register_forward_pre_hook(_with_full_precision)

    def one_hot(self, logits: torch.Tensor, target: torch.Tensor, known: torch.Tensor | None) -> torch.Tensor:
        """The share of each channel in the truth, of the shape of `logits`; 0 where nothing is known."""
        if self.classes:
            target = F.one_hot(target[:, 0].long(), self.classes).movedim(-1, 1).to(logits.dtype)
        return target if known is None else target.masked_fill(~known, 0)

    def probabilities(self, logits: torch.Tensor, known: torch.Tensor | None) -> torch.Tensor:
        """Of the shape of `logits`; 0 where nothing is known."""
        probabilities = logits.softmax(1) if self.classes else logits.sigmoid()
        return probabilities if known is None else probabilities.masked_fill(~known, 0)

    def cross_entropy(
        self, logits: torch.Tensor, target: torch.Tensor, known: torch.Tensor | None, balance: float = 0.0
    ) -> torch.Tensor:
        """Mean of -y log p - (1 - y) log(1 - p); of classes the weighted mean of -log p of the true one.

        `balance`: see `rare_weights`; of classes, `class_weights` do the like.
        """
        if not self.classes:
            weights = rare_weights(target, balance, known=known) if balance else None
            if known is not None:
                weights = known.to(logits.dtype) if weights is None else weights.masked_fill(~known, 0)
            return of_known(F.binary_cross_entropy_with_logits(logits, target, weight=weights), known=known)
        classes = target[:, 0].long()
        if known is not None:
            classes = classes.masked_fill(~known[:, 0], _IGNORED)
        return F.cross_entropy(logits, classes, weight=self.class_weights, ignore_index=_IGNORED)

    def focal(
        self, logits: torch.Tensor, target: torch.Tensor, known: torch.Tensor | None, gamma: float
    ) -> torch.Tensor:
        """Mean of -(1 - p_t)^gamma log p_t, where p_t is the probability of what is true; of classes the weighted mean."""
        truth = self.one_hot(logits, target, known)
        if self.classes and gamma < 1:
            values = self.weigh(_flat_focal(logits, truth=truth, gamma=gamma))
        else:
            focal = FocalLoss(gamma=gamma, use_softmax=bool(self.classes), reduction="none")
            values = self.weigh(focal(logits, truth))
        return of_known((values if known is None else values.masked_fill(~known, 0)).mean(), known=known)

    def weigh(self, values: torch.Tensor) -> torch.Tensor:
        """`values` (B, C, ...) times the weights of their classes, if they have any. MONAI would look at them in each step,
        and wait for the device."""
        weights = self.class_weights
        return values if weights is None else values * weights.view(-1, *[1] * (values.ndim - 2))

    @property
    def _activation(self) -> dict[str, Any]:
        return {"sigmoid": False, "softmax": False, "batch": True}


def _flat_focal(logits: torch.Tensor, *, truth: torch.Tensor, gamma: float) -> torch.Tensor:
    """Focal loss of classes as MONAI has it, whose slope at a probability of 1 is no number where `gamma` is below 1."""
    log_p = logits.log_softmax(1)
    return -(1 - log_p.exp()).clamp_min(_TINY).pow(gamma) * log_p * truth


def full_precision(values: torch.Tensor) -> torch.Tensor:
    """`values` in 32 bits where they have 16, whose sums end at 65,504."""
    return values.float() if values.dtype in (torch.float16, torch.bfloat16) else values


def _with_full_precision(module: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
    return (full_precision(given[0]), *given[1:])


def of_known(mean: torch.Tensor, *, known: torch.Tensor | None) -> torch.Tensor:
    """The mean over the pixels that are `known`, where `mean` is that over all, and the others have 0."""
    if known is None:
        return mean
    count = known.sum()
    # a number divided by a tensor is a product with its inverse, which is not always 1
    return mean * (torch.full_like(count, known.numel()) / count)


def rare_weights(target: torch.Tensor, balance: float, *, known: torch.Tensor | None = None) -> torch.Tensor:
    """What each pixel of a target (B, C, [Z,] Y, X) counts: 1, and in each channel of each patch what is rarer there, be it
    foreground or background, so often that both count the same, to the power of `balance`.

    A share below 0.05 counts as 0.05, a channel of one value as it is: `weight_binary_ratio` of PyTorch Connectomics.
    """
    axes = tuple(range(2, target.ndim))
    share = target.mean(axes, keepdim=True)
    if known is not None:
        share = target.masked_fill(~known, 0).mean(axes, keepdim=True)
        count = known.sum(axes, keepdim=True).clamp_min(1)
        share = share * (torch.full_like(count, known[0].numel()) / count)
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

    def forward(self, logits: torch.Tensor, target: torch.Tensor, known: torch.Tensor | None = None) -> torch.Tensor:
        return self.cross_entropy(logits, target, known, self.balance)


class Dice(PixelLoss):
    """1 - (2 Σpy + s) / (Σp + Σy + s), where s is the smoothing.

    Sums run over each patch by itself if `per_patch`. Without `with_background`, the first of several classes does not count.
    """

    _jaccard = False

    def __init__(
        self,
        classes: int = 0,
        class_weights: Sequence[float] | None = None,
        *,
        smoothing: float,
        per_patch: bool,
        with_background: bool = True,
    ) -> None:
        super().__init__(classes, class_weights)
        self._first = 0 if with_background or classes < 2 else 1
        self._overlap = DiceLoss(
            jaccard=self._jaccard,
            smooth_nr=smoothing,
            smooth_dr=smoothing,
            reduction="none",
            batch=not per_patch,
        )

    def forward(self, logits: torch.Tensor, target: torch.Tensor, known: torch.Tensor | None = None) -> torch.Tensor:
        of_channels = self._overlap(self.probabilities(logits, known), self.one_hot(logits, target, known))
        # (patches, or 1 for all, C)
        return self.weigh(of_channels.view(-1, logits.shape[1]))[:, self._first :].mean()


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
        per_patch: bool,
        with_background: bool = True,
        balance: float = 0.0,
    ) -> None:
        super().__init__(
            classes, class_weights, smoothing=smoothing, per_patch=per_patch, with_background=with_background
        )
        self.overlap_weight, self.balance = overlap_weight, balance

    def forward(self, logits: torch.Tensor, target: torch.Tensor, known: torch.Tensor | None = None) -> torch.Tensor:
        overlap = self.overlap_weight * super().forward(logits, target, known)
        return overlap + self.cross_entropy(logits, target, known, self.balance)


class JaccardCrossEntropy(DiceCrossEntropy):
    """Cross-entropy plus Jaccard, which counts `overlap_weight` times as much."""

    _jaccard = True


class Focal(PixelLoss):
    """Mean of -(1 - p_t)^gamma log p_t, where p_t is the probability of what is true."""

    def __init__(self, classes: int = 0, class_weights: Sequence[float] | None = None, *, gamma: float) -> None:
        super().__init__(classes, class_weights)
        self.gamma = gamma

    def forward(self, logits: torch.Tensor, target: torch.Tensor, known: torch.Tensor | None = None) -> torch.Tensor:
        return self.focal(logits, target, known, self.gamma)


class DiceFocal(Dice):
    """Half of Dice plus focal (CellSeg3D's weight of Dice is 0.5)."""

    def __init__(
        self,
        classes: int = 0,
        class_weights: Sequence[float] | None = None,
        *,
        smoothing: float,
        gamma: float,
        per_patch: bool,
        with_background: bool = True,
    ) -> None:
        super().__init__(
            classes, class_weights, smoothing=smoothing, per_patch=per_patch, with_background=with_background
        )
        self.gamma = gamma

    def forward(self, logits: torch.Tensor, target: torch.Tensor, known: torch.Tensor | None = None) -> torch.Tensor:
        return 0.5 * super().forward(logits, target, known) + self.focal(logits, target, known, self.gamma)


class GeneralizedDice(PixelLoss):
    """Dice over all channels together, each weighted by one over the square of its size."""

    def __init__(self, classes: int = 0, class_weights: Sequence[float] | None = None) -> None:
        super().__init__(classes, class_weights)
        self._overlap = GeneralizedDiceLoss(smooth_nr=_TINY, smooth_dr=_TINY, **self._activation)

    def forward(self, logits: torch.Tensor, target: torch.Tensor, known: torch.Tensor | None = None) -> torch.Tensor:
        return self._overlap(self.probabilities(logits, known), self.one_hot(logits, target, known))


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

    def forward(self, logits: torch.Tensor, target: torch.Tensor, known: torch.Tensor | None = None) -> torch.Tensor:
        return self._overlap(self.probabilities(logits, known), self.one_hot(logits, target, known))
