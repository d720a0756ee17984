"""From settings to the objects of a run: hands each section on to what it configures."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from nbtrainer import losses, metrics, models, optimizers
from nbtrainer.augment.patches import Patches
from nbtrainer.catalog import IMAGENET, round_to_multiple
from nbtrainer.config import Config
from nbtrainer.data.file_stats import image_stats
from nbtrainer.data.fingerprints import Fingerprints
from nbtrainer.data.images import Images
from nbtrainer.data.pair import Pair
from nbtrainer.data.split_record import SplitRecord
from nbtrainer.datasets import survey
from nbtrainer.datasets.survey import spacing_in
from nbtrainer.engine.average_weights import averaged_copy
from nbtrainer.engine.batches import BatchMaker
from nbtrainer.engine.checkpoint import BestCheckpoints
from nbtrainer.engine.clock import Clock
from nbtrainer.engine.continue_model import continues, go_on_from, split_of_model, warn_of_known_images
from nbtrainer.engine.job import TrainingJob
from nbtrainer.engine.resolve_auto import (
    apply_pretrained_settings,
    resolve_auto,
    resolve_batch_size,
    resolve_device,
    resolve_performance,
)
from nbtrainer.engine.resumed_split import previous_split, require_images_left, split_warnings
from nbtrainer.engine.set_aside import read_set_aside
from nbtrainer.engine.stepper import Stepper
from nbtrainer.engine.tpu_settings import settle_for_tpu
from nbtrainer.engine.training_patches import create_patches, create_task
from nbtrainer.engine.validate import Validator
from nbtrainer.environment import usual_threads
from nbtrainer.errors import DataError
from nbtrainer.inference.device import memory_format, seed_random_numbers
from nbtrainer.inference.pretrained import describe_transfer, network_settings, starting_point, take_over
from nbtrainer.inference.weights_file import StartFile
from nbtrainer.models.backbone_weights import load_backbone_weights
from nbtrainer.runs import RunDirectory, events
from nbtrainer.runs.events import Event
from nbtrainer.tasks import Task

# sides of the tile by which a model checks itself, in 2D and 3D
_GOLDEN_TILE_PX = {2: 64, 3: 32}


def build(config: Config, directory: RunDirectory, record: dict[str, Any] | None = None) -> TrainingJob:
    """The objects for `config`. Measures what is `auto` among precision, memory format and compile (at most 5 s).

    `record`: the checkpoint from which a run goes on: it keeps its split. Raises `UserError` if nothing of that is left.
    """
    # a run that goes on has its weights, and needs the model that it started from no more
    start = None if directory.last.exists() else starting_point(config)
    pretrained = start.record if start is not None else None
    before = previous_split(record)
    surveyed = survey(config, before)
    if before is not None:
        require_images_left(before, surveyed)
    elif (before := split_of_model(config, pretrained, surveyed)) is not None:
        surveyed = survey(config, before)
    _require_sound(surveyed.pairs)
    fingerprints = Fingerprints(path for pair in surveyed.pairs for path in pair.files)
    device = resolve_device(config)
    torch.set_num_threads(config.training.threads or usual_threads())
    seed_random_numbers(config.training.seed, device)
    config = apply_pretrained_settings(config, pretrained)
    task = create_task(config, surveyed)
    config = resolve_auto(config, surveyed, task)
    surveyed = survey(config, before)  # once more: by now the number of channels and their axis are settled
    assert isinstance(config.compile.metrics, list)
    assert isinstance(config.model.input_channels, int)
    assert isinstance(config.model.anisotropic_levels, int)
    network_record = network_settings(
        config, task, input_channels=config.model.input_channels, anisotropic_levels=config.model.anisotropic_levels
    )
    network = models.create(**network_record)
    notes: list[Event] = split_warnings(config, record, before, surveyed)
    if pretrained is not None:
        notes += warn_of_known_images(pretrained, surveyed)
    loaded, origin = _load_start(
        config, network, settings=network_record, task=task, start=start, is_new=record is None
    )
    notes += origin
    network.to(device)
    may_ignore = task.may_ignore(surveyed.pairs) or config.data.ignore_value is not None
    loss = create_loss(config, task, may_ignore=may_ignore).to(device)
    # outputs of whole images are put together by the processor: their loss is calculated there too
    validation_loss = create_loss(config, task, may_ignore=may_ignore)
    patches = create_patches(config, surveyed, task, fingerprints)
    patches.set_aside = read_set_aside(directory)
    notes += settle_for_tpu(config, device, loss)
    notes.append(resolve_batch_size(config, network=network, loss=loss, task=task, device=device, patches=patches))
    clock = Clock.from_settings(**_named(config.training, Clock.from_settings), patches_per_pass=patches.per_pass)
    measured = resolve_performance(config, network=network, loss=loss, task=task, device=device, clock=clock)
    network.to(memory_format=memory_format(config.training.memory_format, config.task.dim))  # type: ignore[call-overload]
    averaged = averaged_copy(network, config.compile.ema_decay) if config.compile.ema_decay else None
    stepper = _create_stepper(config, network=network, loss=loss, task=task, device=device)
    validator = _create_validator(
        config,
        network=network if averaged is None else averaged.module,
        loss=validation_loss,
        task=task,
        images=dataclasses.replace(patches.images, pairs=surveyed.split.validation),
        device=device,
    )
    # without validation images, pictures show how training images fare
    previewer = validator if len(validator.images) else dataclasses.replace(validator, images=patches.images)
    monitor = config.training.monitor
    workers = config.training.workers
    job = TrainingJob(
        config=config,
        directory=directory,
        survey=surveyed,
        task=task,
        network=network,
        stepper=stepper,
        patches=patches,
        batches=_create_batch_maker(config, patches, device),
        validator=validator,
        previewer=previewer,
        clock=clock,
        best=BestCheckpoints(directory.checkpoints, config.training.keep_best, metrics.higher_is_better(monitor)),
        monitor=monitor,
        metrics=config.compile.metrics,
        device=device,
        workers=(2 if device.type in ("cuda", "xla") else 0) if workers is None else workers,
        # a fixed step, so that a resumed run changes over where the first one did
        compile_from_step=None if config.training.torch_compile == "off" else clock.steps_per_epoch,
        measured_ms=measured,
        network_record=network_record,
        spacing=spacing_in(config, surveyed),
        notes=notes,
        averaged=averaged,
        loaded=loaded,
        about_images=surveyed.image_traits(),
        check_tile=_golden_input(config, previewer),
        split_record=SplitRecord.of(surveyed.listed, surveyed.divided, surveyed.split.train, before),
    )
    if pretrained is not None and continues(config):
        go_on_from(job, pretrained)
    return job


def create_loss(config: Config, task: Task, *, may_ignore: bool) -> torch.nn.Module:
    """The loss of these settings, or the sum that they list. `may_ignore`: targets can hold NaN, where nothing is known."""
    settings = config.compile
    if not settings.loss_terms:
        return losses.create(settings.loss, task.loss_settings, settings.loss_parameters, may_ignore=may_ignore)
    terms = [losses.WeightedLoss(term.loss, term.weight, term.parameters) for term in settings.loss_terms]
    return losses.create_sum(terms, task.loss_settings, settings.loss_parameters, may_ignore=may_ignore)


def _require_sound(pairs: Sequence[Pair]) -> None:
    for pair in pairs:
        if problem := image_stats(pair.image).problem:  # it was sound when it was checked
            raise DataError(str(pair.image), problem, "Was it changed since the run was started?")


def _load_start(
    config: Config,
    network: nn.Module,
    *,
    settings: dict[str, Any],
    task: Task,
    start: StartFile | None,
    is_new: bool,
) -> tuple[frozenset[str], list[Event]]:
    """Load what `network`, built by `settings`, starts from: the names of the weights, and what the log says of it."""
    if start is not None:
        transfer = take_over(network, settings, task, start)
        words = describe_transfer(transfer, config.model.pretrained, start, channels=settings["input_channels"])
        notes: list[Event] = [events.Noted(text=words)]
        if config.compile.frozen_epochs and not transfer.anew:
            notes.append(events.Warned(text="no layer begins anew, so that none is kept as it is at the start"))
            return frozenset(), notes
        return frozenset(transfer.taken), notes
    source = config.model.backbone_source
    if not is_new or not source:
        return frozenset(), []
    given = source if source == IMAGENET else str(config.resolve(source))
    loaded = load_backbone_weights(network, backbone=config.model.backbone, source=given)
    return loaded, [events.Noted(text=f"the backbone starts from {source}: {len(loaded)} arrays of weights")]


def _create_stepper(
    config: Config, *, network: torch.nn.Module, loss: torch.nn.Module, task: Task, device: torch.device
) -> Stepper:
    settings = config.compile
    optimizer = optimizers.create(
        settings.optimizer,
        optimizers.parameter_groups(network, settings.layer_decay),
        learning_rate=settings.learning_rate,
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
    )
    return Stepper(
        network=network,
        loss=loss,
        optimizer=optimizer,
        device=device,
        precision=config.training.precision,
        pixel_predictions=task.pixels,
        split_on_oom=config.training.reduce_batch_on_out_of_memory,
        accumulate=config.training.batches_per_step,
        max_gradient_norm=settings.max_gradient_norm,
    )


def _create_validator(
    config: Config, *, network: torch.nn.Module, loss: torch.nn.Module, task: Task, images: Images, device: torch.device
) -> Validator:
    assert isinstance(config.compile.metrics, list)
    return Validator(
        network=network,
        loss=loss,
        task=task,
        images=images,
        tile=tuple(config.sampling.patch_size),
        divisors=config.model.size_divisors(config.task.dim),
        metrics=config.compile.metrics,
        device=device,
        precision=config.training.precision,
    )


def _create_batch_maker(config: Config, patches: Patches, device: torch.device) -> BatchMaker:
    training = config.training
    return BatchMaker(
        patches=patches,
        device=device,
        layout=memory_format(training.memory_format, config.task.dim),
        on_device=training.augment_on == "device",
    )


def _golden_input(config: Config, previewer: Validator) -> torch.Tensor:
    """The tile by which a model checks itself: the middle of the first validation image, as small as may be."""
    multiples = config.model.size_divisors(config.task.dim)
    least = _GOLDEN_TILE_PX[config.task.dim]
    sides = [
        min(length, round_to_multiple(least, multiple))
        for length, multiple in zip(previewer.tile, multiples, strict=True)
    ]
    shape = previewer.images.shape(0)
    starts = [max(0, (full - side) // 2) for full, side in zip(shape, sides, strict=True)]
    region = tuple(slice(at, min(full, at + side)) for at, side, full in zip(starts, sides, shape, strict=True))
    tile = previewer.images.region(0, region)[0]
    missing = [(0, 0), *((0, side - length) for side, length in zip(sides, tile.shape[1:], strict=True))]
    return torch.from_numpy(np.pad(tile, missing, mode="symmetric"))


def _named(section: Any, function: Any) -> dict[str, Any]:
    """The settings of `section` that `function` takes, by name."""
    names = inspect.signature(function).parameters
    return {name: value for name, value in section.model_dump().items() if name in names}
