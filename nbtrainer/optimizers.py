"""Optimizers by name, and learning-rate schedules as functions of how much of the run is spent."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable

import torch

from nbtrainer.catalog import OPTIMIZERS

# where one cycle starts and ends, as shares of its peak (Smith and Topin use the same order of magnitude)
_START, _END = 1 / 25, 1 / 1000


def create(
    name: str,
    parameters: Iterable[torch.nn.Parameter],
    learning_rate: float,
    momentum: float,
    weight_decay: float,
) -> torch.optim.Optimizer:
    """Optimizer `name`; momentum goes to those that know it."""
    kind = OPTIMIZERS.load(name)
    extra = {"momentum": momentum} if "momentum" in inspect.signature(kind).parameters else {}
    optimizer = kind(parameters, lr=learning_rate, weight_decay=weight_decay, **extra)
    assert isinstance(optimizer, torch.optim.Optimizer)
    return optimizer


def constant(progress: float, warm_up_fraction: float) -> float:
    """1, always."""
    return 1.0


def warm_up(progress: float, warm_up_fraction: float) -> float:
    """Rises to 1 during the first `warm_up_fraction` of the run, then stays."""
    if progress >= warm_up_fraction:
        return 1.0
    return _START + (1 - _START) * progress / warm_up_fraction


def one_cycle(progress: float, warm_up_fraction: float) -> float:
    """Rises to 1 during the first `warm_up_fraction` of the run, then falls along a cosine to nearly nothing."""
    if progress < warm_up_fraction:
        return warm_up(progress, warm_up_fraction)
    fallen = (min(progress, 1.0) - warm_up_fraction) / (1 - warm_up_fraction)
    return _END + (1 - _END) * (1 + math.cos(math.pi * fallen)) / 2
