"""What each network on the menu costs with the settings of a run: a step or two of each, of which nothing is kept."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from nbtrainer import losses, models
from nbtrainer.catalog import NETWORKS
from nbtrainer.checks.suitability import check_suitability
from nbtrainer.config import Config
from nbtrainer.datasets import Survey, survey
from nbtrainer.engine.autotune import measure
from nbtrainer.engine.global_state import kernel_as_it_was
from nbtrainer.engine.memory_need import measure_need, usable_memory
from nbtrainer.engine.resolve_auto import blank_batch, resolve_auto, resolve_device
from nbtrainer.engine.training_patches import create_task
from nbtrainer.errors import SettingError
from nbtrainer.inference.device import is_out_of_memory
from nbtrainer.inference.pretrained import network_settings
from nbtrainer.progress import OnProgress
from nbtrainer.tasks import Task

_OF_NETWORKS = ("model.name", "model.backbone", "model.features")
# of the gradient of one pixel's answer
_SEEN_SHARE = 0.95


@dataclass(frozen=True, kw_only=True)
class NetworkCost:
    """What network `name` takes. `obstacle`: why it cannot be used here; the rest is 0 then.

    `weights`: their number. `sees`: sides [(z,) y, x] in pixels of the box around a pixel from which 95 % of the gradient of its
    answer comes, while the weights are those of the start (the effective receptive field, Luo et al. 2016,
    https://arxiv.org/abs/1701.04128), within one patch. `patch_bytes`: what a patch keeps for the way back. `step_seconds`: of
    a step on a batch as the settings have it; infinite if there is no memory for it.
    """

    name: str
    title: str
    obstacle: str = ""
    weights: int = 0
    sees: tuple[int, ...] = ()
    patch_bytes: int = 0
    step_seconds: float = 0.0


def compare_networks(
    config: Config, names: Sequence[str] | None = None, report: OnProgress | None = None
) -> list[NetworkCost]:
    """The cost of the networks `names`, all if None, with the data and settings of `config`; `report` after each.

    Times are those of this machine as it is now: compare them with each other. Raises `UserError` if the settings or data do
    not allow a run, or a name is unknown.
    """
    unknown = [name for name in names or () if name not in NETWORKS]
    if unknown:
        raise SettingError("names", f"{unknown[0]!r} is no network", f"Known are {', '.join(NETWORKS)}")
    chosen = list(NETWORKS) if names is None else list(names)
    costs = []
    with kernel_as_it_was():
        surveyed = survey(config, None)
        task = create_task(config, surveyed)
        for number, name in enumerate(chosen):
            tried = config.model_copy(deep=True)
            tried.model.name = name
            costs.append(_cost(tried, surveyed, task))
            if report is not None:
                report(number + 1, len(chosen))
    return costs


def _cost(config: Config, surveyed: Survey, task: Task) -> NetworkCost:
    entry = NETWORKS[config.model.name]
    reasons = [each.wrong for each in check_suitability(config) if each.where in _OF_NETWORKS]
    if reasons:
        return NetworkCost(name=entry.name, title=entry.title, obstacle=reasons[0])
    device = resolve_device(config)
    config = resolve_auto(config, surveyed, task)
    settings = network_settings(
        config,
        task,
        input_channels=int(config.model.input_channels),
        anisotropic_levels=int(config.model.anisotropic_levels),
    )
    torch.manual_seed(config.training.seed)
    network = models.create(**settings).to(device)
    size = 1 if config.training.batch_size == "auto" else config.training.batch_size
    images, targets = blank_batch(config, task, size)
    loss = losses.create(config.compile.loss, task.loss_settings, config.compile.loss_parameters, may_ignore=False).to(
        device
    )
    precision = "float32" if config.training.precision == "auto" else config.training.precision
    try:
        need = measure_need(
            network, loss=loss, image=images[:1], target=targets[:1], device=device, precision=precision
        )
        seconds = math.inf
        if need.of_batch(size) < usable_memory(device) or device.type == "xla":
            timed = measure(
                network,
                loss=loss,
                images=images,
                targets=targets,
                device=device,
                precisions=[precision],
                formats=["contiguous"],
            )
            seconds = timed[precision, "contiguous"]
        sees = _sees(network, images[:1].to(device))
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return NetworkCost(
            name=entry.name, title=entry.title, obstacle="one patch alone takes more memory than is free"
        )
    return NetworkCost(
        name=entry.name,
        title=entry.title,
        weights=sum(each.numel() for each in network.parameters()),
        sees=sees,
        patch_bytes=need.per_patch,
        step_seconds=seconds,
    )


def _sees(network: nn.Module, image: torch.Tensor) -> tuple[int, ...]:
    """Sides of the box around the middle of `image` (1, C, [Z,] Y, X) that decides what is answered there."""
    image = image.clone().requires_grad_()
    middle = tuple(side // 2 for side in image.shape[2:])
    copy.deepcopy(network).eval()(image)[(slice(None), slice(None), *middle)].sum().backward()
    assert image.grad is not None
    share = image.grad[0].abs().sum(0)
    share = share / share.sum()
    sides = []
    for axis, at in enumerate(middle):
        along = share.sum([other for other in range(share.ndim) if other != axis])
        halves = range(max(at, len(along) - 1 - at) + 1)
        half = next(
            half
            for half in halves
            if along[max(0, at - half) : at + half + 1].sum() >= _SEEN_SHARE - 1e-4 or half == halves[-1]
        )
        sides.append(min(len(along), 2 * half + 1))
    return tuple(sides)
