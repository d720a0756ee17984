"""Events in words: what a log, the dashboard and the command line say of them, and how scores and times are written."""

from __future__ import annotations

import functools
import time

from nbtrainer.catalog import METRICS
from nbtrainer.runs.events import (
    BaselineScored,
    BatchReduced,
    Continued,
    EpochEnded,
    Event,
    Failed,
    Finished,
    MemoryEstimated,
    Noted,
    Paused,
    Planned,
    ReportWritten,
    RolledBack,
    RunStarted,
    SettingsChanged,
    StartScored,
    StopAsked,
    Stopped,
    TestScored,
    ThresholdsTuned,
    ValidatedWithin,
    Warned,
)
from nbtrainer.wording import count_noun, first_of_many


@functools.singledispatch
def sentence(event: Event) -> str:
    """What a log says of `event`; empty for what a log need not say."""
    return ""


@sentence.register
def _(event: RunStarted) -> str:
    return "resumed" if event.resumed else "started"


@sentence.register
def _(event: Planned) -> str:
    budget = f", at most {event.max_minutes:g} min" if event.max_minutes else ""
    chosen = ", ".join(str(value) for value in event.chosen.values())
    trained, validated = event.training_images, event.validation_images
    weights = f"{event.parameters / 1e6:.1f} million" if event.parameters >= 1e6 else f"{event.parameters:,}"
    return (
        f"{count_noun(trained, 'image')} {'trains' if trained == 1 else 'train'}, {validated:,} "
        f"{'validates' if validated == 1 else 'validate'}; {count_noun(event.total_steps, 'step')} "
        f"in {count_noun(event.epochs, 'epoch')}{budget}; {weights} weights; "
        f"{event.device}, {count_noun(event.threads, 'thread')}, {chosen}"
    )


@sentence.register
def _(event: BaselineScored) -> str:
    return f"{event.name}: {_scores(event.scores)}"


@sentence.register
def _(event: StartScored) -> str:
    return f"starting weights: {_scores(event.scores)}"


@sentence.register
def _(event: ThresholdsTuned) -> str:
    chosen = ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in event.thresholds.items())
    before, after = readable_score(event.score, event.before), readable_score(event.score, event.after)
    return f"thresholds tuned: {chosen}; validation {score_name(event.score)} from {before} to {after}"


@sentence.register
def _(event: ReportWritten) -> str:
    return f"{event.title}: {event.path}"


@sentence.register
def _(event: TestScored) -> str:
    return f"test on {event.images:,} images: {_scores(event.scores)}"


@sentence.register
def _(event: EpochEnded) -> str:
    return f"epoch {event.epoch}: {_scores(event.scores)}{' (best so far)' if event.is_best else ''}"


@sentence.register
def _(event: ValidatedWithin) -> str:
    return f"step {event.step:,}: {_scores(event.scores)}{' (best so far)' if event.is_best else ''}"


@sentence.register
def _(event: BatchReduced) -> str:
    if event.parts == 1:
        return (
            "memory ran out: the network keeps less for the way back and calculates it again, which takes longer; the "
            "result stays the same"
        )
    changes = f"loss and gradient stay those of the batch, but {event.changes}" if event.changes else ""
    return (
        f"memory ran out: each batch is now done in {event.parts} parts of {event.tiles} patches, which takes longer; "
        + (changes or "the result stays the same")
    )


@sentence.register
def _(event: Warned | Noted) -> str:
    return event.text


@sentence.register
def _(event: SettingsChanged) -> str:
    changes = ", ".join(f"{path} is {value} now" for path, value in event.changes.items())
    return f"changed after step {event.step:,}: {changes}"


@sentence.register
def _(event: StopAsked) -> str:
    return "stopping now" if event.now else "stopping after the next validation"


@sentence.register
def _(event: MemoryEstimated) -> str:
    words = (
        f"a step on {event.batch_size:,} patches takes about {_gigabytes(event.needed_bytes)}, "
        f"{_gigabytes(event.free_bytes)} are free"
    )
    if event.needed_bytes <= event.free_bytes:
        return words
    return f"{words}: it may have to be done in parts. A smaller batch or smaller patches need less"


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:,.0f} MB"


@sentence.register
def _(event: RolledBack) -> str:
    patches = (
        f"; the patches of that step ({first_of_many(event.images)}) are left out: {event.path}" if event.path else ""
    )
    return f"{event.reason}: back to the last checkpoint with the learning rate {event.learning_rate:.3g}{patches}"


@sentence.register
def _(event: Paused) -> str:
    return f"paused after step {event.step:,}, with everything saved"


@sentence.register
def _(event: Continued) -> str:
    return f"the pause of {event.seconds:,.0f} s is over"


@sentence.register
def _(event: Stopped) -> str:
    why = f" ({event.reason})" if event.reason else ""
    return f"stopped at step {event.step:,}{why}; it can be resumed"


@sentence.register
def _(event: Failed) -> str:
    return f"failed: {event.reason}"


@sentence.register
def _(event: Finished) -> str:
    return f"finished: {event.reason}, {event.step:,} steps in {duration(event.elapsed_seconds)}"


def log_line(event: Event) -> str:
    """The line of a log for `event`, with its time; empty if a log need not say anything."""
    text = sentence(event)
    if not text:
        return ""
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(event.time))
    details = f"\n{event.details}" if isinstance(event, Failed) and event.details else ""
    return f"{stamp}  {text}{details}\n"


def is_warning(event: Event) -> bool:
    """Whether a log should make `event` stand out."""
    if isinstance(event, MemoryEstimated):
        return event.needed_bytes > event.free_bytes
    return isinstance(event, BatchReduced | RolledBack | Warned | Failed)


def duration(seconds: float) -> str:
    """`45 s`, `12 min`, `3 h 20 min`."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def score_name(name: str) -> str:
    """`validation_mean_squared_error` as `validation mean squared error`, `validation_iou (my_cells)` as `validation IoU (my_cells)`."""
    words, opening, of = name.partition(" (")  # a class or a term of the loss keeps its name
    words = words.replace("_", " ")
    for plain, written in (
        ("iou", "IoU"),
        ("dice", "Dice"),
        ("f2", "F2"),
        ("ap 50", "AP 0.5"),
        ("ap 75", "AP 0.75"),
        ("f1 50", "F1"),
        ("kullback leibler", "Kullback-Leibler"),
        ("top k", "top-5"),
    ):
        words = words.replace(plain, written)
    return words + opening + of


def _scores(scores: dict[str, float]) -> str:
    """`loss 0.4120 (validation 0.4312), Dice 91.20 % (validation 90.05 %)`."""
    parts = []
    for name in dict.fromkeys(name.partition("_")[2] for name in scores):
        values = {
            part: scores[f"{part}_{name}"] for part in ("train", "validation", "test") if f"{part}_{name}" in scores
        }
        texts = {part: readable_score(name, value) for part, value in values.items()}
        beside = f"{texts['train']} (validation {texts['validation']})" if len(texts) == 2 else ""
        parts.append(
            f"{score_name(name)} {beside}"
            if beside
            else f"{' '.join(texts)} {score_name(name)} {next(iter(texts.values()))}"
        )
    return ", ".join(parts)


def score_unit(name: str) -> str:
    """What the score `name` is counted in, such as `bits`; empty for shares, errors and losses."""
    metric = METRICS.get(name.partition(" (")[0].removeprefix("validation_").removeprefix("train_"))
    # surfaces are measured in micrometres where the pixel size is known, else in pixels, and a score does not say which
    return "" if metric is None or metric.unit == "error" or metric.of == "surfaces" else metric.unit


def readable_score(name: str, value: float) -> str:
    """Shares in percent, which people read; losses and errors as they are, and others with their unit."""
    metric = METRICS.get(name.partition(" (")[0])
    if metric is not None and not metric.unit:
        return f"{100 * value:.2f} %"
    return f"{value:.4f} {score_unit(name)}".rstrip()
