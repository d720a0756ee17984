"""A batch in parts, for want of memory: the loss and the gradients of the whole batch, one part in memory at a time.

A mean of the losses of the parts is another loss: of Dice by 6 %, with ignored pixels by 15 to 32 % in our measurements.
So all parts are answered first, without what a gradient needs; the loss of these answers is that of the whole batch, and
so is its gradient at each answer, which is led back through one part after the other, answered once more. This takes a
forward pass more (about a third of a step).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn

from nbtrainer.inference.device import random_state, set_random_state
from nbtrainer.models.normalization import changed_momentum, normalizes_batches

_Dropout = nn.modules.dropout._DropoutNd

Forward = Callable[[torch.Tensor], torch.Tensor]


def what_parts_change(network: nn.Module) -> str:
    """What of a step changes where its batch is done in parts, in words; empty: nothing but rounding."""
    if normalizes_batches(network):
        return "this network normalizes over the batch, and now over each part by itself"
    if any(isinstance(module, _Dropout) and module.p for module in network.modules()):
        return "dropout draws other random numbers"
    return ""


class Answers:
    """Answers to the parts of a batch, and the way back through each.

    `logits` (B, K, [Z,] Y, X) float32, of the whole batch, ask for a gradient. Once they have it, `backward` leads it on to
    the weights. Dropout leaves out the same both times. Batch normalization takes each part by itself; its running
    statistics move as far as in one step, to the mean of the parts.
    """

    def __init__(self, network: nn.Module, forward: Forward, parts: Sequence[torch.Tensor]) -> None:
        self._network, self._forward, self._parts = network, forward, parts
        self._device = parts[0].device
        self._random: list[dict[str, torch.Tensor]] = []
        answers = []
        with torch.no_grad(), changed_momentum(network, lambda usual: 0.0):
            for part in parts:
                self._random.append(random_state(self._device))
                answers.append(forward(part).float())
        self.logits = torch.cat(answers).requires_grad_()

    def backward(self) -> None:
        """Add the gradients of the weights to what they have, from the gradient of `logits`."""
        assert self.logits.grad is not None
        sizes = [len(part) for part in self._parts]
        gradients = self.logits.grad.split(sizes)
        left = sum(sizes)
        for part, gradient, state in zip(self._parts, gradients, self._random, strict=True):
            set_random_state(state, self._device)
            share = _share_of_momentum(len(part) / sum(sizes), left=left / sum(sizes))
            with changed_momentum(self._network, share):
                answer = self._forward(part)
            answer.float().backward(gradient)
            left -= len(part)


def _share_of_momentum(share: float, *, left: float) -> Callable[[float], float]:
    """So that after the last part the old statistics weigh 1 - m, and those of each part m times its share.

    `left`: the share of this part and those to come.
    """
    return lambda usual: usual * share / (1 - usual * (left - share))
