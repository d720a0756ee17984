"""Scores on images that training never saw, for a budget of optimizer steps."""

from __future__ import annotations

import platform
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import nbtrainer as nbt
from nbtrainer.data.read import read
from nbtrainer.runs import events


@dataclass(frozen=True)
class Set:
    """One benchmark: which images validate, how many steps, which label value's Dice is reported."""

    validates: Callable[[int, int], bool]
    steps: int
    scored: Callable[[np.ndarray], np.ndarray]
    says: str


SETS = {
    "em_membranes": Set(
        lambda k, count: k >= count - 5, 600, lambda label: label == 0, "mean Dice of membrane (label 0)"
    ),
    "nuclei2d": Set(lambda k, count: k % 10 == 0, 400, lambda label: label > 0, "mean Dice of nuclei"),
}


def train_and_score(name: str, data: Path, seed: int) -> dict[str, Any]:
    """Train `binary_2d` on set `name` in folder `data`; one row of the table in docs/benchmarks.md."""
    chosen = SETS[name]
    names = sorted(path.name for path in (data / name / "images").iterdir())
    validation = [file for k, file in enumerate(names) if chosen.validates(k, len(names))]
    with tempfile.TemporaryDirectory() as folder:
        config = nbt.Config.preset("binary_2d")
        config.data.datasets = [
            _listed(data / name, [file for file in names if file not in validation], "train", Path(folder)),
            _listed(data / name, validation, "validation", Path(folder)),
        ]
        config.update(
            training={"iterations": chosen.steps, "steps_per_epoch": 50, "seed": seed},
            output={"root": f"{folder}/runs"},
        )
        began = time.monotonic()
        run = nbt.train(config)
        minutes = (time.monotonic() - began) / 60
        if run.status != "finished":
            raise RuntimeError(run.error)
        plan = next(event for event in run.events if isinstance(event, events.Planned))
        baseline = next(event for event in run.events if isinstance(event, events.BaselineScored))
        scores = {
            which: _mean_dice(nbt.load_model(path), data / name, validation, chosen.scored)
            for which, path in (("best", run.best), ("last", run.last))
            if path is not None
        }
    return {
        "set": name,
        "score": chosen.says,
        **{which: round(score, 4) for which, score in scores.items()},
        "otsu_foreground_dice": round(baseline.scores["validation_dice"], 4),
        "steps": chosen.steps,
        "minutes": round(minutes, 1),
        "seed": seed,
        "chosen": plan.chosen,
        "threads": plan.threads,
        "machine": platform.processor() or platform.machine(),
    }


def _listed(folder: Path, names: list[str], use: str, target: Path) -> dict[str, str]:
    dataset = {"use": use}
    for kind in ("images", "labels"):
        listed = target / f"{use}_{kind}.txt"
        listed.write_text("\n".join(str((folder / kind / name).resolve()) for name in names), encoding="utf-8")
        dataset[kind] = str(listed)
    return dataset


def _mean_dice(model: Any, folder: Path, names: list[str], scored: Callable[[np.ndarray], np.ndarray]) -> float:
    found = []
    for name in names:
        predicted, truth = scored(model.predict(folder / "images" / name)), scored(read(folder / "labels" / name))
        found.append(2 * (predicted & truth).sum() / (predicted.sum() + truth.sum()))
    return float(np.mean(found))
