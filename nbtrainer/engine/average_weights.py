"""The moving average of the weights: what validates and is kept where `compile.ema_decay` is set."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel


def averaged_copy(network: nn.Module, decay: float) -> AveragedModel:
    """A copy of `network` whose weights and statistics follow its own, each step keeping the share `decay` of them.

    The first steps keep less, (1 + n) / (10 + n) after n of them, so that a short run is not an average of its start
    (as TensorFlow's ExponentialMovingAverage does with `num_updates`).
    """

    @torch.no_grad()
    def follow(averaged: Sequence[torch.Tensor], newest: Sequence[torch.Tensor], count: torch.Tensor | int) -> None:
        steps = int(count)  # on the processor, whatever the device of the network
        share = min(decay, (1 + steps) / (10 + steps))
        if torch.is_floating_point(averaged[0]):
            torch._foreach_lerp_(list(averaged), list(newest), 1 - share)
        else:  # numbers that count something
            for one, other in zip(averaged, newest, strict=True):
                one.copy_(other)

    return AveragedModel(network, multi_avg_fn=follow, use_buffers=True)
