"""Early stopping: whether the monitored score has not become better for long enough."""

from __future__ import annotations

import math
from collections.abc import Mapping

from nbtrainer.engine.job import TrainingJob


def is_out_of_patience(job: TrainingJob, scores: Mapping[str, float]) -> bool:
    """Whether the last `training.patience` validations had no better score than one before; never with 0.

    `scores`: of the step where the clock stands, not entered among the best yet. Told from the epoch or the step of the
    best score, so that a run that goes on knows it too.
    """
    training, clock = job.config.training, job.clock
    score = scores.get(job.monitor)
    if not training.patience or not job.best.entries or score is None:
        return False
    if job.best.is_best(score, loss=scores.get("validation_loss", math.inf)):
        return False
    best = job.best.entries[0]
    interval = training.validation_interval if job.monitor.startswith("validation_") else 1
    if training.intervals_in == "steps" and job.monitor.startswith("validation_"):
        return (clock.step - int(best["step"])) // interval >= training.patience
    return (clock.epoch - int(best["epoch"])) // interval >= training.patience
