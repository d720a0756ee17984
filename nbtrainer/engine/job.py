"""A training run in memory: what one session works with, and the record that a checkpoint keeps of it."""

from __future__ import annotations

import dataclasses
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from nbtrainer._version import __version__
from nbtrainer.augment.patches import Patch, Patches
from nbtrainer.catalog import SCHEDULES
from nbtrainer.config import Config
from nbtrainer.data.file_names import shortest_names
from nbtrainer.data.fingerprints import Fingerprints
from nbtrainer.data.patch_sampler import PatchLocation
from nbtrainer.data.sampling_log import PatchContent, SamplingLog
from nbtrainer.data.split_record import SplitRecord
from nbtrainer.datasets import Survey
from nbtrainer.disk import write_json
from nbtrainer.engine.checkpoint import BestCheckpoints
from nbtrainer.engine.clock import Clock
from nbtrainer.engine.resumed_split import previous_split
from nbtrainer.engine.stepper import Stepper
from nbtrainer.engine.validate import Validator
from nbtrainer.inference.device import memory_format, random_state, set_random_state
from nbtrainer.inference.golden_tile import golden_tile
from nbtrainer.models.recomputing import Recomputing
from nbtrainer.optimizers import Schedule
from nbtrainer.runs import RunDirectory, events
from nbtrainer.runs.events import Event
from nbtrainer.tasks import Task
from nbtrainer.wording import first_of_many

# of the patches of an epoch, one in so many counts as hard
_HARD_SHARE = 5
_AHEAD_BYTES = 512 * 1024**2


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
        return PatchContent.of(
            patch.location, patch.label, classes=self.task.class_of(patch.label), ignored=self.task.ignored
        )

    @property
    def batches_ahead(self) -> int:
        """How many batches may be made ahead: as many as fit into half a gigabyte, at least one."""
        config = self.config
        pixels = config.training.batch_size * int(np.prod(config.sampling.patch_size))
        channels = int(config.model.input_channels) + self.task.output_channels
        return max(1, int(_AHEAD_BYTES / (4 * pixels * channels)))

    def record_batch(self, batch: Batch) -> None:
        """Enter a batch that was trained on into the sampling log, and among the hard ones what the network was wrong in."""
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
        schedule = Schedule(
            settings.warm_up_fraction, settings.milestones, settings.decay, settings.power, self.clock.epochs
        )
        return float(settings.learning_rate * SCHEDULES.load(settings.schedule)(self.clock.progress, schedule))

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
        numbers = self._numbers(previous_split(record))
        self.sampling_log = (
            SamplingLog.from_record(state["ledger"]).renumber(numbers) if "ledger" in state else SamplingLog()
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
        return before.numbers(self.survey.listed, drawn=train)


def _changed_files(fingerprints: Fingerprints | None, record: dict[str, Any]) -> list[Event]:
    """A warning of files that are others than in the session before, if any are."""
    changed = fingerprints.changed_since(record) if fingerprints else []
    if not changed:
        return []
    which = first_of_many(shortest_names(changed))
    words = f"changed since the run was stopped: {which}. Training goes on with them as they are now"
    return [events.Warned(text=words)]
