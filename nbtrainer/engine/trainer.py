"""The loop: what happens in a run, from the first step to the last, on one page."""

from __future__ import annotations

import math
import os
import socket
import time
import traceback
from contextlib import suppress
from typing import Any

import psutil
import torch

from nbtrainer import metrics
from nbtrainer.engine.change_settings import apply_changes
from nbtrainer.engine.compiled_network import change_to_compiled, step_or_fall_back
from nbtrainer.engine.finalize import finish
from nbtrainer.engine.intervals import is_due, step_intervals
from nbtrainer.engine.job import TrainingJob
from nbtrainer.engine.nan_loss import DivergedError
from nbtrainer.engine.notices import Notices
from nbtrainer.engine.patience import is_out_of_patience
from nbtrainer.engine.pause import wait_while_paused
from nbtrainer.engine.plan import announce_plan
from nbtrainer.engine.preview import Tile, choose_tiles, write_preview
from nbtrainer.engine.progress import SECONDS_BETWEEN_EVENTS, Emit, ReadStop, StopHeardError, raise_if_stopped, reporter
from nbtrainer.engine.save import save_scored, save_within_epoch, seconds_unsaved
from nbtrainer.inference.device import end_step, free_cached_memory, is_out_of_memory, memory_held, read_numbers
from nbtrainer.metrics import ConfusionCounts, MetricState
from nbtrainer.runs import events
from nbtrainer.runs.pause import read_pause
from nbtrainer.wording import first_of_many

# a validation that breaks is caught, one that is killed is not: more than this is not left to chance
_UNSAVED_SECONDS = 30.0
# so many times the loss of the first steps (or of this one, where that is tiny) is no loss of a network that learns
_EXPLODED, _SMALLEST_LOSS = 10_000.0, 0.01


def train(
    job: TrainingJob, emit: Emit, stop_asked: ReadStop, epoch_totals: dict[str, Any]
) -> events.Stopped | events.Finished:
    """Train until a budget is spent or a stop is asked; the event that ends the session, which is still to be told.

    `epoch_totals`: those of an epoch under way, from `job_record.restore`.
    """
    clock = job.clock
    job.validator.check = job.previewer.check = raise_if_stopped(stop_asked)
    announce_plan(job, emit, stop_asked)
    tiles = choose_tiles(job.previewer.images, job.task, job.config.output.preview_tiles)
    clock.start()
    notices = Notices(monitor=job.monitor)
    while not clock.is_over:
        apply_changes(job, emit)
        epoch_totals = _train_on(job, emit, stop_asked, epoch_totals, notices)
        wait_while_paused(job, emit, stop_asked, epoch_totals)
        if stop_asked() == "now":
            return _stop(job, emit, epoch_totals)
        ends_epoch = clock.ends_epoch
        scores = _training_scores(job, epoch_totals) if ends_epoch else {}
        validates = _validates_now(job, stop_asked)
        if validates:
            validation = _validate_safely(job, emit, stop_asked, tiles, epoch_totals)
            if validation is None:
                return _stop(job, emit, epoch_totals)
            scores |= validation
        if ends_epoch:
            clock.close_epoch()
            job.close_epoch()
            epoch_totals = {}
        clock.settle()
        stops, gives_up = validates and stop_asked() != "" and not clock.is_over, is_out_of_patience(job, scores)
        save_scored(job, emit, scores, epoch_totals, is_required=stops or gives_up or clock.is_over)
        for sentence in notices.look_at_epoch(scores) if scores else ():
            emit(events.Warned(text=sentence))
        if stops:
            return events.Stopped(step=clock.step)
        if gives_up:
            break
    _tell_what_was_never_seen(job, emit)
    if not finish(job, emit, stop_asked):
        return events.Stopped(step=clock.step)
    reason = "all steps done" if clock.step >= clock.total_steps else "the time is spent"
    if not clock.is_over:
        reason = f"no better score in {job.config.training.patience:,} validations"
    return events.Finished(step=clock.step, reason=reason, elapsed_seconds=clock.elapsed_seconds)


def started_event(resumed: bool, owner: str = "") -> events.RunStarted:
    """The event that opens a session of a run in this process; `owner`: the token of the session."""
    born = psutil.Process().create_time()
    return events.RunStarted(
        process=os.getpid(), process_started=born, host=socket.gethostname(), resumed=resumed, owner=owner
    )


def _train_on(
    job: TrainingJob, emit: Emit, stop_asked: ReadStop, epoch_totals: dict[str, Any], notices: Notices
) -> dict[str, Any]:
    """The steps to the end of the epoch or to what is due within it, or until the time is spent or an immediate stop is
    asked."""
    clock, stepper = job.clock, job.stepper
    counts, steps, loss_sum = ConfusionCounts(), epoch_totals.get("steps", 0), epoch_totals.get("loss", 0.0)
    terms: dict[str, Any] = dict(epoch_totals.get("terms", {}))
    group: list[torch.Tensor] = []
    began = time.monotonic()
    learning_rate = job.learning_rate()
    remaining = clock.remaining(step_intervals(job.config.training))
    for batch in notices.time_waiting(job.coming_batches(remaining)):
        if change_to_compiled(job, emit, len(batch.images)):
            began = time.monotonic()  # translating is no part of a step
        learning_rate = job.learning_rate()
        job.freeze()
        loss, counted = step_or_fall_back(job, emit, batch, learning_rate)
        if job.averaged is not None:
            job.averaged.update_parameters(job.network)
        job.record_batch(batch)
        if batch.warning:
            emit(events.Warned(text=batch.warning))
        clock.step += 1
        steps, counts = steps + 1, counts + counted
        for name, value in stepper.terms.items():
            terms[name] = terms.get(name, 0.0) + value
        end_step(job.device)  # what was added up since: else it would make the next step a program of its own
        group.append(loss)
        seconds = time.monotonic() - began
        ends = clock.is_out_of_time or stop_asked() == "now"
        saves = not ends and seconds_unsaved(job) >= 60 * job.config.training.checkpoint_interval
        is_reporting = seconds >= SECONDS_BETWEEN_EVENTS or ends or saves
        if is_reporting:
            loss_sum = _report_steps(job, emit, group, seconds=seconds, learning_rate=learning_rate, loss_sum=loss_sum)
            group, began = [], time.monotonic()
        if is_reporting and not ends:
            apply_changes(job, emit)
            ends = read_pause(job.directory) != ""
        if saves:
            save_within_epoch(job, emit, _summed(epoch_totals, counts, steps, loss_sum, terms))
            began = time.monotonic()  # nor is saving
        if ends:
            break
    if group:
        loss_sum = _report_steps(
            job, emit, group, seconds=time.monotonic() - began, learning_rate=learning_rate, loss_sum=loss_sum
        )
    return _summed(epoch_totals, counts, steps, loss_sum, terms)


def _summed(
    before: dict[str, Any], counts: ConfusionCounts, steps: int, loss_sum: float, terms: dict[str, Any]
) -> dict[str, Any]:
    """The sums of the epoch so far as plain values: `before` is what an earlier session counted.

    Tensors are only read here: once an epoch, and when it is saved within.
    """
    counted = ConfusionCounts.from_plain(before.get("counts", {})) + ConfusionCounts.from_plain(counts.plain())
    values = {name: float(value) for name, value in terms.items()}
    return {"counts": counted.plain(), "steps": steps, "loss": loss_sum, "terms": values}


def _report_steps(
    job: TrainingJob, emit: Emit, group: list[torch.Tensor], *, seconds: float, learning_rate: float, loss_sum: float
) -> float:
    """Tell of a group of steps, and return `loss_sum` with their losses added."""
    losses = read_numbers(group)
    mean = sum(losses) / len(losses)
    if job.first_loss is None and math.isfinite(mean):
        job.first_loss = abs(mean)
    most = _EXPLODED * max(job.first_loss or 0.0, _SMALLEST_LOSS)
    wrong = next((place for place, loss in enumerate(losses) if not abs(loss) <= most), None)
    if wrong is not None:
        step = job.clock.step - len(losses) + wrong
        raise DivergedError(job, f"the loss became {losses[wrong]:.4g} at step {step + 1}", step)
    emit(
        events.StepsDone(
            step=job.clock.step,
            epoch=job.clock.epoch,
            steps=len(losses),
            loss=mean,
            seconds_per_step=seconds / len(losses),
            learning_rate=learning_rate,
            elapsed_seconds=job.clock.elapsed_seconds,
            memory_bytes=psutil.Process().memory_info().rss,
            device_memory_bytes=memory_held(job.device),
        )
    )
    # one after the other: how steps fall into groups depends on the clock, and must not show in the last digit
    for loss in losses:
        loss_sum += loss
    return loss_sum


def _training_scores(job: TrainingJob, epoch_totals: dict[str, Any]) -> dict[str, float]:
    if not epoch_totals["steps"]:
        return {}
    counts = ConfusionCounts.from_plain(epoch_totals["counts"])
    # of images without labels no pixel is counted
    scores = metrics.scores(MetricState({"pixels": counts}), job.metrics) if counts.known_pixels else {}
    training_scores = {"train_loss": epoch_totals["loss"] / epoch_totals["steps"]}
    for name, value in epoch_totals.get("terms", {}).items():
        training_scores[f"train_{metrics.class_metric_name('loss', name=name)}"] = value / epoch_totals["steps"]
    return training_scores | {f"train_{name}": value for name, value in scores.items() if value == value}


def _validates_now(job: TrainingJob, stop_asked: ReadStop) -> bool:
    training, clock = job.config.training, job.clock
    is_last = clock.step >= clock.total_steps or clock.is_out_of_time
    return is_due(training, clock, training.validation_interval) or is_last or stop_asked() != ""


def _validate(job: TrainingJob, emit: Emit, stop_asked: ReadStop, tiles: list[Tile]) -> dict[str, float] | None:
    """Scores on the validation images, and a new preview; None if an immediate stop was asked meanwhile."""
    scores: dict[str, float] = {}
    outputs = {}
    if len(job.validator.images):
        previewed = {tile.index for tile in tiles}
        validation_scores = job.validator.scores(
            reporter(emit, "validating"), lambda: stop_asked() == "now", keep=previewed
        )
        if validation_scores is None:
            return None
        scores = {f"validation_{name}": value for name, value in validation_scores[0].items()}
        outputs = validation_scores[1]
    if tiles:
        panels = [
            outputs[tile.index][(slice(None), *tile.region)]
            if tile.index in outputs
            else job.previewer.predict(tile.index, tile.region)
            for tile in tiles
        ]
        epoch = job.clock.epoch
        path = job.directory.previews / f"epoch-{epoch:04d}.png"
        write_preview(path, job.previewer.images, job.task, tiles, panels)
        emit(events.PreviewWritten(epoch=epoch, path=f"previews/{path.name}", tiles=len(tiles)))
    return scores


def _validate_safely(
    job: TrainingJob, emit: Emit, stop_asked: ReadStop, tiles: list[Tile], epoch_totals: dict[str, Any]
) -> dict[str, float] | None:
    """As `_validate`; whatever breaks there (an image, the disk), what was trained before is saved.

    Where memory runs out, once what is kept for later was given back too, this validation is left out, and training goes
    on: smaller tiles were tried before (see `predict_tta`).
    """
    if seconds_unsaved(job) > _UNSAVED_SECONDS:
        save_within_epoch(job, emit, epoch_totals)
    for is_last_try in (False, True):
        try:
            return _validate(job, emit, stop_asked, tiles)
        except StopHeardError:
            return None
        except BaseException as error:
            # lets go of the memory that saving needs
            traceback.clear_frames(error.__traceback__)
            if not is_out_of_memory(error):
                with suppress(Exception):  # the first failure is told
                    save_within_epoch(job, emit, epoch_totals)
                raise
        free_cached_memory(job.device)
        if is_last_try:
            words = "memory ran out in the validation, which is left out; training goes on"
            emit(events.Warned(text=f"{words}. Use smaller validation images, or a machine with more memory"))
    return {}


def _stop(job: TrainingJob, emit: Emit, epoch_totals: dict[str, Any]) -> events.Stopped:
    """End at once, inside an epoch."""
    save_within_epoch(job, emit, epoch_totals, is_required=True)
    return events.Stopped(step=job.clock.step)


def _tell_what_was_never_seen(job: TrainingJob, emit: Emit) -> None:
    seen = job.sampling_summary()
    never = seen["never_drawn"]
    if never:
        share = 100 * len(never) / len(seen["images"])
        words = f"{share:.0f} % of your images never contributed: {first_of_many(never)}"
        emit(events.Warned(text=f"{words}. Train longer, or set sampling.method to image"))
