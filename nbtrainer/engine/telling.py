"""How the engine tells what it does, without drowning who listens."""

from __future__ import annotations

import time
from collections.abc import Callable

from nbtrainer.runs import events
from nbtrainer.runs.events import Event

Emit = Callable[[Event], None]

# steps are grouped: one event a step made a journal of 24 MB in 200,000 steps
SECONDS_BETWEEN_EVENTS = 0.25


def reporter(emit: Emit, doing: str) -> Callable[[int, int], None]:
    """Tells what is being done, a few times a second."""
    told = 0.0

    def report(done: int, of: int) -> None:
        nonlocal told
        if time.monotonic() - told >= SECONDS_BETWEEN_EVENTS:
            told = time.monotonic()
            emit(events.Activity(doing=doing, done=done, of=of))

    return report
