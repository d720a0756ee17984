"""Early stopping: whether the monitored score has not become better for long enough."""

from __future__ import annotations

from nbtrainer.engine.job import TrainingJob


def is_out_of_patience(job: TrainingJob) -> bool:
    """Whether the last `training.patience` validations had no better score than one before; never with 0.

    Told from the epoch of the best score, so that a run that goes on knows it too.
    """
    training = job.config.training
    if not training.patience or not job.best.entries:
        return False
    interval = training.validation_interval if job.monitor.startswith("validation_") else 1
    return (job.clock.epoch - job.best.entries[0]["epoch"]) // interval >= training.patience
