"""Pages about single images at the end of a run: how validation images fared, and labels that the model disagrees with."""

from __future__ import annotations

import time

import numpy as np

from nbtrainer.disk import write_json
from nbtrainer.engine.describe_run import describe_run
from nbtrainer.engine.job import TrainingJob
from nbtrainer.engine.progress import Emit
from nbtrainer.engine.time_limits import TimeLimits
from nbtrainer.engine.validate import Validator
from nbtrainer.inference.report import ImageReport, score_image, write_report
from nbtrainer.runs import attach, events

_TRAINING_LOOKED_AT = 60


def write_validation_report(job: TrainingJob, emit: Emit, limits: TimeLimits, seconds: float) -> None:
    """The page of the run: methods, curves, settings and the like, and how each validation image fared."""
    has_labels = bool(job.validator.labelled_regions())
    judged = _looked_at(job, job.validator, limits, seconds) if has_labels else []
    words = "How each validation image fared; it had no part in training, but in the choice of the model."
    write_report(
        job.directory.path / "report.html",
        title="Validation images",
        text=words if has_labels else "There are none with a label.",
        judged=judged,
        names=job.metrics,
        before=describe_run(job, attach(job.directory.path).events),
    )
    title = "worst objects of the validation images" if has_labels else "the run: methods, settings and environment"
    emit(events.ReportWritten(path="report.html", title=title))


def write_label_audit(job: TrainingJob, emit: Emit, limits: TimeLimits, seconds: float) -> None:
    """Look at training images: where a trained model disagrees with a label, the label may be wrong."""
    validator = job.training_validator()
    if not validator.labelled_regions():
        return
    judged = _looked_at(job, validator, limits, seconds, _TRAINING_LOOKED_AT)
    words = (
        f"{len(judged)} of {len(validator.images)} training images, and where the model disagrees most with their labels. "
        "Look at these first: mend the label, exclude the image, or leave it if the model is wrong."
    )
    write_report(job.directory.path / "audit.html", title="Label audit", text=words, judged=judged, names=job.metrics)
    records = [each.as_record() for each in judged]
    write_json(job.directory.path / "audit.json", records)
    emit(events.ReportWritten(path="audit.html", title="labels that the model disagrees with most"))


def _looked_at(
    job: TrainingJob, validator: Validator, limits: TimeLimits, seconds: float, most: int = 10_000
) -> list[ImageReport]:
    """As many images with labels as fit into the time, evenly spread, at least one."""
    plan = validator.labelled_regions()
    order = np.linspace(0, len(plan) - 1, min(most, len(plan))).astype(int)
    report = limits.reporter("looking for what is most wrong")
    judged: list[ImageReport] = []
    ends = time.monotonic() + seconds
    for done, place in enumerate(order):
        report(done, len(order))
        if judged and time.monotonic() > ends:
            break
        index, region = plan[place]
        image, label = validator.pair(index, region)
        predicted = job.task.decode(validator.predict_array(image))
        name = validator.images.pairs[index].name
        judged.append(
            score_image(
                name,
                image,
                predicted,
                label=label,
                task=job.task,
                names=job.metrics,
                links=validator.images.links(index),
            )
        )
    return judged
