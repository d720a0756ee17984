"""Where a run runs: a background thread of this process."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nbtrainer.checks import check
from nbtrainer.config import Config
from nbtrainer.config.training import Training
from nbtrainer.data.sampling_log import PatchContent, SamplingLog
from nbtrainer.deprecation import stacklevel_outside
from nbtrainer.disk import is_file
from nbtrainer.engine.clock import Clock
from nbtrainer.engine.moved_data import from_here, tell_new_place
from nbtrainer.engine.processes import launch_where_it_runs, rank_zero_first, require_processes
from nbtrainer.engine.resolve_auto import resolve_device
from nbtrainer.engine.resumable import require_same_build, require_steps_left
from nbtrainer.engine.resumed_split import previous_split
from nbtrainer.engine.session import report_failure
from nbtrainer.engine.training_patches import training_patches
from nbtrainer.errors import CompleteRunWarning, Finding, ModelError, SettingError, UserError
from nbtrainer.inference.checkpoint import load_checkpoint
from nbtrainer.inference.pretrained import starting_point
from nbtrainer.runs import Run, RunDirectory, attach, events
from nbtrainer.runs.owner import take

_BUDGETS = ("epochs", "iterations", "max_minutes")


def start(config: Config) -> Run:
    """Check, make the run's folder, and train in a background thread, or in processes of their own. Raises `UserError` with
    every error found.

    In a process of torchrun above rank 0: take part until the run of rank 0 has ended.
    """
    with rank_zero_first() as ended:
        return ended or _start(config)


def _start(config: Config) -> Run:
    config = checked(config)
    require_steps_left(config)
    directory = RunDirectory.create(
        config.resolve(config.output.root), data_task=config.output.data_task, name=config.output.name
    )
    stored = config.with_absolute_paths()
    # the folder bears the name; started again, these settings make a new run
    stored.output.name = ""
    stored.save(directory.config)
    with report_failure(directory):
        lease = take(directory.path)
    return launch_where_it_runs(directory, lease, resumed=False, training=config.training)


def train(config: Config) -> Run:
    """`start`, and wait for the end; a keyboard interrupt stops the run now, with everything saved."""
    return waited(start(config))


def waited(run: Run) -> Run:
    """`run` when it has ended; a keyboard interrupt stops it now."""
    while True:
        try:
            # in pieces: a wait without end cannot be interrupted on Windows
            while not run.wait(timeout=0.5):
                pass
            return run
        except KeyboardInterrupt:
            run.stop(now=True)


def resume(directory: str | os.PathLike[str], start_epoch: int | None = None, **overrides: Mapping[str, Any]) -> Run:
    """Continue the run in `directory` where its last checkpoint was saved, in a background thread.

    A checkpoint in the place of a folder, or a `start_epoch` to count from, makes a new run that goes on from there, with
    optimizer and all; the run of before stays as it is.

    `overrides` change settings on the way: `training={"epochs": 9}`; where the data moved,
    `data={"datasets[0].images": "new/images"}`. Raises `UserError` if the run still goes on, here or anywhere, or its
    data are gone; of a run on another machine it takes up to 12 seconds to see. A run that is complete is returned as
    it is, with a warning, so that whoever resumes after each interruption needs not know which was the last.
    """
    if start_epoch is not None or is_file(Path(directory)):
        return start(_continued(Path(directory), start_epoch, overrides))
    with rank_zero_first() as ended:
        return ended or _resume(directory, overrides)


def _resume(directory: str | os.PathLike[str], overrides: Mapping[str, Mapping[str, Any]]) -> Run:
    run = attach(directory)
    files = RunDirectory(run.directory)
    # before anything is looked at: of two that resume at the same moment, one is refused
    lease = take(files.path, is_ending=lambda: attach(directory).status not in ("running", "paused"))
    try:
        goes_on = _settle(files, overrides)
    except BaseException:
        lease.release()
        raise
    if goes_on:
        return launch_where_it_runs(files, lease, resumed=True, training=Config.load(files.config).training)
    lease.release()
    remedy = "To continue it, give it more epochs (training.epochs) or time"
    warnings.warn(
        f"{run.directory}: this run is complete. {remedy}.", CompleteRunWarning, stacklevel=stacklevel_outside()
    )
    return run


def _continued(path: Path, start_epoch: int | None, overrides: Mapping[str, Mapping[str, Any]]) -> Config:
    """The settings of a new run that goes on from the checkpoint `path`, or from the last one of a run."""
    file = (path if is_file(path) else attach(path).last or path).resolve()
    config = Config.of(load_checkpoint(file)["config"])
    config.output.name = ""
    config.update(model={"pretrained": str(file), "take_over": "everything", "start_epoch": start_epoch})
    config.update(**from_here(overrides, config))
    return config


def _settle(files: RunDirectory, overrides: Mapping[str, Mapping[str, Any]]) -> bool:
    """Write the settings with which the run in `files` goes on; False if nothing is left to do. Raises `UserError`."""
    run = attach(files.path)
    if run.status in ("running", "paused"):  # of a version in which a run had no owner
        raise ModelError(str(run.directory), "this run is still going on", "Stop it first, or attach to it")
    stored = Config.load(files.config)
    config = stored.validated()
    config.update(**from_here(overrides, config))
    if files.last.exists():
        require_same_build(stored, now=config)
    try:
        config = checked(config, load_checkpoint(files.last) if files.last.exists() else None)
    except UserError as error:
        raise type(error).of(tell_new_place(run.directory, config, error.findings)) from None
    if run.status == "finished" and not _has_more_to_do(run, before=stored.training, now=config.training):
        return False
    files.make_folders()
    config.with_absolute_paths().save(files.config)
    return True


def _has_more_to_do(run: Run, *, before: Training, now: Training) -> bool:
    """Whether the budgets of a finished run were raised above what it has spent."""
    if all(getattr(now, name) == getattr(before, name) for name in _BUDGETS):
        return False
    plan = next((event for event in reversed(run.events) if isinstance(event, events.Planned)), None)
    end = next((event for event in reversed(run.events) if isinstance(event, events.Finished)), None)
    if plan is None or end is None:
        return True
    each = plan.steps_per_epoch if now.steps_per_epoch in (-1, before.steps_per_epoch) else now.steps_per_epoch
    has_time = now.max_minutes is None or 60 * now.max_minutes > end.elapsed_seconds
    return has_time and (now.iterations or now.epochs * each) > end.step


def patches(config: Config, count: int, start: int = 0) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Patches `start` to `start + count - 1` as training draws them: image (C, Y, X) float32, label (Y, X) integers."""
    if start < 0 or count < 0:
        raise SettingError("start", f"patches {start} to {start + count} do not exist", "Count from 0")
    drawn = training_patches(Config.of(config).validated())
    for number in range(start, start + count):
        patch = drawn.patch(number)
        yield patch.image, patch.label


def augmented_examples(
    config: Config, count: int = 12, number: int = 0, first: int = 1
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Patch `number` without any change, and `count - 1` times changed by chance as the augmentation says; each image
    (C, [Z,] Y, X) float32, normalised, and label ([Z,] Y, X) integers. The same seed and `first` give the same changes."""
    if number < 0:
        raise SettingError("number", f"there is no patch {number}", "Count from 0")
    drawn = training_patches(Config.of(config).validated())
    return [(patch.image, patch.label) for patch in drawn.augmented_examples(number, count=count, first=first)]


def patch_locations(config: Config, count: int, start: int = 0) -> dict[str, Any]:
    """Where patches `start` to `start + count - 1` fall, before they are warped, and what they show.

    `{"places": [{"image": number in the pair table, "box": ((from, to), ...) along ([z,] y, x), "rejected": n}, ...],
    "seen": see SamplingLog.summary, "per_epoch": patches of an epoch}`; boxes are in pixels of the prepared image, and may
    reach beyond it.
    """
    config = Config.of(config).validated()
    drawn = training_patches(config)
    training = config.training
    clock = Clock.from_settings(
        epochs=training.epochs,
        iterations=training.iterations,
        steps_per_epoch=training.steps_per_epoch,
        # what fits is only known where it trains
        batch_size=8 if training.batch_size == "auto" else training.batch_size,
        batches_per_step=training.batches_per_step,
        max_minutes=None,
        patches_per_pass=drawn.per_pass,
    )
    if start < 0 or count < 0:
        raise SettingError("start", f"patches {start} to {start + count} do not exist", "Count from 0")
    locations, sampling_log = [], SamplingLog()
    for number in range(start, start + count):
        patch = drawn.patch(number)
        classes = drawn.sampler.class_of(patch.label)
        sampling_log.add(
            PatchContent.of(patch.location, patch.label, classes=classes, ignored=drawn.images.preparation.ignored)
        )
        box = tuple(
            (round(at - (length - 1) / 2), round(at - (length - 1) / 2) + length)
            for at, length in zip(patch.location.centre, drawn.sampler.patch_size, strict=True)
        )
        # training images stand first in the pair table
        locations.append({"image": patch.location.index, "box": box, "rejected": patch.location.rejected})
    seen = sampling_log.summary([pair.name for pair in drawn.images.pairs])
    return {"places": locations, "seen": seen, "per_epoch": clock.patches_per_epoch}


def checked(config: Config, record: dict[str, Any] | None = None) -> Config:
    """`config`, validated; raises `UserError` with everything that would refuse or break the run later.

    `record`: the checkpoint of a run that goes on: it keeps its split, and no longer needs the model that it started from.
    """
    config = Config.of(config).validated()
    refused: list[Finding] = []
    for look in (resolve_device, require_processes, _follow_pretrained):  # both need torch, which a check does without
        try:
            look(config)
        except UserError as error:
            refused += error.findings
    errors = [
        *(finding for finding in check(config, before=previous_split(record)) if finding.level == "error"),
        *refused,
    ]
    if record is not None:
        errors = [finding for finding in errors if finding.where != "model.pretrained"]
    if errors:
        raise SettingError.of(dict.fromkeys(errors))
    return config


def _follow_pretrained(config: Config) -> None:
    """What is `auto` about the levels of the network, as in the model that is started from."""
    start = starting_point(config)
    if start is not None and config.model.anisotropic_levels == "auto":
        config.model.anisotropic_levels = start.network.get("anisotropic_levels", "auto")
