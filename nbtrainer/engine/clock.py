"""How far a run is: steps, epochs and seconds, against its budgets."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol


class Budgets(Protocol):
    """What ends a run: the training settings of these names."""

    epochs: int
    iterations: int | None
    max_minutes: float | None


@dataclass(kw_only=True)
class Clock:
    """Counts optimizer steps, each of `batch_size` patches (of all batches of a step together); an epoch is `steps_per_epoch` of them, the last one may be shorter.

    `closed_at`: the step at the end of the last epoch that was closed; `settled_at`: that at which was done last what is due
    between steps. `patches_per_epoch` may be less than a multiple of `batch_size`: then the last batch of an epoch is smaller.
    """

    total_steps: int
    steps_per_epoch: int
    patches_per_epoch: int
    batch_size: int
    max_seconds: float | None = None
    step: int = 0
    closed_at: int = 0
    settled_at: int = 0
    earlier_seconds: float = 0.0
    _began: float = field(default_factory=time.monotonic)

    @classmethod
    def from_settings(
        cls,
        *,
        epochs: int,
        iterations: int | None,
        steps_per_epoch: int,
        batch_size: int,
        batches_per_step: int,
        max_minutes: float | None,
        patches_per_pass: int,
    ) -> Clock:
        """A clock at 0 for the budgets of a run; -1 steps per epoch show all `patches_per_pass` once."""
        batch_size *= batches_per_step
        patches = patches_per_pass if steps_per_epoch == -1 else steps_per_epoch * batch_size
        steps = -(-patches // batch_size)
        return cls(
            total_steps=iterations or epochs * steps,
            steps_per_epoch=steps,
            patches_per_epoch=patches,
            batch_size=batch_size,
            max_seconds=None if max_minutes is None else 60 * max_minutes,
        )

    def change_budgets(self, training: Budgets) -> None:
        """Other budgets from now on. An epoch that is under way is ended, however few are asked for."""
        asked = training.iterations or training.epochs * self.steps_per_epoch
        end_of_epoch = -(-self.step // self.steps_per_epoch) * self.steps_per_epoch
        self.total_steps = max(asked, min(end_of_epoch, self.total_steps) if self.step else 1)
        self.max_seconds = None if training.max_minutes is None else 60 * training.max_minutes

    @property
    def epoch(self) -> int:
        """The epoch, from 1, that the last step belongs to."""
        return max(1, -(-self.step // self.steps_per_epoch))

    @property
    def epochs(self) -> int:
        return -(-self.total_steps // self.steps_per_epoch)

    @property
    def elapsed_seconds(self) -> float:
        """Seconds of training, over all sessions."""
        return self.earlier_seconds + time.monotonic() - self._began

    @property
    def is_out_of_time(self) -> bool:
        return self.max_seconds is not None and self.elapsed_seconds >= self.max_seconds

    @property
    def is_over(self) -> bool:
        """Whether the last epoch is closed and a budget is spent."""
        return self.closed_at == self.step > 0 and (self.step >= self.total_steps or self.is_out_of_time)

    @property
    def progress(self) -> float:
        """Share of the run that is spent, from 0 to 1, by the budget that is further spent.

        Where that is the time, no two runs are the same: one that must end by then, with a low rate, cannot keep to steps.
        """
        spent = self.step / self.total_steps
        return min(1.0, spent if self.max_seconds is None else max(spent, self.elapsed_seconds / self.max_seconds))

    def start(self) -> None:
        """Begin to count seconds."""
        self._began = time.monotonic()

    def leave_out(self, seconds: float) -> None:
        """Time in which the run waited, and which counts for no budget."""
        self._began += seconds

    def remaining(self, intervals: Iterable[int] = ()) -> range:
        """The steps from here to the end of the epoch, or to the next multiple of one of `intervals`."""
        if self.step >= self.total_steps:
            return range(self.step, self.step)
        lengths = (self.steps_per_epoch, *intervals)
        # a settled step opens what follows; where one is not, a session ended before what is due there was done
        is_due = any(self.step % length == 0 for length in lengths) and self.step > max(self.closed_at, self.settled_at)
        ends = [self.step if is_due else (self.step // length + 1) * length for length in lengths]
        return range(self.step, min(*ends, self.total_steps))

    @property
    def ends_epoch(self) -> bool:
        """Whether no step of the epoch is left, or no time."""
        return self.step % self.steps_per_epoch == 0 or self.step >= self.total_steps or self.is_out_of_time

    def patch_numbers(self, step: int) -> range:
        """The numbers of the patches that make the batch of `step`."""
        epoch, position = divmod(step, self.steps_per_epoch)
        first = epoch * self.patches_per_epoch + position * self.batch_size
        return range(first, min(first + self.batch_size, (epoch + 1) * self.patches_per_epoch))

    def set_epoch(self, epoch: int) -> None:
        """Stand at the end of `epoch`; 0 is the start."""
        self.step = self.closed_at = self.settled_at = epoch * self.steps_per_epoch

    def close_epoch(self) -> None:
        self.closed_at = self.settled_at = self.step

    def settle(self) -> None:
        """What is due at this step, within an epoch, is done."""
        self.settled_at = self.step

    def as_record(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "closed_at": self.closed_at,
            "settled_at": self.settled_at,
            "seconds": self.elapsed_seconds,
        }

    def restore(self, record: dict[str, Any]) -> None:
        self.step, self.closed_at, self.earlier_seconds = record["step"], record["closed_at"], record["seconds"]
        self.settled_at = record.get("settled_at", self.closed_at)
