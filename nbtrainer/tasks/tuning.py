"""The thresholds of a kind chosen on images that were kept for validation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from nbtrainer.labels.tune_thresholds import Tuned, tune
from nbtrainer.tasks.task import Task

# how many settings are tried; each decodes every image once
MOST_TRIES = 60

Kind = TypeVar("Kind", bound=Task[Any])


def tune_task(
    task: Kind,
    *,
    raws: Sequence[np.ndarray],
    objects: Sequence[np.ndarray],
    score: Callable[[Sequence[np.ndarray], Sequence[np.ndarray]], float],
    most_tries: int = MOST_TRIES,
) -> tuple[Kind, Tuned]:
    """`task` with the thresholds that score best, and what was found: never worse than those that it has.

    `raws` are network outputs, `objects` the true objects of each; `score` compares lists of labels with them.
    """

    def decode(raw: np.ndarray, **settings: Any) -> np.ndarray:
        return task.with_settings(**settings).decode(raw)

    best_thresholds = tune(
        decode,
        task.candidates,
        {name: getattr(task.settings, name) for name in task.candidates},
        predictions=raws,
        truths=objects,
        score=score,
        most_tries=most_tries,
    )
    best: dict[str, Any] = dict(best_thresholds.settings)
    return task.with_settings(**best), best_thresholds
