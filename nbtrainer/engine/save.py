"""What a run saves: a checkpoint at the end of an epoch or within it, the best of them, and the events that tell of it."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable
from typing import Any

import torch

from nbtrainer.disk_errors import DRIVE_TROUBLE, DiskError
from nbtrainer.engine import checkpoint
from nbtrainer.engine.intervals import is_due
from nbtrainer.engine.job import TrainingJob
from nbtrainer.engine.job_record import checkpoint_record
from nbtrainer.engine.nan_loss import DivergedError
from nbtrainer.engine.progress import Emit
from nbtrainer.runs import events

# how long a drive may be away where something must be saved, and how soon it is looked for again
_SECONDS_FOR_A_DRIVE, _SECONDS_BETWEEN_TRIES = 60.0, 20.0


def seconds_unsaved(job: TrainingJob) -> float:
    return time.monotonic() - job.saved_at


def save_scored(
    job: TrainingJob, emit: Emit, scores: dict[str, float], epoch_totals: dict[str, Any], *, is_required: bool
) -> None:
    """Save what is due at the end of an epoch, or where steps are counted within it, and tell of the `scores`.

    `epoch_totals`: of an epoch that is not over yet; empty at its end. It is saved if the interval says so, if the score
    earned a place among the best, or if it `is_required`.
    """
    clock, best, training = job.clock, job.best, job.config.training
    score = scores.get(job.monitor)
    loss = scores.get("validation_loss", math.inf)
    is_best = score is not None and best.is_best(score, loss=loss)
    earned = score is not None and best.earns_a_place(score, loss=loss)
    if score is not None and job.config.compile.schedule == "plateau":
        job.plateau.enter(is_best=is_best, patience=job.config.compile.plateau_patience)
    before = list(best.entries)
    file = best.enter(score, epoch=clock.epoch, step=clock.step, loss=loss) if score is not None and earned else ""
    happened: list[events.Event] = []
    if scores:
        kind = events.ValidatedWithin if epoch_totals else events.EpochEnded
        scored = kind(
            epoch=clock.epoch,
            step=clock.step,
            scores=scores,
            learning_rate=job.learning_rate(),
            elapsed_seconds=clock.elapsed_seconds,
            is_best=is_best,
        )
        happened.append(scored)
    if is_best:
        happened.append(_saved(job, kind="best", path=f"checkpoints/{file}", score=score))
    keeps = is_due(training, clock, training.keep_each)
    own = _own_name(job) if keeps else ""

    def save() -> None:
        _write(job, score, epoch_totals, happened)
        for name in filter(None, (file, own)):
            checkpoint.copy(job.directory.last, target=job.directory.checkpoints / name)
        if file:
            best.settle()

    if file or keeps or is_required or is_due(training, clock, training.save_interval):
        happened.append(_saved(job, kind="last", path="checkpoints/last.pt", score=score))
        if not _at_drive(job, emit, save, is_required=is_required):
            best.entries = before
            happened = [
                dataclasses.replace(each, is_best=False) for each in happened if isinstance(each, events.Scored)
            ]
        elif keeps:
            happened.append(_saved(job, kind="epoch", path=f"checkpoints/{own}", score=score))
    for event in happened:
        emit(event)
    _at_drive(job, emit, job.write_seen, is_required=False)


def save_within_epoch(job: TrainingJob, emit: Emit, epoch_totals: dict[str, Any], *, is_required: bool = False) -> None:
    """Save inside an epoch; what it has summed so far is saved with it, so that it goes on from there exactly."""
    if _at_drive(job, emit, lambda: _write(job, None, epoch_totals, []), is_required=is_required):
        emit(_saved(job, kind="last", path="checkpoints/last.pt", score=None))


def _at_drive(job: TrainingJob, emit: Emit, save: Callable[[], None], *, is_required: bool) -> bool:
    """Whether `save` could be done. Where the drive is away, which is told once, it is left for the next time; what
    `is_required` is tried for a minute. Raises `OSError` or `DiskError` for anything else that the disk refuses."""
    ends = time.monotonic() + (_SECONDS_FOR_A_DRIVE if is_required else 0)
    while True:
        try:
            save()
            return True
        except (DiskError, OSError) as error:
            is_over = time.monotonic() >= ends
            if error.errno not in DRIVE_TROUBLE or (is_required and is_over):
                raise
            if not job.has_reported_drive:
                job.has_reported_drive = True
                words = "it is tried again as the run goes on, and what was saved before stays"
                emit(events.Warned(text=f"the run's folder could not be written ({error}): {words}"))
            if is_over:
                # not at the very next step: each try may take its time
                job.saved_at = time.monotonic() - 60 * job.config.training.checkpoint_interval + _SECONDS_BETWEEN_TRIES
                return False
        time.sleep(_SECONDS_BETWEEN_TRIES / 10)


def _own_name(job: TrainingJob) -> str:
    """The name of the file of a model that is kept besides the best."""
    in_steps = job.config.training.intervals_in == "steps"
    return f"step-{job.clock.step:04d}.pt" if in_steps else f"epoch-{job.clock.epoch:04d}.pt"


def _write(job: TrainingJob, score: float | None, epoch_totals: dict[str, Any], happened: list[events.Event]) -> None:
    # together, so that a device is waited for once
    if not bool(torch.stack([weights.isfinite().all() for weights in job.network.parameters()]).all()):
        raise DivergedError(job, f"the weights are no longer numbers at step {job.clock.step}")
    checkpoint.write(checkpoint_record(job, score, epoch_totals, [*job.uncopied(), *happened]), job.directory.last)
    job.saved_at = time.monotonic()


def _saved(job: TrainingJob, *, kind: str, path: str, score: float | None) -> events.CheckpointSaved:
    return events.CheckpointSaved(kind=kind, path=path, step=job.clock.step, epoch=job.clock.epoch, score=score)
