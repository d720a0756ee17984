"""Running statistics of batch normalization, while a network answers more than once to the same images."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from torch import nn

_BatchNorm = nn.modules.batchnorm._BatchNorm


def normalizes_batches(network: nn.Module) -> bool:
    """Whether what `network` answers to an image in training depends on the others of the batch."""
    return any(isinstance(module, _BatchNorm) for module in network.modules())


@contextlib.contextmanager
def changed_momentum(network: nn.Module, change: Callable[[float], float]) -> Iterator[None]:
    """Inside, running statistics move by `change` of what they usually do; by 0 they stay."""
    layers = [module for module in network.modules() if isinstance(module, _BatchNorm) and module.momentum is not None]
    before = [module.momentum or 0.0 for module in layers]
    try:
        for module, usual in zip(layers, before, strict=True):
            module.momentum = change(usual)
        yield
    finally:
        for module, usual in zip(layers, before, strict=True):
            module.momentum = usual
