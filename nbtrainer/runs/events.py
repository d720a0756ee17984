"""What happens in a run, as small records of plain values: the only thing that passes from engine to watchers."""

from __future__ import annotations

import dataclasses
import functools
import time
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError

from nbtrainer.catalog import METRICS
from nbtrainer.wording import count_noun


@dataclass(frozen=True, kw_only=True)
class Event:
    """`time`: seconds since 1970."""

    time: float = field(default_factory=time.time)

    def as_record(self) -> dict[str, Any]:
        """The event as a dict of plain values, with its name under `event`."""
        return {"event": _name(type(self)), **dataclasses.asdict(self)}


@dataclass(frozen=True, kw_only=True)
class RunStarted(Event):
    """The engine set to work (again, if `resumed`). `owner`: the token of its session, see `owner.py`.

    In journals of before there were owners, `process`, `process_started` and `host` tell whether it still lives.
    """

    process: int
    process_started: float
    host: str
    resumed: bool = False
    owner: str = ""


@dataclass(frozen=True, kw_only=True)
class Planned(Event):
    """What was settled before the first step. `chosen`: what each `auto` became; `measured_ms`: why."""

    step: int
    total_steps: int
    epochs: int
    steps_per_epoch: int
    max_minutes: float | None
    training_images: int
    validation_images: int
    parameters: int
    device: str
    threads: int
    monitor: str
    higher_is_better: bool
    metrics: list[str]
    chosen: dict[str, Any]
    measured_ms: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Activity(Event):
    """What the engine is busy with besides training steps: `validating`, 3 `of` 5."""

    doing: str
    done: int = 0
    of: int = 0


@dataclass(frozen=True, kw_only=True)
class BaselineScored(Event):
    """Scores of a trivial method on the validation images; names as in `EpochEnded`."""

    name: str
    scores: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class StartScored(Event):
    """Scores of the weights that training starts from, on the validation images; names as in `EpochEnded`."""

    scores: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class ThresholdsTuned(Event):
    """Thresholds of the final model were chosen on the validation images. `before` and `after`: the score of both."""

    thresholds: dict[str, float]
    score: str
    before: float
    after: float


@dataclass(frozen=True, kw_only=True)
class ReportWritten(Event):
    """A page about single images and their worst objects; `path` is relative to the run."""

    path: str
    title: str


@dataclass(frozen=True, kw_only=True)
class StepsDone(Event):
    """The steps of about the last quarter second. `step`: steps done so far; `loss`: mean of these steps."""

    step: int
    epoch: int
    steps: int
    loss: float
    seconds_per_step: float
    learning_rate: float
    elapsed_seconds: float


@dataclass(frozen=True, kw_only=True)
class EpochEnded(Event):
    """`scores` holds `train_loss`, `validation_dice` ...; absent means not measured. `epoch` counts from 1."""

    epoch: int
    step: int
    scores: dict[str, float]
    learning_rate: float
    elapsed_seconds: float
    is_best: bool = False


@dataclass(frozen=True, kw_only=True)
class PreviewWritten(Event):
    """A picture of the fixed preview tiles; `path` is relative to the run."""

    epoch: int
    path: str
    tiles: int


@dataclass(frozen=True, kw_only=True)
class CheckpointSaved(Event):
    """`path` is relative to the run; `kind` is `last` or `best`."""

    kind: str
    path: str
    step: int
    epoch: int
    score: float | None = None


@dataclass(frozen=True, kw_only=True)
class TestScored(Event):
    """Scores of the final model on the test images, which had no part in training or choice."""

    images: int
    scores: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class BatchReduced(Event):
    """Memory ran out: the same batch is now done in `parts` parts of `tiles` tiles, or in one (`parts` is 1) of which less
    is kept. `changes`: what that changes, if anything, in words."""

    step: int
    tiles: int
    parts: int
    changes: str = ""


@dataclass(frozen=True, kw_only=True)
class Warned(Event):
    """Something a person should know; the run goes on. `details`: the traceback, if an error was the cause."""

    text: str
    details: str = ""


@dataclass(frozen=True, kw_only=True)
class Noted(Event):
    """Something for the log that needs nobody's attention."""

    text: str


@dataclass(frozen=True, kw_only=True)
class StopAsked(Event):
    """The user asked to stop: `now`, or after the next validation."""

    now: bool


@dataclass(frozen=True, kw_only=True)
class Stopped(Event):
    """The run was stopped, and `reason` says by whom; it can be resumed."""

    step: int
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Failed(Event):
    """The run broke. `reason` is a sentence, `details` the traceback."""

    reason: str
    details: str = ""


@dataclass(frozen=True, kw_only=True)
class Finished(Event):
    """The run is over: all steps done, or its time spent."""

    step: int
    reason: str
    elapsed_seconds: float


# what ends a session of a run
CLOSING = (Stopped, Failed, Finished)


def from_record(record: dict[str, Any]) -> Event | None:
    """The event that `record` describes, or None if this version does not know it. Unknown fields are left out.

    Raises `ValueError` if a field is missing or holds something else than it should.
    """
    name = str(record.get("event", ""))
    if name not in _KINDS:
        return None
    try:
        event: Event = _reader(name).validate_python(record)
    except ValidationError as error:
        raise ValueError(f"{name}: {error.errors()[0]['msg'].lower()}") from None
    return event


@functools.cache
def _reader(name: str) -> TypeAdapter[Any]:
    return TypeAdapter(_KINDS[name])


def sentence(event: Event) -> str:
    """What a log says of `event`; empty for what a log need not say."""
    match event:
        case RunStarted():
            return "resumed" if event.resumed else "started"
        case Planned():
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
        case BaselineScored():
            return f"{event.name}: {_scores(event.scores)}"
        case StartScored():
            return f"starting weights: {_scores(event.scores)}"
        case ThresholdsTuned():
            chosen = ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in event.thresholds.items())
            short = readable_score(event.score, event.before), readable_score(event.score, event.after)
            return f"thresholds tuned: {chosen}; validation {score_name(event.score)} from {short[0]} to {short[1]}"
        case ReportWritten():
            return f"{event.title}: {event.path}"
        case TestScored():
            return f"test on {event.images:,} images: {_scores(event.scores)}"
        case EpochEnded():
            best = " (best so far)" if event.is_best else ""
            return f"epoch {event.epoch}: {_scores(event.scores)}{best}"
        case BatchReduced():
            if event.parts == 1:
                return (
                    "memory ran out: the network keeps less for the way back and calculates it again, which takes longer; the "
                    "result stays the same"
                )
            result = f"loss and gradient stay those of the batch, but {event.changes}" if event.changes else ""
            return (
                f"memory ran out: each batch is now done in {event.parts} parts of {event.tiles} tiles, which takes longer; "
                + (result or "the result stays the same")
            )
        case Warned() | Noted():
            return event.text
        case StopAsked():
            return "stopping now" if event.now else "stopping after the next validation"
        case Stopped():
            why = f" ({event.reason})" if event.reason else ""
            return f"stopped at step {event.step:,}{why}; it can be resumed"
        case Failed():
            return f"failed: {event.reason}"
        case Finished():
            return f"finished: {event.reason}, {event.step:,} steps in {duration(event.elapsed_seconds)}"
    return ""


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
    return isinstance(event, BatchReduced | Warned | Failed)


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


def _name(kind: type[Event]) -> str:
    """`EpochEnded` as `epoch_ended`."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in kind.__name__).lstrip("_")


_KINDS = {_name(kind): kind for kind in Event.__subclasses__()}
