"""Optimizers by name, and learning-rate schedules as functions of how much of the run is spent."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import torch

from nbtrainer.catalog import OPTIMIZERS

# where one cycle starts and ends, as shares of its peak (Smith and Topin use the same order of magnitude)
_START, _END = 1 / 25, 1 / 1000


def create(
    name: str,
    parameters: Iterable[torch.nn.Parameter] | Iterable[dict[str, Any]],
    *,
    learning_rate: float,
    momentum: float,
    weight_decay: float,
) -> torch.optim.Optimizer:
    """Optimizer `name`; momentum goes to those that know it. On CUDA one that can be is fused: one kernel for all weights."""
    kind = OPTIMIZERS.load(name)
    known = inspect.signature(kind).parameters
    extra: dict[str, Any] = {"momentum": momentum} if "momentum" in known else {}
    groups = list(parameters)
    if "fused" in known and _is_on_cuda(groups):
        extra["fused"] = True
    optimizer = kind(groups, lr=learning_rate, weight_decay=weight_decay, **extra)
    assert isinstance(optimizer, torch.optim.Optimizer)
    return optimizer


def load_optimizer_state(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Go on from the `state` of an optimizer that may have been fused where this one is not, or the other way."""
    fused = [group.get("fused") for group in optimizer.param_groups]
    # torch moves counts of steps to the device by what is stored
    groups = [
        stored | {"fused": own} if "fused" in stored else stored
        for stored, own in zip(state["param_groups"], fused, strict=False)
    ]
    if len(groups) != len(state["param_groups"]):
        groups = state["param_groups"]  # torch refuses it
    optimizer.load_state_dict(state | {"param_groups": groups})


def _is_on_cuda(groups: Sequence[Any]) -> bool:
    weights = [each for group in groups for each in (group["params"] if isinstance(group, dict) else [group])]
    return bool(weights) and all(each.device.type == "cuda" for each in weights)


def parameter_groups(network: torch.nn.Module, layer_decay: float) -> list[dict[str, Any]]:
    """The weights of `network` as groups for an optimizer: one for each layer, with its share of the learning rate.

    Each convolution begins a layer, in the order in which the network has them; the last has the whole rate, each
    before it `layer_decay` times that of the next (as Howard and Ruder 2018, https://arxiv.org/abs/1801.06146, fine-tune).
    With a decay of 1 all weights are one group.
    """
    if layer_decay == 1:
        return [{"params": list(network.parameters())}]
    layers: list[list[torch.nn.Parameter]] = []
    for weights in network.parameters():
        if weights.ndim > 2 or not layers:
            layers.append([])
        layers[-1].append(weights)
    return [
        {"params": layer, "rate_share": layer_decay ** (len(layers) - number)}
        for number, layer in enumerate(layers, start=1)
    ]


class Schedule(NamedTuple):
    """What schedules look at, by the settings of the same names; `epochs`: of the whole run."""

    warm_up_fraction: float
    milestones: Sequence[float]
    step_epochs: int
    decay: float
    power: float
    epochs: int


def constant(progress: float, settings: Schedule) -> float:
    """1, always."""
    return 1.0


def warm_up(progress: float, settings: Schedule) -> float:
    """Rises to 1 during the first `warm_up_fraction` of the run, then stays."""
    if progress >= settings.warm_up_fraction:
        return 1.0
    return _START + (1 - _START) * progress / settings.warm_up_fraction


def one_cycle(progress: float, settings: Schedule) -> float:
    """Rises to 1 during the first `warm_up_fraction` of the run, then falls along a cosine to nearly nothing."""
    if progress < settings.warm_up_fraction:
        return warm_up(progress, settings)
    return _END + (1 - _END) * (1 + math.cos(math.pi * _after_warm_up(progress, settings))) / 2


def steps(progress: float, settings: Schedule) -> float:
    """Rises during the warm-up, and is multiplied by `decay` at each of the `milestones`."""
    return warm_up(progress, settings) * settings.decay ** sum(progress >= each for each in settings.milestones)


def step(progress: float, settings: Schedule) -> float:
    """Rises during the warm-up, and is multiplied by `decay` each time that `step_epochs` are over."""
    # a share of the run is no exact number: the epoch that it means is
    falls = int(min(progress, 1.0) * settings.epochs + 1e-6) // settings.step_epochs
    return warm_up(progress, settings) * settings.decay**falls


def polynomial(progress: float, settings: Schedule) -> float:
    """Rises during the warm-up, then falls as (1 - t) to the `power`, where t is the share of the rest that is spent."""
    if progress < settings.warm_up_fraction:
        return warm_up(progress, settings)
    return max(_END, (1 - _after_warm_up(progress, settings)) ** settings.power)


def omnipose(progress: float, settings: Schedule) -> float:
    """Omnipose's for SGD: an even rise over 10 epochs; in runs of more than 250, halved every 10 of the last 100.

    Omnipose begins at 0, so that its first epoch changes nothing; here the first has a tenth.
    """
    epoch = min(int(progress * settings.epochs), settings.epochs - 1)
    rise = min(1.0, (epoch + 1) / min(10, settings.epochs))
    into_the_last = epoch - (settings.epochs - 100)
    return rise * 0.5 ** (into_the_last // 10 + 1) if settings.epochs > 250 and into_the_last >= 0 else rise


def _after_warm_up(progress: float, settings: Schedule) -> float:
    return (min(progress, 1.0) - settings.warm_up_fraction) / (1 - settings.warm_up_fraction)
