"""What is told before the first step: what was settled, and the scores that the network has to beat."""

from __future__ import annotations

import torch

from nbtrainer import metrics
from nbtrainer.engine.job import TrainingJob
from nbtrainer.engine.progress import Emit, ReadStop, StopHeardError, reporter
from nbtrainer.runs import events


def announce_plan(job: TrainingJob, emit: Emit, stop_asked: ReadStop) -> None:
    """Tell what was settled, and score the trivial method that the network has to beat."""
    emit(planned_event(job))
    for note in job.notes:
        emit(note)
    if job.clock.step > job.clock.total_steps:
        words = f"{job.clock.step:,} steps are done, more than the {job.clock.total_steps:,} that are asked for by now"
        emit(events.Noted(text=f"{words}: no step is left, and the run ends"))
    if len(job.validator.images):
        if job.validator.labelled_regions():
            scores = {f"validation_{name}": value for name, value in job.validator.baseline().items()}
            emit(events.BaselineScored(name=job.task.baseline_name, scores=scores))
            job.compare_with(job.task.baseline_name, scores)
        if job.clock.step == 0:
            try:
                baseline_scores = job.validator.scores(
                    reporter(emit, "scoring the starting weights"), lambda: stop_asked() == "now"
                )
            except StopHeardError:
                baseline_scores = None
            if baseline_scores is None:
                return
            scores = {f"validation_{name}": value for name, value in baseline_scores[0].items()}
            emit(events.StartScored(scores=scores))
            job.compare_with("the weights that it started from", scores)


def planned_event(job: TrainingJob) -> events.Planned:
    """What is settled by now: the budgets, the device, and what each `auto` became."""
    training = job.config.training
    return events.Planned(
        step=job.clock.step,
        total_steps=job.clock.total_steps,
        epochs=job.clock.epochs,
        steps_per_epoch=job.clock.steps_per_epoch,
        max_minutes=training.max_minutes,
        training_images=len(job.survey.split.train),
        validation_images=len(job.survey.split.validation),
        parameters=sum(weights.numel() for weights in job.network.parameters()),
        device=str(job.device),
        threads=torch.get_num_threads(),
        monitor=job.monitor,
        higher_is_better=metrics.higher_is_better(job.monitor),
        metrics=job.metrics,
        chosen={
            "precision": training.precision,
            "memory format": training.memory_format.replace("_", " "),
            "compile": f"compile {training.torch_compile}",
            "augmentation": f"augmentation on the {training.augment_on}",
        }
        | ({} if job.ranks is None else {"processes": f"{job.ranks.size} processes"}),
        measured_ms=job.measured_ms,
    )
