"""Which of several scores is best: one definition for the models on the disk, the curves and the dashboard."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TypeVar

# a number, or a part of one where validations are within epochs
Epoch = TypeVar("Epoch", int, float)


def is_better(score: float, *, loss: float, other_score: float, other_loss: float, higher: bool) -> bool:
    """Whether `score` is better than another, `higher` or lower; of equal ones that with the lower validation loss.

    Many a score of objects is 0 for a while. Of two that agree in both, the earlier stays the best.
    """
    if score == other_score:
        return loss < other_loss
    return score > other_score if higher else score < other_score


def best_epoch(
    rows: Iterable[tuple[Epoch, Mapping[str, float | None]]], name: str, higher: bool
) -> tuple[Epoch, float] | None:
    """Epoch and value of the best score `name` of `rows` (an epoch and its scores each), or None if there is none."""
    best: tuple[Epoch, float] | None = None
    best_loss = math.inf
    for epoch, scores in rows:
        score, loss = scores.get(name), scores.get("validation_loss", math.inf)
        if score is None or not math.isfinite(score):
            continue
        loss = loss if loss is not None and math.isfinite(loss) else math.inf
        if best is None or is_better(score, loss=loss, other_score=best[1], other_loss=best_loss, higher=higher):
            best, best_loss = (epoch, score), loss
    return best
