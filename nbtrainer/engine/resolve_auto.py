"""What each setting that is `auto` becomes: from the kind of segmentation, the data, the pretrained model, and measurements."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import torch
from torch import nn

from nbtrainer.augment.device.sources import resident_bytes
from nbtrainer.augment.patches import Patches
from nbtrainer.catalog import NETWORKS
from nbtrainer.catalog.losses import PARAMETERS
from nbtrainer.config import Config
from nbtrainer.datasets import Survey
from nbtrainer.datasets.survey import anisotropic_levels_in
from nbtrainer.engine import autotune
from nbtrainer.engine.clock import Clock
from nbtrainer.engine.memory_need import fitting_batch, measure_need, usable_memory
from nbtrainer.errors import SettingError
from nbtrainer.inference.device import choose_device, is_out_of_memory, precisions_of
from nbtrainer.io.annotations.classes import format_classes
from nbtrainer.io.formats import open_image
from nbtrainer.runs import events
from nbtrainer.runs.events import Event
from nbtrainer.tasks import Task

# precision and format are measured on part of a batch: their order is the same, and slow machines are slow
_MEASURED_TILES = 2


def resolve_auto(config: Config, surveyed: Survey, task: Task) -> Config:
    """A copy of `config` in which what follows from kind and data is no longer `auto`."""
    config = config.model_copy(deep=True)
    pair = surveyed.pairs[0]
    if config.data.channel_axis is None:
        channel = surveyed.preparation.layout(pair).channel
        if channel is not None and open_image(pair.image).axes[channel] == "?":
            # prediction has no label that could tell
            config.data.channel_axis = channel
    if surveyed.preparation.outlines == "classes" and not config.data.outline_classes:
        # kept, so that a class has its number whatever is added later
        config.data.outline_classes = format_classes(dict(surveyed.preparation.outline_classes))
    config.model.input_channels = input_channels_in(config, surveyed)
    config.model.anisotropic_levels = anisotropic_levels_in(config, surveyed)
    if config.sampling.whole_images:
        shapes = [surveyed.preparation.open(each)[0].shape for each in surveyed.split.train]
        largest = [max(lengths) for lengths in zip(*shapes, strict=True)]
        config.sampling.patch_size = largest
    if not NETWORKS[config.model.name].suits(task.name):
        config.model.name = next(name for name, entry in NETWORKS.items() if entry.suits(task.name))
    if not config.compile.loss_terms:
        config.compile.loss = config.value_in_use("compile.loss")  # the check warns of one that does not suit
    chosen = config.compile.metrics
    suited = [] if chosen == "auto" else [name for name in chosen if task.measures(name)]
    config.compile.metrics = suited if suited or chosen == [] else list(task.default_metrics)
    if config.training.monitor == "auto":
        first = f"validation_{config.compile.metrics[0]}" if config.compile.metrics else "validation_loss"
        if all(pair.label is None for pair in surveyed.split.validation):
            first = "validation_loss"  # without labels there is no other score
        config.training.monitor = first if surveyed.split.validation else "train_loss"
    return config


def input_channels_in(config: Config, surveyed: Survey) -> int:
    """Channels that the network takes: as the settings say, else those of the first image."""
    given = config.model.input_channels
    return surveyed.preparation.open(surveyed.pairs[0])[0].channels if given == "auto" else given


def resolve_device(config: Config) -> torch.device:
    """Where `config` trains here; raises `UserError` if that device is not here or cannot do what is asked."""
    device = choose_device(config.training.device)
    if config.training.precision == "float16" and device.type in ("cpu", "xla"):
        raise SettingError(
            "training.precision",
            "float16 needs a graphics card, and there is none",
            "Choose auto or float32",
            suggestions=("auto", "float32"),
        )
    return device


def resolve_performance(
    config: Config, *, network: nn.Module, loss: nn.Module, task: Task, device: torch.device, clock: Clock
) -> dict[str, float]:
    """Settle precision, memory format, compile and where patches are made in `config`; milliseconds measured for each
    candidate."""
    training = config.training
    training.augment_on = _augments_on(training.augment_on, device)
    assert isinstance(training.batch_size, int)
    precisions = precisions_of(device) if training.precision == "auto" else [training.precision]
    formats = ["contiguous", "channels_last"] if training.memory_format == "auto" else [training.memory_format]
    tiles = min(_MEASURED_TILES, training.batch_size)
    seconds = {}
    if len(precisions) * len(formats) > 1 or training.torch_compile == "auto":
        images, targets = blank_batch(config, task, tiles)
        seconds = autotune.measure(
            network, loss=loss, images=images, targets=targets, device=device, precisions=precisions, formats=formats
        )
        training.precision, training.memory_format = autotune.fastest(seconds)
    else:
        training.precision, training.memory_format = precisions[0], formats[0]
    if training.torch_compile == "auto":
        step_seconds = min(seconds.values()) * training.batch_size / tiles
        left = step_seconds * clock.total_steps
        if math.isfinite(left):  # what does not fit could not be measured
            left = min(left, clock.max_seconds or left)
        training.torch_compile = "on" if autotune.compile_pays(device, left) else "off"
    finite = {choice: took for choice, took in seconds.items() if math.isfinite(took)}
    return {f"{precision} {layout}": round(1000 * took, 1) for (precision, layout), took in finite.items()}


def _augments_on(where: str, device: torch.device) -> str:
    if where == "auto":
        return "processor" if device.type == "cpu" else "device"
    return where


def resolve_batch_size(
    config: Config, *, network: nn.Module, loss: nn.Module, task: Task, device: torch.device, patches: Patches
) -> Event:
    """Settle the batch size in `config` where it is `auto`, and tell what a step takes, with the images that stay on the
    device. Where nobody tells how much memory a TPU has, it is the size that the settings begin with.
    """
    training = config.training
    image, target = blank_batch(config, task, 1)
    precision = precisions_of(device)[0] if training.precision == "auto" else training.precision
    free = usable_memory(device)
    if device.type == "xla" and not free:
        if training.batch_size == "auto":
            training.batch_size = min(int(type(training).model_fields["batch_size"].default), patches.per_pass)
        words = f"how much memory the TPU has is not known: a step takes {training.batch_size:,} patches at once"
        return events.Noted(text=words)
    measured_on = device
    if device.type == "xla":  # it does nothing before a step is complete, and keeps as much as the processor would
        measured_on = torch.device("cpu")
        network, loss = copy.deepcopy(network).to(measured_on), copy.deepcopy(loss).to(measured_on)
    try:
        need = measure_need(network, loss=loss, image=image, target=target, device=measured_on, precision=precision)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        training.batch_size = 1 if training.batch_size == "auto" else training.batch_size
        return events.Warned(text="one patch alone takes more memory than is free: choose smaller patches")
    if _augments_on(training.augment_on, device) == "device":
        resident = resident_bytes(patches.images, device, with_label=task.encodes_batches)
        need = need._replace(fixed=need.fixed + resident)
    if training.batch_size == "auto":
        training.batch_size = fitting_batch(need, free, device, patches=patches.per_pass)
    return events.MemoryEstimated(
        batch_size=training.batch_size, needed_bytes=need.of_batch(training.batch_size), free_bytes=free
    )


def blank_batch(config: Config, task: Task, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """So many images of noise (B, C, [Z,] Y, X), and the targets of an empty label."""
    channels = int(config.model.input_channels)
    images = torch.zeros(count, channels, *config.sampling.patch_size).uniform_(
        generator=torch.Generator().manual_seed(0)
    )
    blank = np.zeros(config.sampling.patch_size, np.uint8)
    return images, torch.from_numpy(np.stack([task.target(image, blank) for image in images.numpy()]))


def apply_pretrained_settings(config: Config, record: dict[str, Any] | None) -> Config:
    """With `compile.recompile` off, optimizer, loss and metrics are those of the model that is started from."""
    config = config.model_copy(deep=True)
    if record is not None and not config.compile.recompile:
        stored = record["config"]["compile"]
        names = ("optimizer", "learning_rate", "loss", "loss_terms", "metrics", *PARAMETERS.values())
        # models of older versions know no parameters of their loss
        config.update(compile={name: stored[name] for name in names if name in stored})
    return config
