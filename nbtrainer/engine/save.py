"""What a run saves: a checkpoint at the end of an epoch or within it, the best of them, and the events that tell of it."""

from __future__ import annotations

import math
import time
from typing import Any

from nbtrainer.engine import checkpoint
from nbtrainer.engine.intervals import is_due
from nbtrainer.engine.job import TrainingJob
from nbtrainer.engine.job_record import checkpoint_record
from nbtrainer.engine.nan_loss import DivergedError
from nbtrainer.engine.progress import Emit
from nbtrainer.runs import events


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
    if file or keeps or is_required or is_due(training, clock, training.save_interval):
        happened.append(_saved(job, kind="last", path="checkpoints/last.pt", score=score))
        _write(job, score, epoch_totals, happened)
    if file:
        checkpoint.copy(job.directory.last, target=job.directory.checkpoints / file)
        best.settle()
    if keeps:
        unit, number = ("step", clock.step) if training.intervals_in == "steps" else ("epoch", clock.epoch)
        own = f"{unit}-{number:04d}.pt"
        checkpoint.copy(job.directory.last, target=job.directory.checkpoints / own)
        happened.append(_saved(job, kind="epoch", path=f"checkpoints/{own}", score=score))
    for event in happened:
        emit(event)
    job.write_seen()


def save_within_epoch(job: TrainingJob, emit: Emit, epoch_totals: dict[str, Any]) -> None:
    """Save inside an epoch; what it has summed so far is saved with it, so that it goes on from there exactly."""
    _write(job, None, epoch_totals, [])
    emit(_saved(job, kind="last", path="checkpoints/last.pt", score=None))


def _write(job: TrainingJob, score: float | None, epoch_totals: dict[str, Any], happened: list[events.Event]) -> None:
    if not all(bool(weights.isfinite().all()) for weights in job.network.parameters()):
        raise DivergedError(job, f"the weights are no longer numbers at step {job.clock.step}")
    checkpoint.write(checkpoint_record(job, score, epoch_totals, happened), job.directory.last)
    job.saved_at = time.monotonic()


def _saved(job: TrainingJob, *, kind: str, path: str, score: float | None) -> events.CheckpointSaved:
    return events.CheckpointSaved(kind=kind, path=path, step=job.clock.step, epoch=job.clock.epoch, score=score)
