"""Thresholds that were found by looking, kept in the model."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from nbtrainer.config import Config
from nbtrainer.engine import checkpoint
from nbtrainer.inference.checkpoint import checkpoint_file, load_checkpoint, task_in
from nbtrainer.inference.prediction import adjusted_task
from nbtrainer.runs import RunDirectory


def set_thresholds(path: str | os.PathLike[str], **thresholds: Any) -> Path:
    """Write `thresholds` into the model at `path` (a checkpoint, or a run's folder), and return its file.

    Of a run its settings are changed too, so that it keeps them if it is resumed.

    Raises `UserError` for a threshold that the model has not, or a value that it cannot take; the file is as before then.
    """
    file = checkpoint_file(Path(path))
    record = load_checkpoint(file)
    adjusted = adjusted_task(task_in(record), thresholds)
    record["task"]["settings"] = adjusted.as_record()
    checkpoint.write(record, file)
    run = RunDirectory(file.parent.parent)
    if file.parent == run.checkpoints and run.config.exists():
        config = Config.load(run.config)
        config.update(task=thresholds)
        config.save(run.config)
    return file
