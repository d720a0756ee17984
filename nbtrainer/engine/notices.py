"""What a run notices about itself while it trains, each said once: a plateau, over-fitting, a class that is not learned,
and a network that waits for its patches."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from nbtrainer.catalog import higher_is_better
from nbtrainer.runs.best import best_epoch
from nbtrainer.runs.sentences import score_name

_T = TypeVar("_T")

# fewer validations say nothing
_FEWEST = 10
# of all validations so far, without a better score
_STALE_SHARE = 0.5
# what the training loss falls by meanwhile, where it is over-fitting and no plateau
_STILL_LEARNING = 0.1
# a class that is found by chance scores less, where others are found
_NOT_LEARNED, _LEARNED = 0.01, 0.3
# of the time of an epoch, and at least so many seconds
_WAITING_SHARE, _WAITING_SECONDS = 0.5, 10.0


@dataclass(kw_only=True)
class Notices:
    """Looks at each epoch of a session. `monitor`: the name of the score that decides."""

    monitor: str
    waited: float = 0.0
    began: float = field(default_factory=time.monotonic)
    rows: list[Mapping[str, float]] = field(default_factory=list)
    reported: set[str] = field(default_factory=set)

    def time_waiting(self, batches: Generator[_T]) -> Iterator[_T]:
        """`batches`, one after the other; how long each let wait is added up."""
        try:
            while True:
                began = time.monotonic()
                batch = next(batches, None)
                self.waited += time.monotonic() - began
                if batch is None:
                    return
                yield batch
        finally:
            batches.close()

    def look_at_epoch(self, scores: Mapping[str, float]) -> list[str]:
        """As `look`, with the time since it was called before."""
        waited, seconds = self.waited, time.monotonic() - self.began
        self.waited, self.began = 0.0, time.monotonic()
        return self.look(scores, waited=waited, seconds=seconds)

    def look(self, scores: Mapping[str, float], *, waited: float, seconds: float) -> list[str]:
        """Sentences that were not said before, after an epoch with these `scores`, which took `seconds`, of which it
        `waited` for patches."""
        if self.monitor in scores:
            self.rows.append(scores)
        seen = [*self._course(), *self._classes(scores), *_waiting(waited=waited, seconds=seconds)]
        new = [(what, sentence) for what, sentence in seen if what not in self.reported]
        self.reported |= {what for what, _ in new}
        return [sentence for _, sentence in new]

    def _course(self) -> Iterator[tuple[str, str]]:
        count = len(self.rows)
        if count < _FEWEST or not self.monitor.startswith("validation_"):
            return
        plain = self.monitor.removeprefix("validation_")
        best = best_epoch(enumerate(self.rows), self.monitor, higher_is_better(plain))
        if best is None or count - 1 - best[0] < _STALE_SHARE * count:
            return
        since = (
            f"{score_name(plain)} on the validation images has not become better for {count - 1 - best[0]} validations"
        )
        before, now = self.rows[best[0]].get("train_loss"), self.rows[-1].get("train_loss")
        if before is not None and now is not None and before - now > _STILL_LEARNING * abs(before):
            yield (
                "course",
                f"{since}, while the training loss still falls: the network learns its images by heart. More images or "
                "stronger augmentation help; the best model is kept",
            )
        else:
            yield (
                "course",
                f"{since}: it may be as good as it gets. Stop, lower the learning rate, or set training.patience",
            )

    def _classes(self, scores: Mapping[str, float]) -> Iterator[tuple[str, str]]:
        if len(self.rows) < _FEWEST:
            return
        of_classes = {name: value for name, value in scores.items() if name.startswith("validation_dice (")}
        if max(of_classes.values(), default=0.0) < _LEARNED:
            return
        for name in of_classes:
            if all(row.get(name, 0.0) < _NOT_LEARNED for row in self.rows[-_FEWEST:]):
                title = name.partition("(")[2].removesuffix(")")
                yield (
                    name,
                    f"{title} is not learned: its Dice is below {_NOT_LEARNED} since {_FEWEST} validations. Look whether it "
                    "is labelled, draw its patches more often (sampling.method balanced) or set task.class_weights to auto",
                )


def _waiting(*, waited: float, seconds: float) -> Iterator[tuple[str, str]]:
    if seconds > _WAITING_SECONDS and waited > _WAITING_SHARE * seconds:
        yield (
            "waiting",
            f"{100 * waited / seconds:.0f} % of the time the network waits for patches: raise training.workers, store images "
            "uncompressed on a fast disk, or take fewer transforms",
        )
