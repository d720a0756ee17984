"""From settings to objects: the only file that knows both settings and libraries."""

from __future__ import annotations

import dataclasses
import inspect
import math
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from nbtrainer import losses, metrics, models, optimizers
from nbtrainer._version import __version__
from nbtrainer.augment.patches import Patch, Patches
from nbtrainer.catalog import LOSSES, NETWORKS, SCHEDULES, round_to_multiple
from nbtrainer.config import Config
from nbtrainer.data.cache import Cache
from nbtrainer.data.file_names import shortest_names
from nbtrainer.data.file_stats import image_stats
from nbtrainer.data.fingerprints import Fingerprints
from nbtrainer.data.images import Images
from nbtrainer.data.patch_sampler import PatchLocation, PatchSampler
from nbtrainer.data.sampling_log import PatchContent, SamplingLog
from nbtrainer.data.split_record import SplitRecord
from nbtrainer.data.statistics import pooled
from nbtrainer.datasets import Survey, survey
from nbtrainer.datasets.survey import flat_levels_in, normalizer_of, spacing_in
from nbtrainer.datasets.task_from_data import task_of
from nbtrainer.disk import write_json
from nbtrainer.engine import autotune
from nbtrainer.engine.checkpoint import BestCheckpoints
from nbtrainer.engine.clock import Clock
from nbtrainer.engine.stepper import Stepper
from nbtrainer.engine.validate import Validator
from nbtrainer.environment import available_memory, usual_threads
from nbtrainer.errors import UserError
from nbtrainer.inference.device import choose_device, memory_format, random_state, set_random_state
from nbtrainer.inference.golden_tile import golden_tile
from nbtrainer.inference.pretrained import describe_transfer, network_settings, pretrained_record, take_over
from nbtrainer.io.annotations.classes import format_classes
from nbtrainer.io.formats import open_image, version
from nbtrainer.models.recomputing import Recomputing
from nbtrainer.runs import RunDirectory, events
from nbtrainer.runs.events import Event
from nbtrainer.tasks import Task
from nbtrainer.wording import first_of_many

# decoded images may take this share of the memory that is free when a run starts
_CACHE_SHARE = 0.25
# precision and format are measured on part of a batch: their order is the same, and slow machines are slow
_MEASURED_TILES = 2
# of the patches of an epoch, one in so many counts as hard
_HARD_SHARE = 5
# which images validate follows from these
_SPLIT_SETTINGS = ("validation_fraction", "split_groups", "split_gap")
_AHEAD_BYTES = 512 * 1024**2
# sides of the tile by which a model checks itself, in 2D and 3D
_CHECK_TILE_PX = {2: 64, 3: 32}

_opened: dict[Any, Patches] = {}
# of training, validation and test images, and of what the form has opened
_cache = Cache(0)


class Batch(NamedTuple):
    """Images (B, C, [Z,] Y, X) and targets (B, K, [Z,] Y, X) on the device; where patches were cut, and what they show."""

    images: torch.Tensor
    targets: torch.Tensor
    locations: list[PatchLocation]
    summary: list[PatchContent]


@dataclass
class TrainingJob:
    """Everything a run works with. `config` is complete: nothing in it is `auto` any more but the device."""

    config: Config
    directory: RunDirectory
    survey: Survey
    task: Task
    network: nn.Module
    stepper: Stepper
    patches: Patches
    validator: Validator
    previewer: Validator
    clock: Clock
    best: BestCheckpoints
    monitor: str
    metrics: list[str]
    device: torch.device
    workers: int
    compile_from_step: int | None
    measured_ms: dict[str, float]
    network_record: dict[str, Any]
    spacing: tuple[float, ...] | None
    # asked of the files at the start: saving needs nothing but what is in memory
    about_images: dict[str, Any]
    check_tile: torch.Tensor
    split_record: SplitRecord
    saved_at: float = field(default_factory=time.monotonic)
    # for the log, before the first step of a session
    notes: list[Event] = field(default_factory=list)
    sampling_log: SamplingLog = field(default_factory=SamplingLog)
    patch_losses: list[tuple[float, PatchLocation]] = field(default_factory=list)
    compiled: Any = None
    baselines: dict[str, float] = field(default_factory=dict)

    def batch(self, step: int) -> Batch:
        """The batch of `step`."""
        drawn = [self.patches.patch(number) for number in self.clock.patch_numbers(step)]
        images = torch.from_numpy(np.stack([patch.image for patch in drawn]))
        links = self.patches.images.links
        encoded = [self.task.target(patch.image, patch.label, links(patch.location.index)) for patch in drawn]
        targets = torch.from_numpy(np.stack(encoded))
        layout = memory_format(self.config.training.memory_format, self.config.task.dim)
        if self.device.type == "cuda":
            images, targets = images.pin_memory(), targets.pin_memory()
        return Batch(
            images.to(self.device, memory_format=layout, non_blocking=True),
            targets.to(self.device, non_blocking=True),
            [patch.location for patch in drawn],
            [self._seen(patch) for patch in drawn],
        )

    def _seen(self, patch: Patch) -> PatchContent:
        return PatchContent.of(patch.location, patch.label, self.task.class_of(patch.label), self.task.ignored)

    @property
    def batches_ahead(self) -> int:
        """How many batches may be made ahead: as many as fit into half a gigabyte, at least one."""
        config = self.config
        pixels = config.training.batch_size * int(np.prod(config.sampling.patch_size))
        channels = int(config.model.input_channels) + self.task.output_channels
        return max(1, int(_AHEAD_BYTES / (4 * pixels * channels)))

    def record_batch(self, batch: Batch) -> None:
        """Enter a batch that was trained on into the ledger, and among the hard ones what the network was wrong in."""
        for seen in batch.summary:  # counted with the batch, by whoever made it
            self.sampling_log.add(seen)
        if self.config.sampling.hard_fraction:
            errors = self.stepper.patch_errors.tolist()
            self.patch_losses += list(zip(errors, batch.locations, strict=True))

    def close_epoch(self) -> None:
        """What was hard in this epoch is shown again in the next; the same for all of it, whatever the workers."""
        if self.patch_losses:
            hardest = sorted(self.patch_losses, key=lambda entry: -entry[0])[
                : max(1, len(self.patch_losses) // _HARD_SHARE)
            ]
            self.patches.sampler.hard = [place for _, place in hardest]
            self.patch_losses = []

    def write_seen(self) -> None:
        """Write what training has seen so far into the run's folder."""
        write_json(self.directory.tiles, self.sampling_summary(), is_synced=False)

    def sampling_summary(self) -> dict[str, Any]:
        """What training has seen so far: see `SamplingLog.summary`."""
        return self.sampling_log.summary([pair.name for pair in self.survey.split.train])

    def test_validator(self) -> Validator:
        """Like the validator, for the test images."""
        images = dataclasses.replace(self.validator.images, pairs=self.survey.split.test)
        return dataclasses.replace(self.validator, images=images)

    def training_validator(self) -> Validator:
        """Like the validator, for the training images."""
        return dataclasses.replace(self.validator, images=self.patches.images)

    def use_task(self, task: Task) -> None:
        """Decode with other thresholds from now on."""
        self.task = self.validator.task = self.previewer.task = task

    def compare_with(self, name: str, scores: dict[str, float]) -> None:
        """Remember the monitored score of something that the model has to beat."""
        if self.monitor in scores:
            self.baselines[name] = scores[self.monitor]

    def learning_rate(self) -> float:
        """Of the next step."""
        settings = self.config.compile
        factor = SCHEDULES.load(settings.schedule)(self.clock.progress, settings.warm_up_fraction)
        return float(settings.learning_rate * factor)

    def checkpoint(
        self, score: float | None, epoch_totals: dict[str, Any], happened: Sequence[Event] = ()
    ) -> dict[str, Any]:
        """The record to save: what prediction needs, and under `resume` what an exact continuation needs besides.

        `happened`: events that are told once the record is written; should the process be killed between, a resume
        tells them.
        """
        settings = self.config.model_dump()
        return {
            "format": 1,
            "versions": {
                "nbtrainer": __version__,
                "torch": str(torch.__version__),
                "python": platform.python_version(),
            },
            "network": self.network_record,
            "weights": self.network.state_dict(),
            "task": {"name": self.task.name, "settings": self.task.as_record()},
            "normalization": self.patches.images.normalizer.as_record(),
            "preparation": self.survey.preparation.as_record(),
            "spacing": self.spacing,
            **self.about_images,
            "tile": list(self.config.sampling.patch_size),
            "config": settings,
            "step": self.clock.step,
            "epoch": self.clock.epoch,
            "monitor": self.monitor,
            "score": score,
            "self_check": golden_tile(self.network, self.check_tile),
            "resume": {
                "optimizer": self.stepper.optimizer.state_dict(),
                "scaler": self.stepper.scaler.state_dict(),
                "random": random_state(self.device),
                "clock": self.clock.as_record(),
                "best": self.best.entries,
                "parts": self.stepper.micro_batches,
                "recomputes": isinstance(self.network, Recomputing) and self.network.recomputes,
                "sums": epoch_totals,
                "happened": [event.as_record() for event in happened],
                "ledger": self.sampling_log.as_record(),
                "split": self.split_record.as_record(),
                "wrong": [[error, place.as_record()] for error, place in self.patch_losses],
                "compared": self.baselines,
                "files": fingerprints.as_record() if (fingerprints := self.patches.images.fingerprints) else {},
                "hard": [place.as_record() for place in self.patches.sampler.hard],
            },
        }

    def restore(self, record: dict[str, Any]) -> dict[str, Any]:
        """Continue from a checkpoint; the sums of the epoch that was under way."""
        self.network.load_state_dict(record["weights"])
        state = record["resume"]
        self.stepper.optimizer.load_state_dict(state["optimizer"])
        self.stepper.scaler.load_state_dict(state["scaler"])
        random = state["random"]  # of before, that of the processor alone
        set_random_state(random if isinstance(random, dict) else {"cpu": random}, self.device)
        self.clock.restore(state["clock"])
        self.best.restore(state["best"], self.directory.last, record["step"])
        self.stepper.micro_batches = state["parts"]
        if isinstance(self.network, Recomputing):
            self.network.recomputes = bool(state.get("recomputes"))
        numbers = self._numbers(split_before(record))
        self.sampling_log = (
            SamplingLog.from_record(state["ledger"]).renumbered(numbers) if "ledger" in state else SamplingLog()
        )
        hard = [PatchLocation.of(values) for values in state.get("hard", [])]
        self.patches.sampler.hard = [
            dataclasses.replace(place, index=numbers[place.index]) for place in hard if place.index in numbers
        ]
        self.baselines = {**self.baselines, **state.get("compared", {})}
        wrong = [(error, PatchLocation.of(values)) for error, values in state.get("wrong", [])]
        self.patch_losses = [
            (error, dataclasses.replace(place, index=numbers[place.index]))
            for error, place in wrong
            if place.index in numbers
        ]
        self.notes += _changed_files(self.patches.images.fingerprints, state.get("files", {}))
        sums = state["sums"]
        assert isinstance(sums, dict)
        return sums

    def _numbers(self, before: SplitRecord | None) -> dict[int, int]:
        """By the number that a training image had in the session before, the number that it has in this one."""
        train = self.survey.split.train
        if before is None:  # of an older version
            return {number: number for number in range(len(train))}
        return before.numbers(self.survey.listed, train)


def split_before(record: dict[str, Any] | None) -> SplitRecord | None:
    """Which images trained and which judged by a checkpoint; None of an older version, which did not note it."""
    state = record["resume"] if record is not None else {}
    return SplitRecord.from_record(state["split"], state.get("files", {})) if "split" in state else None


def _changed_files(fingerprints: Fingerprints | None, record: dict[str, Any]) -> list[Event]:
    """A warning of files that are others than in the session before, if any are."""
    changed = fingerprints.changed_since(record) if fingerprints else []
    if not changed:
        return []
    which = first_of_many(shortest_names(changed))
    words = f"changed since the run was stopped: {which}. Training goes on with them as they are now"
    return [events.Warned(text=words)]


def build(config: Config, directory: RunDirectory, record: dict[str, Any] | None = None) -> TrainingJob:
    """The objects for `config`. Measures what is `auto` among precision, memory format and compile (at most 5 s).

    `record`: the checkpoint from which a run goes on: it keeps its split. Raises `UserError` if nothing of that is left.
    """
    before = split_before(record)
    surveyed = survey(config, before)
    if before is not None:
        _refuse_if_none_is_left(before, surveyed)
    for pair in surveyed.pairs:
        if image_stats(pair.image).problem:  # it was sound when it was checked
            raise UserError(
                str(pair.image), image_stats(pair.image).problem, "Was it changed since the run was started?"
            )
    fingerprints = Fingerprints(path for pair in surveyed.pairs for path in pair.files)
    device = device_of(config)
    threads = config.training.threads or usual_threads()
    torch.set_num_threads(threads)
    torch.manual_seed(config.training.seed)
    # a run that goes on has its weights, and needs the model that it started from no more
    pretrained = None if directory.last.exists() else pretrained_record(config)
    config = _with_pretrained_settings(config, pretrained)
    task = _task(config, surveyed)
    config = resolve_auto(config, surveyed, task)
    surveyed = survey(config, before)  # once more: by now the number of channels and their axis are settled
    assert isinstance(config.compile.metrics, list)
    assert isinstance(config.model.input_channels, int)
    assert isinstance(config.model.anisotropic_levels, int)
    network_record = network_settings(config, task, config.model.input_channels, config.model.anisotropic_levels)
    network = models.create(**network_record)
    notes: list[Event] = _kept_split(config, record, before, surveyed)
    if pretrained is not None:
        transfer = take_over(network, network_record, task, pretrained)
        notes.append(events.Noted(text=describe_transfer(transfer, config.model.pretrained)))
    network.to(device)
    may_ignore = task.may_ignore(surveyed.pairs) or config.data.ignore_value is not None
    loss = losses.create(config.compile.loss, task.loss_settings, may_ignore).to(device)
    # outputs of whole images are put together by the processor: their loss is calculated there too
    validation_loss = losses.create(config.compile.loss, task.loss_settings, may_ignore)
    patches = _patches(config, surveyed, task, fingerprints)
    clock = Clock.from_settings(**_named(config.training, Clock.from_settings), patches_per_pass=patches.per_pass)
    measured = _choose(config, network, loss, task, device, clock)
    network.to(memory_format=memory_format(config.training.memory_format, config.task.dim))  # type: ignore[call-overload]
    settings, names = config.compile, config.compile.metrics
    optimizer = optimizers.create(
        settings.optimizer, network.parameters(), settings.learning_rate, settings.momentum, settings.weight_decay
    )
    stepper = Stepper(
        network,
        loss,
        optimizer,
        device,
        config.training.precision,
        task.pixels,
        config.training.reduce_batch_on_out_of_memory,
    )
    validator = Validator(
        network,
        validation_loss,
        task,
        dataclasses.replace(patches.images, pairs=surveyed.split.validation),
        tuple(config.sampling.patch_size),
        config.model.size_divisors(config.task.dim),
        names,
        device,
        config.training.precision,
    )
    # without validation images, pictures show how training images fare
    previewer = validator if len(validator.images) else dataclasses.replace(validator, images=patches.images)
    monitor = config.training.monitor
    workers = config.training.workers
    return TrainingJob(
        config=config,
        directory=directory,
        survey=surveyed,
        task=task,
        network=network,
        stepper=stepper,
        patches=patches,
        validator=validator,
        previewer=previewer,
        clock=clock,
        best=BestCheckpoints(directory.checkpoints, config.training.keep_best, metrics.higher_is_better(monitor)),
        monitor=monitor,
        metrics=names,
        device=device,
        workers=(2 if device.type == "cuda" else 0) if workers is None else workers,
        # a fixed step, so that a resumed run changes over where the first one did
        compile_from_step=clock.steps_per_epoch if config.training.torch_compile == "on" else None,
        measured_ms=measured,
        network_record=network_record,
        spacing=spacing_in(config, surveyed),
        notes=notes,
        about_images=surveyed.image_traits(),
        check_tile=_check_tile(config, previewer),
        split_record=SplitRecord.of(surveyed.listed, surveyed.divided, surveyed.split.train, before),
    )


def _refuse_if_none_is_left(before: SplitRecord, surveyed: Survey) -> None:
    for use, verb in (("train", "trained"), ("validation", "validated")):
        had = list(dict.fromkeys(Path(entry.image).name for entry in before.entries if entry.use == use))
        if had and not getattr(surveyed.split, use):
            raise UserError(
                "data.datasets",
                f"no image is left of those that {verb} in this run ({', '.join(had[:3])}{', ...' if len(had) > 3 else ''})",
                "Put them back, or start a new run with the images that are there",
            )


def _kept_split(
    config: Config, record: dict[str, Any] | None, before: SplitRecord | None, surveyed: Survey
) -> list[Event]:
    """What is to be told of the split of a run that goes on."""
    if record is None or before is None:
        return []
    sentences = before.warnings(surveyed.listed)
    stored = record["config"]["data"]
    changed = [
        f"data.{name}" for name in _SPLIT_SETTINGS if name in stored and stored[name] != getattr(config.data, name)
    ]
    if changed:
        verb = "has" if len(changed) == 1 else "have"
        sentences.append(f"{' and '.join(changed)} {verb} no effect: a run that goes on keeps its validation images")
    return [events.Warned(text=text) for text in sentences]


def device_of(config: Config) -> torch.device:
    """Where `config` trains here; raises `UserError` if that device is not here or cannot do what is asked."""
    device = choose_device(config.training.device)
    if config.training.precision == "float16" and device.type == "cpu":
        raise UserError(
            "training.precision",
            "float16 needs a graphics card, and there is none",
            "Choose auto or float32",
            suggestions=("auto", "float32"),
        )
    return device


def training_patches(config: Config) -> Patches:
    """The patches that training with `config` draws; keeps what it opened for the next call with the same.

    Raises `UserError` if the data cannot be listed.
    """
    if len(config.sampling.patch_size) != config.task.dim and not config.sampling.whole_images:
        given = len(config.sampling.patch_size)
        raise UserError("sampling.patch_size", f"{given} numbers were given", f"Give {config.task.dim} of them")
    surveyed = survey(config)
    if surveyed.problems:
        raise UserError.of(surveyed.problems)
    if not surveyed.split.train:
        raise UserError("data.datasets", "no image is left to train", "Add a dataset")
    files = [version(path) for pair in surveyed.split.train for path in pair.files]
    settings = config.model_dump_json(exclude={"output"})
    key = (settings, str(surveyed.split.train), tuple(files))
    patches = _opened.get(key)
    if patches is None:
        task = _task(config, surveyed)
        patches = _patches(resolve_auto(config, surveyed, task), surveyed, task)
        _opened.clear()  # of one config only: the data may be large
        _opened[key] = patches
    return patches


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
    config.model.input_channels = _input_channels(config, surveyed)
    config.model.anisotropic_levels = flat_levels_in(config, surveyed)
    if config.sampling.whole_images:
        shapes = [surveyed.preparation.open(each)[0].shape for each in surveyed.split.train]
        largest = [max(lengths) for lengths in zip(*shapes, strict=True)]
        config.sampling.patch_size = largest
    if not NETWORKS[config.model.name].suits(task.name):
        config.model.name = next(name for name, entry in NETWORKS.items() if entry.suits(task.name))
    if config.compile.loss == "auto" or not LOSSES[config.compile.loss].suits(task.name):
        config.compile.loss = task.default_loss  # the check warns of one that does not suit
    chosen = config.compile.metrics
    suited = [] if chosen == "auto" else [name for name in chosen if task.measures(name)]
    config.compile.metrics = suited if suited or chosen == [] else list(task.default_metrics)
    if config.training.monitor == "auto":
        first = f"validation_{config.compile.metrics[0]}" if config.compile.metrics else "validation_loss"
        if all(pair.label is None for pair in surveyed.split.validation):
            first = "validation_loss"  # without labels there is no other score
        config.training.monitor = first if surveyed.split.validation else "train_loss"
    return config


def _task(config: Config, surveyed: Survey) -> Task:
    return task_of(
        config,
        surveyed,
        spacing=spacing_in(config, surveyed) or (),
        frequencies=surveyed.label_frequencies(surveyed.split.train),
        input_channels=_input_channels(config, surveyed),
    )


def _input_channels(config: Config, surveyed: Survey) -> int:
    given = config.model.input_channels
    return surveyed.preparation.open(surveyed.pairs[0])[0].channels if given == "auto" else given


def _images(config: Config, surveyed: Survey, fingerprints: Fingerprints | None) -> Images:
    """The training images; normalised as the settings say, on the whole set if they say so."""
    _cache.limit = int(_CACHE_SHARE * (available_memory() + _cache.held))
    train = surveyed.split.train
    exact = config.data.exact_statistics
    images = Images(train, normalizer_of(config), surveyed.preparation, _cache, exact, fingerprints)
    if images.normalizer.scope == "dataset":
        every = pooled(images.measured(index) for index in range(len(train)))
        images.normalizer = dataclasses.replace(images.normalizer, fixed=images.normalizer.fit(every))
    return images


def _patches(config: Config, surveyed: Survey, task: Task, fingerprints: Fingerprints | None = None) -> Patches:
    images = _images(config, surveyed, fingerprints)
    settings = config.sampling.model_dump(exclude={"patch_size", "whole_images"})
    if config.sampling.whole_images:
        settings["method"] = "image"
    places = PatchSampler(
        images,
        [images.shape(index) for index in range(len(images))],
        tuple(config.sampling.patch_size),
        seed=config.training.seed,
        shuffle=config.training.shuffle,
        class_of=task.class_of,
        **settings,
    )
    return Patches(places, **config.augmentation.model_dump(exclude={"strength"}))


def _check_tile(config: Config, previewer: Validator) -> torch.Tensor:
    """The tile by which a model checks itself: the middle of the first validation image, as small as may be."""
    multiples = config.model.size_divisors(config.task.dim)
    least = _CHECK_TILE_PX[config.task.dim]
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


def _choose(
    config: Config, network: nn.Module, loss: nn.Module, task: Task, device: torch.device, clock: Clock
) -> dict[str, float]:
    """Settle precision, memory format and compile in `config`; milliseconds measured for each candidate."""
    training = config.training
    precisions = {"cpu": ["float32", "bfloat16"], "cuda": ["float32", "bfloat16", "float16"]}.get(
        device.type, ["float32"]
    )
    precisions = precisions if training.precision == "auto" else [training.precision]
    formats = ["contiguous", "channels_last"] if training.memory_format == "auto" else [training.memory_format]
    tiles = min(_MEASURED_TILES, training.batch_size)
    seconds = {}
    if len(precisions) * len(formats) > 1 or training.torch_compile == "auto":
        channels = int(config.model.input_channels)
        images = torch.zeros(tiles, channels, *config.sampling.patch_size).uniform_(
            generator=torch.Generator().manual_seed(0)
        )
        blank = np.zeros(config.sampling.patch_size, np.uint8)
        targets = torch.from_numpy(np.stack([task.target(image, blank) for image in images.numpy()]))
        seconds = autotune.measure(network, loss, images, targets, device, precisions, formats)
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


def _with_pretrained_settings(config: Config, record: dict[str, Any] | None) -> Config:
    """With `compile.recompile` off, optimizer, loss and metrics are those of the model that is started from."""
    config = config.model_copy(deep=True)
    if record is not None and not config.compile.recompile:
        stored = record["config"]["compile"]
        config.update(compile={name: stored[name] for name in ("optimizer", "learning_rate", "loss", "metrics")})
    return config


def _named(section: Any, function: Any) -> dict[str, Any]:
    """The settings of `section` that `function` takes, by name."""
    names = inspect.signature(function).parameters
    return {name: value for name, value in section.model_dump().items() if name in names}
