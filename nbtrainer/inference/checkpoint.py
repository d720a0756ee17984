"""Checkpoints as files: which one stands for a run, and the record in it, under the names of this version."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from nbtrainer.catalog import TASKS
from nbtrainer.config.data import Data
from nbtrainer.config.model import Model
from nbtrainer.config.task import TaskSettings
from nbtrainer.data.preparation import Preparation
from nbtrainer.disk import exists, is_file, is_folder
from nbtrainer.errors import ModelError
from nbtrainer.inference.checkpoint_path import best_checkpoint
from nbtrainer.tasks import Task

# what entries of network, preparation and task were called: as the settings that they come from, and one besides
_NEW_NAMES = {
    "network": Model.renamed() | {"repaints": "reconstructs_input"},
    "preparation": Data.renamed(),
    "task": TaskSettings.renamed(),
}


def checkpoint_file(path: Path) -> Path:
    """The checkpoint that `path` means: itself, or of a run's folder the best one, else the last.

    Raises `UserError` if there is none.
    """
    if not is_folder(path):
        return path
    file = best_checkpoint(path)
    if file is None:
        raise ModelError(str(path), "this folder holds no model", "Give a checkpoint (.pt) or the folder of a run")
    return file


def load_checkpoint(file: Path) -> dict[str, Any]:
    """The record in a checkpoint; loads plain tensors and values only, never code. Raises `UserError`."""
    if exists(file) and not is_file(file):
        raise ModelError(str(file), "this is no ordinary file", "Give a .pt file written by nbtrainer")
    try:
        record = torch.load(file, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ModelError(str(file), "there is no such file or folder", "Check the path") from None
    except Exception:  # torch and pickle stumble over whatever a damaged file makes them
        raise ModelError(
            str(file), "this is not a readable checkpoint", "Give a .pt file written by nbtrainer"
        ) from None
    return record_of(record, file)


def is_checkpoint(content: Any) -> bool:
    """Whether a file with this `content` says that nbtrainer wrote it."""
    return isinstance(content, dict) and isinstance(content.get("format"), int)


def record_of(content: Any, file: Path) -> dict[str, Any]:
    """The record that `file` holds as its `content`, under the names of this version. Raises `ModelError`."""
    if not isinstance(content, dict) or content.get("format") != 1:
        raise ModelError(str(file), "this checkpoint was not written by nbtrainer", "Give a file written by nbtrainer")
    return _with_present_names(content)


def task_in(record: dict[str, Any]) -> Task:
    """The task of the model in `record`."""
    task = TASKS.load(record["task"]["name"]).from_record(record["task"]["settings"])
    assert isinstance(task, Task)
    return task


def preparation_in(record: dict[str, Any]) -> Preparation:
    """How images are read and prepared for the model in `record`; labels are not asked for."""
    if "preparation" in record:
        return Preparation.from_record(record["preparation"])
    return Preparation.as_stored(record["network"]["dim"], channel_axis=record["channel_axis"], z_axis=None)


def _with_present_names(record: dict[str, Any]) -> dict[str, Any]:
    """`record`, which an older version may have written, with the names that its entries have today."""
    task = record.get("task")
    for part, names in _NEW_NAMES.items():
        values = task.get("settings") if part == "task" and isinstance(task, dict) else record.get(part)
        if isinstance(values, dict):
            for old in names.keys() & values.keys():
                values[names[old]] = values.pop(old)
    if isinstance(record.get("network"), dict):  # before there was a choice
        record["network"].setdefault("anisotropic_levels", 0)
    return record
