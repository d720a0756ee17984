"""A cross-validation as a folder: its runs, and what their models score on images that they did not see."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from nbtrainer.data.fold_record import FoldRecord, fold_folder, is_cross_validation
from nbtrainer.disk import exists, parse_json, read_text, write_json
from nbtrainer.errors import ModelError
from nbtrainer.runs.directory import RunDirectory
from nbtrainer.runs.history import write_history
from nbtrainer.runs.run import Run, attach

RESULT, TABLE = "cross_validation.json", "cross_validation.csv"
NOTES = (
    "Each fold's best checkpoint was chosen by the fold's own validation images: scores of folds flatter a little.",
    "out_of_fold: each image is scored once, by the model that did not train on it, with the thresholds of the settings.",
    "out_of_fold_tuned: the same with the thresholds that were tuned on the fold's own validation images, which flatters.",
)


class CrossValidation:
    """A cross-validation of this or another day; all it knows it reads from its folder.

    `directory`: its folder; `folds`: how many there are.
    """

    def __init__(self, directory: Path) -> None:
        if not is_cross_validation(directory):
            raise ModelError(str(directory), "this is not the folder of a cross-validation", "Give one with folds.json")
        self.directory = directory.resolve()
        self.folds = FoldRecord.read(self.directory).folds

    @property
    def runs(self) -> list[Run]:
        """The runs of the folds that were started, in their order."""
        folders = [fold_folder(self.directory, fold) for fold in range(1, self.folds + 1)]
        return [attach(folder) for folder in folders if exists(RunDirectory(folder).events)]

    @property
    def status(self) -> Literal["finished", "failed", "stopped", "running"]:
        """`finished`: every fold is trained and scored; `failed`: a run is; `running`: a run is; else `stopped`."""
        statuses = [run.status for run in self.runs]
        if "running" in statuses or "paused" in statuses:
            return "running"
        if "failed" in statuses:
            return "failed"
        is_complete = statuses == ["finished"] * self.folds and "out_of_fold" in self.result
        return "finished" if is_complete else "stopped"

    @property
    def error(self) -> str:
        """Why a run failed; empty if none did."""
        failed = [run for run in self.runs if run.status == "failed"]
        return f"{failed[0].directory.name}: {failed[0].error}" if failed else ""

    @property
    def result(self) -> dict[str, Any]:
        """What `cross_validation.json` holds: `folds` (each with its best `score`), their `mean` and `std` (of a sample: n - 1),
        and when all are trained `out_of_fold` and `out_of_fold_tuned`, as `evaluate` gives scores; empty before the first."""
        file = self.directory / RESULT
        return dict(parse_json(read_text(file))) if exists(file) else {}

    def write(self, scores: Mapping[str, Any] | None = None) -> None:
        """Write how the folds stand, and `scores` of all images if they are known."""
        rows = [_row(run) for run in self.runs]
        settings = [_settings(run) for run in self.runs[:1]]
        best = [row["score"] for row in rows if row["status"] == "finished" and row["score"] is not None]
        result = {
            "format": 1,
            "number_of_folds": self.folds,
            # those that were auto are known when the first run has begun
            "monitor": next((each["training"]["monitor"] for each in settings), ""),
            "metrics": next((each["compile"]["metrics"] for each in settings), []),
            "folds": rows,
            "mean": statistics.fmean(best) if best else None,
            "std": statistics.stdev(best) if len(best) > 1 else None,
            **(scores or {}),
            "notes": list(NOTES),
        }
        write_json(self.directory / RESULT, result)
        if scores:
            write_history(self.directory / TABLE, _image_rows(scores))

    def __repr__(self) -> str:
        return f"<cross-validation of {self.folds} folds, {self.status}, {self.directory}>"

    def __str__(self) -> str:
        """The table of the folds, and the scores of all images by the metrics of the settings; `result` has the others."""
        result = self.result
        if not result:
            return repr(self)
        lines = [f"fold  {result['monitor'] or 'score':<22}  status"]
        lines += [f"{row['fold']:<4}  {_number(row['score']):<22}  {row['status']}" for row in result["folds"]]
        if result["mean"] is not None:
            spread = "" if result["std"] is None else f" +- {_number(result['std'])}"
            lines.append(f"mean  {_number(result['mean'])}{spread}")
        for key, what in (("out_of_fold", "thresholds of the settings"), ("out_of_fold_tuned", "tuned thresholds")):
            if key in result:
                overall = "  ".join(
                    f"{name} {_number(value)}"
                    for name, value in result[key]["overall"].items()
                    if name.partition(" (")[0] in result["metrics"]
                )
                lines.append(f"out of fold, {len(result[key]['images'])} images, {what}: {overall}")
        return "\n".join(lines)


def _row(run: Run) -> dict[str, Any]:
    """How the run of a fold stands."""
    best = _best_entry(run)
    return {
        "fold": int(run.directory.name.rpartition("-")[2]),
        "run": run.directory.name,
        "status": run.status,
        "score": best.get("score"),
        "epoch": best.get("epoch"),
    }


def _settings(run: Run) -> dict[str, Any]:
    return dict(parse_json(read_text(run.directory / "config.json")))


def _best_entry(run: Run) -> dict[str, Any]:
    file = RunDirectory(run.directory).checkpoints / "best.json"
    entries = parse_json(read_text(file)) if exists(file) else []
    return dict(entries[0]) if entries else {}


def _image_rows(scores: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    tuned = scores.get("out_of_fold_tuned", {}).get("images", [])
    with_tuned = tuned or [{} for _ in scores["out_of_fold"]["images"]]
    return [
        row | {f"{name} (tuned)": value for name, value in other.items() if name not in ("image", "fold")}
        for row, other in zip(scores["out_of_fold"]["images"], with_tuned, strict=True)
    ]


def _number(value: float | None) -> str:
    return "-" if value is None or not math.isfinite(value) else f"{value:.4f}"
