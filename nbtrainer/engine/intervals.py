"""What is done again and again, each so many epochs or steps: validating, saving, keeping a model."""

from __future__ import annotations

from nbtrainer.config.training import Training
from nbtrainer.engine.clock import Clock


def is_due(training: Training, clock: Clock, interval: int) -> bool:
    """Whether what is done each `interval` epochs or steps (0: never) is due where the clock stands."""
    if not interval:
        return False
    if training.intervals_in == "steps":
        return clock.step % interval == 0
    return clock.ends_epoch and clock.epoch % interval == 0


def step_intervals(training: Training) -> tuple[int, ...]:
    """The intervals that may end within an epoch, in steps."""
    if training.intervals_in == "epochs":
        return ()
    every = (training.validation_interval, training.save_interval, training.keep_each)
    return tuple(dict.fromkeys(interval for interval in every if interval))
