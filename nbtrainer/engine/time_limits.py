"""How long what comes after training may take, and whether the user wants it to end."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from nbtrainer.engine.job import TrainingJob
from nbtrainer.engine.progress import Emit, OutOfTimeError, ReadStop, StopHeardError, reporter

# where there is a time budget, all of it together
_FINISH_SHARE, _LEAST_SECONDS = 0.1, 30.0


class TimeLimits:
    """Ends what follows the last step when a stop is asked, or when its share of the time budget is spent."""

    def __init__(self, job: TrainingJob, emit: Emit, stop_asked: ReadStop) -> None:
        self._emit = emit
        self._stop_asked = stop_asked
        minutes = job.config.training.max_minutes
        self._ends = math.inf
        if minutes is not None:
            self._ends = time.monotonic() + max(_LEAST_SECONDS, _FINISH_SHARE * 60 * minutes)

    @property
    def seconds_left(self) -> float:
        return self._ends - time.monotonic()

    def check(self) -> None:
        """Raises `StopHeardError` or `OutOfTimeError`."""
        # nothing is left to validate: once asked is as good as now
        if self._stop_asked():
            raise StopHeardError
        if self.seconds_left < 0:
            raise OutOfTimeError

    def reporter(self, doing: str) -> Callable[[int, int], None]:
        """As `telling.reporter`, and checks."""
        tell = reporter(self._emit, doing)

        def report(done: int, of: int) -> None:
            self.check()
            tell(done, of)

        return report
