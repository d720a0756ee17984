"""A batch in parts, for want of memory: the loss and the gradients of the whole batch, one part in memory at a time.

A mean of the losses of the parts is another loss: of Dice by 6 %, with ignored pixels by 15 to 32 % in our measurements.
So all parts are answered first, without what a gradient needs; the loss of these answers is that of the whole batch, and
so is its gradient at each answer, which is led back through one part after the other, answered once more. This takes a
forward pass more (about a third of a step).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import nn

from nbtrainer.inference.device import random_state, set_random_state

_BatchNorm, _Dropout = nn.modules.batchnorm._BatchNorm, nn.modules.dropout._DropoutNd

Forward = Callable[[torch.Tensor], torch.Tensor]


def what_parts_change(network: nn.Module) -> str:
    """What of a step changes where its batch is done in parts, in words; empty: nothing but rounding."""
    if any(isinstance(module, _BatchNorm) for module in network.modules()):
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
        with torch.no_grad(), _momentum(network, 0.0):
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
            with _share_of_momentum(self._network, len(part) / sum(sizes), left / sum(sizes)):
                answer = self._forward(part)
            answer.float().backward(gradient)
            left -= len(part)


@contextlib.contextmanager
def _momentum(network: nn.Module, value: float) -> Iterator[None]:
    with _changed_momentum(network, lambda usual: value):
        yield


@contextlib.contextmanager
def _share_of_momentum(network: nn.Module, share: float, left: float) -> Iterator[None]:
    """So that after the last part the old statistics weigh 1 - m, and those of each part m times its share.

    `left`: the share of this part and those to come.
    """
    with _changed_momentum(network, lambda usual: usual * share / (1 - usual * (left - share))):
        yield


@contextlib.contextmanager
def _changed_momentum(network: nn.Module, change: Callable[[float], float]) -> Iterator[None]:
    found = [module for module in network.modules() if isinstance(module, _BatchNorm) and module.momentum is not None]
    before = [module.momentum or 0.0 for module in found]
    try:
        for module, usual in zip(found, before, strict=True):
            module.momentum = change(usual)
        yield
    finally:
        for module, usual in zip(found, before, strict=True):
            module.momentum = usual
