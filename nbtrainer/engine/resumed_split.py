"""The split of a run that goes on: which images trained and validated before, and what is left of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbtrainer.config import Config
from nbtrainer.data.split_record import SplitRecord
from nbtrainer.datasets import Survey
from nbtrainer.errors import DataError
from nbtrainer.runs import events
from nbtrainer.runs.events import Event

# which images validate follows from these
_SPLIT_SETTINGS = ("validation_fraction", "folds", "fold", "split_groups", "split_gap")


def previous_split(record: dict[str, Any] | None) -> SplitRecord | None:
    """Which images trained and which judged by a checkpoint; None of an older version, which did not note it."""
    state = record["resume"] if record is not None else {}
    return SplitRecord.from_record(state["split"], state.get("files", {})) if "split" in state else None


def require_images_left(before: SplitRecord, surveyed: Survey) -> None:
    """Raise `UserError` if none of the images is left that trained, or that validated, in the session before."""
    for use, verb in (("train", "trained"), ("validation", "validated")):
        had = list(dict.fromkeys(Path(entry.image).name for entry in before.entries if entry.use == use))
        if had and not getattr(surveyed.split, use):
            raise DataError(
                "data.datasets",
                f"no image is left of those that {verb} in this run ({', '.join(had[:3])}{', ...' if len(had) > 3 else ''})",
                "Put them back, or start a new run with the images that are there",
            )


def split_warnings(
    config: Config, record: dict[str, Any] | None, before: SplitRecord | None, surveyed: Survey
) -> list[Event]:
    """What is to be told of the split of a run that goes on."""
    if record is None or before is None:
        return []
    sentences = before.warnings(surveyed.listed)
    stored = record["config"]["data"]
    changed = [
        f"data.{name}" for name in _SPLIT_SETTINGS if name in stored and stored[name] != getattr(config.data, name)
    ]
    if changed:
        verb = "has" if len(changed) == 1 else "have"
        sentences.append(f"{' and '.join(changed)} {verb} no effect: a run that goes on keeps its validation images")
    return [events.Warned(text=text) for text in sentences]
