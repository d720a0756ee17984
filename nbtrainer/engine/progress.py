"""How the engine tells what it does, without drowning who listens."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

from nbtrainer.runs import events
from nbtrainer.runs.events import Event

Emit = Callable[[Event], None]
ReadStop = Callable[[], Literal["", "validation", "now"]]

# steps are grouped: one event a step made a journal of 24 MB in 200,000 steps
SECONDS_BETWEEN_EVENTS = 0.25


class StopHeardError(BaseException):
    """The user asked to stop: what is under way ends. No `Exception`, because it is no failure that could be spared."""


class OutOfTimeError(BaseException):
    """The time budget is spent: what is under way is left out."""


def raise_if_stopped(stop_asked: ReadStop) -> Callable[[], None]:
    """A function that raises `StopHeardError` once an immediate stop is asked; for long work, called every second or so."""

    def check() -> None:
        if stop_asked() == "now":
            raise StopHeardError

    return check


def reporter(emit: Emit, doing: str) -> Callable[[int, int], None]:
    """Tells what is being done, a few times a second."""
    last_report = 0.0

    def report(done: int, of: int) -> None:
        nonlocal last_report
        if time.monotonic() - last_report >= SECONDS_BETWEEN_EVENTS:
            last_report = time.monotonic()
            emit(events.Activity(doing=doing, done=done, of=of))

    return report
