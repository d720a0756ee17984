"""The history of a run: one row an epoch, from its events to a table that other programs open."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nbtrainer.disk import write_aside
from nbtrainer.runs import events
from nbtrainer.runs.events import Event


def history_rows(happened: list[Event]) -> list[dict[str, Any]]:
    """One row an epoch, and one for each validation within it, in their order; rows of epochs done again after a resume
    replace the old ones."""
    rows: dict[tuple[int, float], dict[str, Any]] = {}
    for event in happened:
        if isinstance(event, events.Planned):
            rows = {key: row for key, row in rows.items() if row["step"] <= event.step}
        elif isinstance(event, events.Scored):
            within = event.step if isinstance(event, events.ValidatedWithin) else math.inf
            rows[event.epoch, within] = {
                "epoch": event.epoch,
                "step": event.step,
                **event.scores,
                "learning_rate": event.learning_rate,
                "seconds": event.elapsed_seconds,
            }
    return [rows[key] for key in sorted(rows)]


def write_history(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write `rows` to `path` as CSV: a column for each name that any row has. Raises `UserError` if the disk refuses it."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    with write_aside(path) as aside, aside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
    return path
