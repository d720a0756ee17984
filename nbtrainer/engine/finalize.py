"""What follows the last step: thresholds, the test, a look at what is most wrong, and advice."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterator, Sequence

import numpy as np

from nbtrainer import metrics
from nbtrainer.engine import checkpoint
from nbtrainer.engine.fit_size_model import learn_sizes
from nbtrainer.engine.job import TrainingJob
from nbtrainer.engine.progress import Emit, OutOfTimeError, ReadStop, StopHeardError
from nbtrainer.engine.time_limits import TimeLimits
from nbtrainer.engine.write_reports import write_label_audit, write_validation_report
from nbtrainer.errors import UserError
from nbtrainer.inference.checkpoint import load_checkpoint
from nbtrainer.inference.size_model import SizeModel
from nbtrainer.models.style_unet import StyleUNet
from nbtrainer.runs import events, sentences
from nbtrainer.runs.advice import advice
from nbtrainer.runs.run import attach
from nbtrainer.tasks import Links
from nbtrainer.tasks.tuning import MOST_TRIES, tune_task

# thresholds are tuned on so many pixels: 60 tries of a watershed take about half a minute then
_TUNED_PIXELS = 4 * 1024**2
# the looks at single images may take this share of the run, and at least so many seconds
_LOOK_SHARE, _LOOK_SECONDS = 0.05, 5.0
# the same for the size model, whose crops are large
_SIZE_SHARE, _SIZE_SECONDS = 0.1, 60.0


def finish(job: TrainingJob, emit: Emit, stop_asked: ReadStop) -> bool:
    """Settle the model that stands for the run, and tell how good it is and where it fails; False if a stop was asked.

    The model is there by now: what fails here is told, and the rest goes on (see `_spared`). After a stop, a resume does
    all of this. With a time budget it is bounded too: what does not fit is left out, and told.
    """
    limits = TimeLimits(job, emit, stop_asked)
    for validator in (job.validator, job.previewer):
        validator.check = limits.check
    try:
        _finish(job, emit, limits)
    except StopHeardError:
        return False
    return True


def _finish(job: TrainingJob, emit: Emit, limits: TimeLimits) -> None:
    path = job.directory.last
    if job.config.training.load_at_end == "best":
        path = job.best.file_of_best() or path
    record = load_checkpoint(path)
    job.model.load_state_dict(record["weights"])
    before, tuned_score = job.task, None
    with _spared(emit, "the thresholds could not be tuned"):
        tuned_score = _tune_thresholds(job, emit, limits)
    if job.task != before:
        record["task"]["settings"] = job.task.as_record()
        checkpoint.write(record, path)
    _warn_if_no_better(job, emit, tuned_score)
    size_model = None
    with _spared(emit, "the size model could not be learned"):
        size_model = _learn_sizes(job, emit, limits)
    if size_model is not None:
        record["size_model"] = size_model.as_record()
        checkpoint.write(record, path)
    with _spared(emit, "the model could not be copied under its name"):
        checkpoint.copy(path, target=job.directory.path / model_name(job))
    with _spared(emit, "the test images could not be scored"):
        _score_test_images(job, emit, limits)
    seconds = max(_LOOK_SECONDS, _LOOK_SHARE * job.clock.elapsed_seconds)
    with _spared(emit, "the report on the validation images could not be made"):
        write_validation_report(job, emit, limits, seconds)
    with _spared(emit, "the audit of the labels could not be made"):
        write_label_audit(job, emit, limits, seconds)
    with _spared(emit, "no advice could be given"):
        words = advice(attach(job.directory.path).history, job.monitor, lost_patience=not job.clock.is_over)
        if words:
            emit(events.Noted(text=words))


def model_name(job: TrainingJob) -> str:
    """The name of the file to hand on: run, kind of segmentation, dimensions, channels of images, and what it tells apart."""
    classes = f"{len(job.task.classes)}classes" if job.task.classes else f"{job.task.output_channels}outputs"
    channels = f"{job.config.model.input_channels}ch"
    return "_".join((job.directory.path.name, job.task.name, f"{job.config.task.dim}d", channels, classes)) + ".pt"


@contextlib.contextmanager
def _spared(emit: Emit, what: str) -> Iterator[None]:
    """Whatever breaks inside, or does not fit into the time, is told, and does not make a failed run of a trained model."""
    try:
        yield
    except OutOfTimeError:
        emit(events.Warned(text=f"{what}: the time budget is spent; the model is not affected"))
    except Exception as error:
        reason = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
        text = f"{what} ({reason}); the model is not affected"
        emit(events.Warned(text=text, details="" if isinstance(error, UserError) else traceback.format_exc()))


def _warn_if_no_better(job: TrainingJob, emit: Emit, tuned_score: float | None) -> None:
    """A model that is worse than where it started, or than a trivial method, must not pass for a good one.

    `tuned_score`: what it scores with its tuned thresholds, if that is known.
    """
    best = job.best.best
    if best is None or not job.monitor.startswith("validation_"):
        return
    own = best["score"] if tuned_score is None else tuned_score
    for name, score in job.baselines.items():
        worse = own < score if metrics.higher_is_better(job.monitor) else own > score
        if worse:
            what = sentences.score_name(job.monitor)
            emit(
                events.Warned(
                    text=f"the best model is worse than {name}: {what} {own:.4f} against {score:.4f}. "
                    "Train longer, lower the learning rate, or look at the data with Check"
                )
            )


def _tune_thresholds(job: TrainingJob, emit: Emit, limits: TimeLimits) -> float | None:
    """Choose the thresholds that score best on validation images; the monitored score with them, if that is what was
    looked at and any changed."""
    task, images = job.task, job.validator.images
    if not job.config.task.tunes_thresholds or not task.candidates or not job.validator.labelled_regions():
        return None
    name = (
        job.metrics[0]
        if job.metrics and metrics.metric_inputs(job.metrics[:1]) == {"objects"}
        else task.default_metrics[0]
    )
    raws: list[np.ndarray] = []
    labels: list[np.ndarray] = []
    links: list[Links] = []
    pixels = 0
    report = limits.reporter("tuning thresholds")
    for index, region in job.validator.labelled_regions():
        report(len(raws), len(images))
        image, label = job.validator.pair(index, region)
        pixels += label.size
        if raws and pixels > _TUNED_PIXELS:
            break
        raws.append(job.validator.predict_array(image))
        labels.append(label)
        links.append(images.links(index))
    tried = 0

    def score(predicted: Sequence[np.ndarray], truths: Sequence[np.ndarray]) -> float:
        nonlocal tried
        tried += 1
        report(tried, MOST_TRIES)
        together = zip(predicted, truths, links, strict=True)
        tallies = [task.tally_labels(predicted_labels, truth, [name], own) for predicted_labels, truth, own in together]
        value = metrics.overall(tallies, [name], classes=task.classes)[name]
        return value if metrics.higher_is_better(name) else -value

    chosen, thresholds = tune_task(task, raws=raws, objects=labels, score=score)
    if chosen == task:
        return None
    emit(
        events.ThresholdsTuned(
            thresholds={key: float(value) for key, value in thresholds.settings.items()},
            score=name,
            before=abs(thresholds.first_score),
            after=abs(thresholds.score),
        )
    )
    job.use_task(chosen)
    return abs(thresholds.score) if job.monitor == f"validation_{name}" else None


def _learn_sizes(job: TrainingJob, emit: Emit, limits: TimeLimits) -> SizeModel | None:
    """The size model, if one is asked for; also written into the run's folder, and its quality told."""
    config = job.config
    if not config.task.learns_size:
        return None
    assert isinstance(job.model, StyleUNet)  # the check saw to it
    model, fit = learn_sizes(
        job.model,
        job.task,
        job.patches.images,
        validation=job.validator.images,
        tile_side=max(config.sampling.patch_size),
        multiple=config.model.size_divisors(config.task.dim)[-1],
        seed=config.training.seed,
        # it may take half as long again to see how good it is
        seconds=min(max(_SIZE_SECONDS, _SIZE_SHARE * job.clock.elapsed_seconds), max(0.0, limits.seconds_left) / 2),
        report=limits.reporter("learning the size of objects"),
    )
    model.save(job.directory.path, fit)
    where = "validation" if "validation" in fit else "training"
    beside = f" (a guess: {fit['validation_without']:.2f})" if "validation" in fit else ""
    text = (
        f"the size model learned from {fit['crops']:,} crops; it tells half of the {where} crops' diameters within "
        f"a factor of {fit[where]:.2f}{beside}"
    )
    emit(events.Noted(text=text))
    if "validation" in fit and fit["validation"] >= fit["validation_without"]:
        words = "the size model tells no better than a guess how large objects are: give their diameter when you predict, or"
        emit(events.Warned(text=f"{words} train with images whose objects differ more in size"))
    return model


def _score_test_images(job: TrainingJob, emit: Emit, limits: TimeLimits) -> None:
    """Score the model that stands for the run on images that had no part in it."""
    test = job.survey.split.test
    if not test:
        return
    validator = job.test_validator()
    scores = validator.scores(limits.reporter("testing"), lambda: False)
    assert scores is not None
    emit(events.TestScored(images=len(test), scores={f"test_{name}": value for name, value in scores[0].items()}))
