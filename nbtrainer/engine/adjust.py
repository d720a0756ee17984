"""Thresholds that were found by looking, kept in the model."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from nbtrainer.config.task import Task as Settings
from nbtrainer.engine import checkpoint
from nbtrainer.inference.prediction import adjusted_task
from nbtrainer.inference.predictor import checkpoint_file, load_checkpoint, task_in


def adjust(path: str | os.PathLike[str], **thresholds: Any) -> Path:
    """Write `thresholds` into the model at `path` (a checkpoint, or a run's folder), and return its file.

    Raises `UserError` for a threshold that the model has not, or a value that it cannot take; the file is as before then.
    """
    file = checkpoint_file(Path(path))
    record = load_checkpoint(file)
    adjusted = adjusted_task(task_in(record), thresholds)
    allowed = Settings()
    for name, value in thresholds.items():
        setattr(allowed, name, value)  # refuses what is out of bounds, in a sentence
    record["task"]["settings"] = adjusted.as_record()
    checkpoint.write(record, file)
    return file
