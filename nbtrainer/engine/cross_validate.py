"""A run for each fold of the images, one after the other, and what their models score on images that they did not see."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nbtrainer.config import Config
from nbtrainer.data.fold_record import FOLDS, FoldImage, FoldRecord, fold_folder, is_cross_validation
from nbtrainer.datasets import survey
from nbtrainer.disk import exists, make_folder
from nbtrainer.disk_errors import at_disk
from nbtrainer.engine.continue_model import continues
from nbtrainer.engine.launch import checked, resume, start, waited
from nbtrainer.engine.out_of_fold import score_out_of_fold
from nbtrainer.errors import DataError, ModelError, SettingError
from nbtrainer.runs import Run, attach
from nbtrainer.runs.cross_validation import CrossValidation
from nbtrainer.runs.directory import RunDirectory, make_folder_for

USUAL_FOLDS = 5
# what may be another where a cross-validation goes on: the machine, and which of the runs it is
_MAY_DIFFER = {"training.device", "training.threads", "training.workers", "data.fold"}


def cross_validate(
    config: Config | str | os.PathLike[str], *, folds: int | None, watch: Callable[[Run], Run] | None = None
) -> CrossValidation:
    """Train a model for each fold of the images, and score each image by the model that did not train on it.

    Parameters
    ----------
    config
        Settings; of a name (`output.name`) that such a folder has, and of the path of such a folder, the cross-validation goes
        on: folds that are finished stay, one that was stopped is resumed.
    folds
        How many; None: as `data.folds` or the folder says, else 5.
    watch
        Takes each run as it begins, and returns it when it has ended; an interrupt that it raises stops the run.

    Ends with the first run that is stopped or fails, and with an interrupt. Raises `UserError` before anything is trained if settings or data
    are wrong, or differ from those with which the folder began.
    """
    settings = Config.of(config)
    folder = _existing(config)
    if folder is None:
        folder = _create(settings, folds or settings.data.folds or USUAL_FOLDS)
    else:
        _require_same_settings(Config.load(folder), now=settings, folds=folds)
    stored = Config.load(folder)
    FoldRecord.read(folder).require_same(_divide(stored))
    whole = CrossValidation(folder)
    try:
        is_complete = _train_all(whole, stored, watch or _wait)
        if is_complete and "out_of_fold" not in whole.result:
            whole.write(score_out_of_fold(folder))
    except KeyboardInterrupt:  # what is done stays, and the same call goes on
        for run in whole.runs:
            if run.status in ("running", "paused"):
                run.stop(now=True)
                waited(run)
        whole.write()
    return whole


def _train_all(whole: CrossValidation, stored: Config, watch: Callable[[Run], Run]) -> bool:
    """Train what is not trained; whether all is."""
    for fold in range(1, whole.folds + 1):
        folder = fold_folder(whole.directory, fold)
        if exists(folder) and not exists(RunDirectory(folder).events):
            raise ModelError(str(folder), "this run was interrupted before it began", "Delete this folder, then go on")
        if not exists(folder):
            run = watch(start(_of_fold(stored, whole.directory, fold)))
        elif attach(folder).status != "finished":
            run = watch(resume(folder))
        else:
            continue
        whole.write()
        if run.status != "finished":
            return False
    return True


def _wait(run: Run) -> Run:
    """`run` when it has ended. An interrupt is not for it alone: also where it ends by itself, no other begins."""
    while not run.wait(timeout=0.5):  # in pieces: a wait without end cannot be interrupted on Windows
        pass
    return run


def _of_fold(stored: Config, folder: Path, fold: int) -> Config:
    """The settings of the run of a fold, which are complete: it can be trained again alone."""
    config = stored.with_absolute_paths()
    config.update(
        data={"fold": fold},
        output={"root": str(folder.parent), "data_task": folder.name, "name": fold_folder(folder, fold).name},
    )
    return config


def _existing(config: Config | str | os.PathLike[str]) -> Path | None:
    """The folder of the cross-validation that `config` means, if there is one."""
    if isinstance(config, str | os.PathLike) and is_cross_validation(Path(config)):
        return Path(config).resolve()
    settings = Config.of(config)
    folder = settings.resolve(settings.output.root) / settings.output.data_task / settings.output.name
    return folder if settings.output.name and is_cross_validation(folder) else None


def _create(config: Config, folds: int) -> Path:
    """The folder of a new cross-validation, with its settings and its folds; nothing is made if anything is wrong."""
    config = config.validated()
    config.update(data={"folds": folds, "fold": 1})
    if config.task.label_values == "not_needed":
        raise SettingError("task.kind", "without labels no model can be scored", "Choose a kind that has labels")
    if continues(config):
        raise SettingError(
            "model.take_over",
            "a run that goes on with everything of a model keeps its split, so that there are no folds",
            "Take over the weights alone, of a model that has not seen these images",
        )
    for fold in range(1, folds + 1):  # what one fold refuses is told before another has trained for hours
        config.data.fold = fold
        checked(config)
    config.data.fold = 1
    record = _divide(config)
    parent = config.resolve(config.output.root) / config.output.data_task
    make_folder(parent, "output.root")
    with at_disk(
        parent / config.output.name, where="output.name" if config.output.name else "output.root", done="made"
    ):
        folder = make_folder_for(parent, name=config.output.name, numbered="cross-validation")
    stored = config.with_absolute_paths()
    # from its own folder: it may be moved, with all that is in it
    stored.update(output={"root": "..", "data_task": "", "name": folder.name})
    stored.save(folder / "config.json")
    record.write(folder)
    return folder


def _divide(config: Config) -> FoldRecord:
    """Which image validates in which fold; raises `UserError` if there is none to divide."""
    folds = config.data.folds
    images: list[FoldImage] = []
    for fold in range(1, folds + 1):
        one = config.validated()
        one.data.fold = fold
        surveyed = survey(one)
        if surveyed.problems:
            raise DataError.of(surveyed.problems)
        images += [FoldImage.of(pair, fold=fold) for pair in surveyed.divided.validation if pair.use == "auto"]
    if not images:
        raise SettingError(
            "data.datasets",
            "there are no images to divide into folds: each dataset says whether it trains, validates or tests",
            "Choose auto as the use of those that are to be divided",
        )
    return FoldRecord(folds=folds, images=images)


def _require_same_settings(before: Config, *, now: Config, folds: int | None) -> None:
    """Raise `SettingError` if a cross-validation would go on with others than it began with."""
    if folds is not None and folds != before.data.folds:
        raise SettingError(
            "folds",
            f"this cross-validation has {before.data.folds} folds, not {folds}",
            "Leave it out, or choose another name (output.name)",
        )
    old, new = (_values(config.with_absolute_paths()) for config in (before, now))
    new["data.folds"] = old["data.folds"]
    changed = sorted(path for path in old.keys() | new.keys() if old.get(path) != new.get(path))
    if changed:
        raise SettingError(
            changed[0],
            f"this cross-validation was begun with {old.get(changed[0])!r}, not {new.get(changed[0])!r}",
            f"Give the folder that holds its {FOLDS} to go on with its settings, or choose another name (output.name)",
        )


def _values(config: Config) -> dict[str, Any]:
    """Each setting by its path, without those that may differ."""
    values = {
        f"{section}.{name}": value
        for section, entries in config.model_dump().items()
        if section != "output"
        for name, value in entries.items()
    }
    return {path: value for path, value in values.items() if path not in _MAY_DIFFER}
