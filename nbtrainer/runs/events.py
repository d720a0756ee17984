"""What happens in a run, as small records of plain values: the only thing that passes from engine to watchers."""

from __future__ import annotations

import dataclasses
import functools
import time
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError


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
class MemoryEstimated(Event):
    """What a step on `batch_size` patches is expected to take, and what may be used before it."""

    batch_size: int
    needed_bytes: int
    free_bytes: int


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
    """The steps of about the last quarter second. `step`: steps done so far; `loss`: mean of these steps.

    `memory_bytes`: of this process; `device_memory_bytes`: what torch holds of a device other than the processor; 0 where
    it is not known.
    """

    step: int
    epoch: int
    steps: int
    loss: float
    seconds_per_step: float
    learning_rate: float
    elapsed_seconds: float
    memory_bytes: int = 0
    device_memory_bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class Scored(Event):
    """`scores` holds `train_loss`, `validation_dice` ...; absent means not measured. `epoch` counts from 1."""

    epoch: int
    step: int
    scores: dict[str, float]
    learning_rate: float
    elapsed_seconds: float
    is_best: bool = False


@dataclass(frozen=True, kw_only=True)
class EpochEnded(Scored):
    """All steps of an epoch are done."""


@dataclass(frozen=True, kw_only=True)
class ValidatedWithin(Scored):
    """A validation before the epoch is over, where they are counted in steps."""


@dataclass(frozen=True, kw_only=True)
class PreviewWritten(Event):
    """A picture of the fixed preview tiles; `path` is relative to the run."""

    epoch: int
    path: str
    tiles: int


@dataclass(frozen=True, kw_only=True)
class CheckpointSaved(Event):
    """`path` is relative to the run; `kind` is `last`, `best`, or `epoch` for one that is kept besides."""

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
class SettingsChanged(Event):
    """The user changed settings while the run trained: `changes` by their paths, from the step after `step` on."""

    step: int
    changes: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class StopAsked(Event):
    """The user asked to stop: `now`, or after the next validation."""

    now: bool


@dataclass(frozen=True, kw_only=True)
class RolledBack(Event):
    """At `step` the loss or the weights were no numbers any more, or exploded: the run goes on from its last checkpoint,
    without the patches of that step (of `images`, drawn in the picture `path`), and with another `learning_rate`."""

    step: int
    reason: str
    images: list[str]
    path: str
    learning_rate: float


@dataclass(frozen=True, kw_only=True)
class Paused(Event):
    """The run waits after `step`, as the user asked."""

    step: int


@dataclass(frozen=True, kw_only=True)
class Continued(Event):
    """The run goes on after a pause of so many seconds, or is stopped in it."""

    step: int
    seconds: float


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
    if (name := str(record.get("event", ""))) not in _KINDS:
        return None
    try:
        return _reader(name).validate_python(record)
    except ValidationError as error:
        raise ValueError(f"{name}: {error.errors()[0]['msg'].lower()}") from None


@functools.cache
def _reader(name: str) -> TypeAdapter[Any]:
    return TypeAdapter(_KINDS[name])


def _name(kind: type[Event]) -> str:
    """`EpochEnded` as `epoch_ended`."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in kind.__name__).lstrip("_")


_KINDS = {_name(kind): kind for kind in (*Event.__subclasses__(), *Scored.__subclasses__()) if kind is not Scored}
