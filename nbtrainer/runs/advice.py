"""Whether it is worth to go on training, or to annotate more: read from the curves of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nbtrainer.catalog import higher_is_better
from nbtrainer.runs.best import best_epoch
from nbtrainer.runs.sentences import score_name

# fewer validations say nothing; a point is worth more steps, five points between training and validation more images
_FEWEST = 4
_STILL_RISING, _GAP = 0.005, 0.05


def advice(history: Sequence[dict[str, Any]], monitor: str, *, lost_patience: bool) -> str:
    """One sentence on how to go on, or nothing if the curves are too short. `history`: a row of scores for each epoch;
    `lost_patience`: the run ended because its scores no longer became better, and is told to be trained longer by nobody."""
    rows = [row for row in history if monitor in row]
    if not monitor.startswith("validation_") or len(rows) < _FEWEST:
        return ""
    plain = monitor.removeprefix("validation_")
    sign = 1 if higher_is_better(plain) else -1
    values = [sign * row[monitor] for row in rows]
    scale = max(abs(value) for value in values) or 1.0
    best_row = best_epoch(enumerate(rows), monitor, higher_is_better(plain))
    if best_row is None:  # no score was a number
        return ""
    at = best_row[0]
    best = values[at]
    early = max(values[: max(1, 3 * len(values) // 4)])
    score_title = score_name(plain)
    if (best - early) / scale > _STILL_RISING and not lost_patience:
        return f"{score_title} on the validation images still improved in the last quarter of the run: training longer is worth it"
    gap = _gap(rows[at], plain)
    if gap is not None and gap[0] > _GAP:
        return (
            f"{score_title} no longer improves, and training images do better ({gap[1]}): more annotated images like the worst of the "
            "report, or stronger augmentation, help more than more steps"
        )
    if at < len(values) // 2 and (best - values[-1]) / scale > _STILL_RISING:
        return f"{score_title} was best at epoch {rows[at]['epoch']} and became worse since: train shorter, or annotate more images"
    longer = "" if lost_patience else "train longer, or "
    return (
        f"{score_title} no longer rises, and training images do no better: more images would not help yet; {longer}"
        "try a larger network or larger patches"
    )


def _gap(row: dict[str, Any], plain: str) -> tuple[float, str] | None:
    """How much better training images score than validation images, and in words; by a score that both have."""
    for name in (plain, "dice", "loss"):
        train, validation = row.get(f"train_{name}"), row.get(f"validation_{name}")
        if train is None or validation is None:
            continue
        lower = not higher_is_better(name)
        better = (validation - train if lower else train - validation) / max(abs(validation), 1e-6)
        return better, f"{score_name(name)} {train:.3f} against {validation:.3f}"
    return None
