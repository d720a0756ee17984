"""What the events of a run amount to, as plain numbers and words: all that the dashboard draws."""

from __future__ import annotations

from collections import deque
from functools import singledispatchmethod
from typing import Any, NamedTuple

from nbtrainer.catalog import higher_is_better
from nbtrainer.runs import events, sentences
from nbtrainer.runs.best import best_epoch
from nbtrainer.runs.events import Event

LOG_LINES = 200


class LogLine(NamedTuple):
    """One sentence of the log, and when it was said (seconds since 1970)."""

    time: float
    words: str
    is_warning: bool


class RunState:
    """Takes events in the order in which they happened; may be asked at any moment."""

    def __init__(self) -> None:
        self.planned: events.Planned | None = None
        self.started: float | None = None
        self.step = 0
        self.seconds_per_step = 0.0
        self.learning_rate: float | None = None
        self.elapsed = 0.0
        self.activity = "getting ready"
        self.loss_epochs: list[float] = []
        self.losses: list[float] = []
        self.rows: dict[float, dict[str, float]] = {}
        self.baseline: events.BaselineScored | None = None
        self.start: events.StartScored | None = None
        self.reports: dict[str, str] = {}
        self.previews: dict[int, str] = {}
        self.log: deque[LogLine] = deque(maxlen=LOG_LINES)
        self.is_stopping = False
        self.is_stopping_now = False
        self._measured_from: tuple[int, float] | None = None

    def take(self, event: Event) -> None:
        """Bring the state up to date with `event`."""
        self._apply(event)
        words = sentences.sentence(event)
        if words:
            self.log.append(LogLine(event.time, words, sentences.is_warning(event)))

    @singledispatchmethod
    def _apply(self, event: Event) -> None:
        """What the other events say changes nothing here."""

    @_apply.register
    def _(self, event: events.RunStarted) -> None:
        self.started = self.started or event.time
        self.is_stopping = self.is_stopping_now = False
        self.activity = "getting ready"
        self._measured_from = None

    @_apply.register
    def _(self, event: events.Activity) -> None:
        self.activity = f"{event.doing} {event.done} of {event.of}" if event.of else event.doing

    @_apply.register
    def _(self, event: events.BaselineScored) -> None:
        self.baseline = event

    @_apply.register
    def _(self, event: events.StartScored) -> None:
        self.start = event

    @_apply.register
    def _(self, event: events.ReportWritten) -> None:
        self.reports[event.title] = event.path

    @_apply.register
    def _(self, event: events.Scored) -> None:
        place: float = event.epoch
        if isinstance(event, events.ValidatedWithin) and self.planned is not None:
            place = event.step / self.planned.steps_per_epoch
        self.rows[place] = dict(event.scores)
        self.step, self.elapsed, self.learning_rate = event.step, event.elapsed_seconds, event.learning_rate
        self.activity = ""

    @_apply.register
    def _(self, event: events.PreviewWritten) -> None:
        self.previews[event.epoch] = event.path

    @_apply.register
    def _(self, event: events.StopAsked) -> None:
        self.is_stopping, self.is_stopping_now = True, self.is_stopping_now or event.now

    @_apply.register
    def _(self, event: events.Finished) -> None:
        self.elapsed = event.elapsed_seconds
        self.activity = ""

    @_apply.register
    def _(self, event: events.Stopped | events.Failed) -> None:
        self.activity = ""

    @property
    def fraction(self) -> float:
        """How much of the run is done, from 0 to 1: of its steps or of its time, whichever is further spent."""
        if self.planned is None:
            return 0.0
        steps = self.step / max(self.planned.total_steps, 1)
        minutes = self.elapsed / (self.planned.max_minutes * 60) if self.planned.max_minutes else 0.0
        return min(max(steps, minutes), 1.0)

    @property
    def seconds_left(self) -> float | None:
        """What the run will still take, at its pace so far (validation included); None while that is unknown."""
        if self.planned is None or self._measured_from is None:
            return None
        step, elapsed = self._measured_from
        pace = (self.elapsed - elapsed) / (self.step - step) if self.step > step else self.seconds_per_step
        left = (self.planned.total_steps - self.step) * pace
        if self.planned.max_minutes:
            left = min(left, self.planned.max_minutes * 60 - self.elapsed)
        return max(left, 0.0)

    @property
    def epoch(self) -> int:
        """The epoch of the last step, counted from 1; 0 before the run is planned."""
        if self.planned is None:
            return 0
        return max(-(-self.step // max(self.planned.steps_per_epoch, 1)), 1)

    @property
    def metrics(self) -> list[str]:
        """Names of the scores besides the loss, without `train_` and `validation_`, the monitored one first."""
        names: dict[str, None] = {}
        if self.planned is not None:
            names = {short_name(self.planned.monitor): None} | dict.fromkeys(self.planned.metrics)
        names |= dict.fromkeys(self._score_names())
        plain = [name for name in names if not _is_loss(name)]
        # a mean stands before the classes that it is the mean of
        order = {name: place for place, name in enumerate(name for name in plain if " (" not in name)}
        return sorted(plain, key=lambda name: order.get(name.partition(" (")[0], len(order)))

    @property
    def loss_names(self) -> list[str]:
        """`loss`, and its terms, such as `loss (contour)`, where it has some."""
        return ["loss", *(name for name in self._score_names() if _is_loss(name) and name != "loss")]

    def _score_names(self) -> list[str]:
        rows = [*([self.start.scores] if self.start is not None else []), *self.rows.values()]
        return list(dict.fromkeys(short_name(name) for row in rows for name in row))

    def scores(self, name: str) -> tuple[list[float], list[float]]:
        """Epochs and values of one score, `validation_dice` for example; at epoch 0 that of the starting weights."""
        start = {} if self.start is None else self.start.scores
        points = [(0.0, start[name])] if name in start else []
        points += [(epoch, row[name]) for epoch, row in sorted(self.rows.items()) if name in row]
        return [epoch for epoch, _ in points], [value for _, value in points]

    def best(self, name: str) -> tuple[float, float] | None:
        """Epoch and value of the best score of this name, or None if it was never measured."""
        is_higher = higher_is_better(name)
        if self.planned is not None and name == self.planned.monitor:
            is_higher = self.planned.higher_is_better
        return best_epoch(sorted(self.rows.items()), name, higher=is_higher)

    def newest(self, name: str) -> float | None:
        """The last measured value of a score, or None."""
        values = self.scores(name)[1]
        return values[-1] if values else None

    @_apply.register
    def _plan(self, event: events.Planned) -> None:
        """What came after this step is done again: forget it."""
        self.planned = event
        self.step = event.step
        done_epochs = event.step / max(event.steps_per_epoch, 1)
        while self.loss_epochs and self.loss_epochs[-1] > done_epochs:
            self.loss_epochs.pop()
            self.losses.pop()
        self.rows = {epoch: row for epoch, row in self.rows.items() if epoch <= done_epochs}
        self.previews = {epoch: path for epoch, path in self.previews.items() if epoch <= done_epochs}

    @_apply.register
    def _count(self, event: events.StepsDone) -> None:
        self.step, self.elapsed = event.step, event.elapsed_seconds
        self.seconds_per_step, self.learning_rate = event.seconds_per_step, event.learning_rate
        self.activity = ""
        if self._measured_from is None:
            self._measured_from = (event.step, event.elapsed_seconds)
        if self.planned is not None:
            # the mean of these steps stands in their middle
            self.loss_epochs.append((event.step - event.steps / 2) / max(self.planned.steps_per_epoch, 1))
            self.losses.append(event.loss)


def short_name(score: str) -> str:
    """`validation_dice` as `dice`."""
    return score.removeprefix("validation_").removeprefix("train_")


def _is_loss(name: str) -> bool:
    return name.partition(" (")[0] == "loss"


def figure_values(state: RunState, name: str) -> dict[str, Any]:
    """What a figure of score `name` shows: training and validation, the best, the baseline."""
    return {
        "training": state.scores(f"train_{name}"),
        "validation": state.scores(f"validation_{name}"),
        "best": state.best(f"validation_{name}"),
        "baseline": None if state.baseline is None else state.baseline.scores.get(f"validation_{name}"),
    }
