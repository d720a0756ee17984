"""A training run in memory: what one session works with, and the record that a checkpoint keeps of it."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from nbtrainer.augment.patches import Patches
from nbtrainer.catalog import SCHEDULES
from nbtrainer.config import Config
from nbtrainer.data.patch_sampler import PatchLocation
from nbtrainer.data.prefetch import prefetch
from nbtrainer.data.sampling_log import PatchContent, SamplingLog
from nbtrainer.data.split_record import SplitRecord
from nbtrainer.datasets import Survey
from nbtrainer.disk import write_json
from nbtrainer.engine.batches import Batch, BatchMaker
from nbtrainer.engine.checkpoint import BestCheckpoints
from nbtrainer.engine.clock import Clock
from nbtrainer.engine.plateau import Plateau
from nbtrainer.engine.stepper import Stepper
from nbtrainer.engine.validate import Validator, score_regions
from nbtrainer.inference.device import on_processor
from nbtrainer.optimizers import Schedule
from nbtrainer.runs import RunDirectory
from nbtrainer.runs.events import Event
from nbtrainer.tasks import Task

if TYPE_CHECKING:
    from nbtrainer.engine.ranks import Ranks

# of the patches of an epoch, one in so many counts as hard
_HARD_SHARE = 5
_AHEAD_BYTES = 512 * 1024**2


@dataclass(kw_only=True)
class TrainingJob:
    """Everything a run works with. `config` is complete: nothing in it is `auto` any more but the device."""

    config: Config
    directory: RunDirectory
    survey: Survey
    task: Task
    network: nn.Module
    stepper: Stepper
    patches: Patches
    batches: BatchMaker
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
    unread_errors: list[tuple[torch.Tensor, list[PatchLocation]]] = field(default_factory=list)
    compiled: Any = None
    averaged: AveragedModel | None = None
    plateau: Plateau = field(default_factory=Plateau)
    # names of the weights that were taken over from another model
    loaded: frozenset[str] = frozenset()
    is_frozen: bool = False
    has_reported_drive: bool = False
    # what happened that the drive of the run does not hold yet: a checkpoint holds it meanwhile
    uncopied: Callable[[], list[Event]] = list
    # of the first steps of this session
    first_loss: float | None = None
    baselines: dict[str, float] = field(default_factory=dict)
    # the other processes of the run, if it has any
    ranks: Ranks | None = None
    # what batches show whose labels are on their way back from the device
    _awaited: list[Future[list[PatchContent]]] = field(default_factory=list, init=False, repr=False)

    def batch(self, step: int) -> Batch:
        """The batch of `step`; where it is divided among processes, the part of this one."""
        numbers: Sequence[int] = self.clock.patch_numbers(step)
        if self.ranks is not None:
            numbers = self.ranks.own_numbers(self, step)
        return self.batches.make(numbers, self.task)

    def coming_batches(self, steps: range) -> Generator[Batch]:
        """The batches of `steps`, made ahead as far as there are workers."""
        if self.ranks is not None:
            self.ranks.announce(self, steps)
        return prefetch(self.batch, steps, self.workers, self.batches_ahead)

    @property
    def batch_size(self) -> int:
        """Patches that the network sees at once."""
        return int(self.config.training.batch_size)

    @property
    def batches_ahead(self) -> int:
        """How many batches may be made ahead: as many as fit into half a gigabyte, at least one."""
        config = self.config
        pixels = self.batch_size * int(np.prod(config.sampling.patch_size))
        channels = int(config.model.input_channels) + self.task.output_channels
        return max(1, int(_AHEAD_BYTES / (4 * pixels * channels)))

    def record_batch(self, batch: Batch) -> None:
        """Enter a batch that was trained on into the sampling log, and among the hard ones what the network was wrong in."""
        batch = self.stepper.whole(batch)
        self._awaited.append(batch.content)
        self._enter_contents(only_ready=True)
        if self.config.sampling.hard_fraction:
            # read later, all at once: reading waits for the device
            self.unread_errors.append((self.stepper.patch_errors, batch.locations))

    def settle(self) -> None:
        """Enter into the sampling log what patches of batches that were recorded show, and wait for it."""
        self._enter_contents(only_ready=False)

    def _enter_contents(self, only_ready: bool) -> None:
        while self._awaited and (self._awaited[0].done() or not only_ready):
            for seen in self._awaited.pop(0).result():
                self.sampling_log.add(seen)

    def read_errors(self) -> None:
        """Bring the errors of the patches of this epoch from the device."""
        if self.unread_errors:
            errors = torch.cat(on_processor([errors for errors, _ in self.unread_errors])).tolist()
            locations = [place for _, places in self.unread_errors for place in places]
            self.patch_losses += list(zip(errors, locations, strict=True))
            self.unread_errors = []

    def close_epoch(self) -> None:
        """What was hard in this epoch is shown again in the next; the same for all of it, whatever the workers."""
        self.read_errors()
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
        self.settle()
        return self.sampling_log.summary([pair.name for pair in self.survey.split.train])

    def test_validator(self) -> Validator:
        """Like the validator, for the test images."""
        images = dataclasses.replace(self.validator.images, pairs=self.survey.split.test)
        return dataclasses.replace(self.validator, images=images, score_regions=score_regions)

    def training_validator(self) -> Validator:
        """Like the validator, for the training images."""
        return dataclasses.replace(self.validator, images=self.patches.images, score_regions=score_regions)

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
        if settings.schedule == "list":
            number = min(self.clock.step // self.clock.steps_per_epoch, len(settings.rates) - 1)
            return settings.rates[number]
        schedule = Schedule(
            warm_up_fraction=settings.warm_up_fraction,
            milestones=settings.milestones,
            step_epochs=settings.step_epochs,
            decay=settings.decay,
            power=settings.power,
            epochs=self.clock.epochs,
        )
        fallen = settings.decay**self.plateau.falls if settings.schedule == "plateau" else 1.0
        return float(settings.learning_rate * fallen * SCHEDULES.load(settings.schedule)(self.clock.progress, schedule))

    @property
    def model(self) -> nn.Module:
        """What validates, is kept and predicts: the network, or the moving average of its weights."""
        return self.network if self.averaged is None else self.averaged.module

    def freeze(self) -> None:
        """Keep the weights that were taken over from another model as they are, while the settings say so."""
        is_frozen = self.clock.step < self.config.compile.frozen_epochs * self.clock.steps_per_epoch
        if is_frozen != self.is_frozen:
            self.is_frozen = is_frozen
            for name, weights in self.network.named_parameters():
                weights.requires_grad_(not (is_frozen and name in self.loaded))
