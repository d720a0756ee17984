"""Batch normalization: its running statistics while a network answers more than once, and where there is one value only."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import torch
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


def allow_single_values(network: nn.Module) -> None:
    """Let batch normalization in `network` use its running statistics where a channel has a single value in the batch.

    torch refuses it; so a pyramid that looks at the whole patch could not train on one patch at a time.
    """
    for module in network.modules():
        for kind, tolerant in _TOLERANT.items():
            if type(module) is kind:
                module.__class__ = tolerant


class _BatchNorm2d(nn.BatchNorm2d):
    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return _normalized(self, values) if _is_single(values) else super().forward(values)


class _BatchNorm3d(nn.BatchNorm3d):
    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return _normalized(self, values) if _is_single(values) else super().forward(values)


_TOLERANT: dict[type[nn.Module], type[nn.Module]] = {nn.BatchNorm2d: _BatchNorm2d, nn.BatchNorm3d: _BatchNorm3d}


def _is_single(values: torch.Tensor) -> bool:
    return values.numel() == values.shape[1]


def _normalized(layer: nn.BatchNorm2d | nn.BatchNorm3d, values: torch.Tensor) -> torch.Tensor:
    return nn.functional.batch_norm(
        values, layer.running_mean, layer.running_var, layer.weight, layer.bias, training=False, eps=layer.eps
    )
