"""Scores on images that training never saw, for a budget of optimizer steps."""

from __future__ import annotations

import json
import platform
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

import nbtrainer as nbt
from nbtrainer.io.read import read
from nbtrainer.runs import events

TABLE = Path(__file__).with_name("quality.jsonl")
_DOCS = Path(__file__).parent.parent / "docs" / "quality.md"
_GAP_PX = 8

Scores = Callable[[np.ndarray, np.ndarray], dict[str, float]]


@dataclass(frozen=True)
class Set:
    """Real images with labels. `validates(k, count)`: whether the k-th of them, by name, is kept for validation.

    `halved`: there is one volume; its last axis is halved, the first half trains and the other is scored, with a gap.
    `reported`: the scores in the table; `extra`: scores of predicted and true labels besides those of `evaluate`.
    """

    dim: int
    reported: tuple[str, ...]
    validates: Callable[[int, int], bool] = lambda k, count: k % 10 == 0
    halved: bool = False
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    extra: Scores | None = None


@dataclass(frozen=True)
class Trial:
    """A preset on a set for a number of steps; `goal`: what the first reported score should reach."""

    set: str
    preset: str
    steps: int
    goal: float | None = None


def _membranes(predicted: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Of membranes (label 0), and of the cells that they part, as the challenge scores them."""
    from skimage.measure import label
    from skimage.metrics import adapted_rand_error, variation_of_information

    own, true = predicted == 0, truth == 0
    cells, true_cells = label(~own, connectivity=1), label(~true, connectivity=1)
    error, _, _ = adapted_rand_error(true_cells, cells)
    split, merged = variation_of_information(true_cells, cells, ignore_labels=[0])
    return {
        "membrane Dice": float(2 * (own & true).sum() / (own.sum() + true.sum())),
        "adapted Rand error": float(error),
        "VI": float(split + merged),
    }


_PATCH_2D = {"sampling": {"patch_size": [256, 256]}, "training": {"batch_size": 8}}
_PATCH_3D = {"sampling": {"patch_size": [64, 64, 64]}, "training": {"batch_size": 2}}

SETS = {
    "nuclei2d": Set(2, ("ap_50", "ap_75", "dice"), settings={"sampling": {"patch_size": [224, 224]}}),
    "axonmyelin2d": Set(
        2,
        ("dice", "dice (1)", "dice (2)"),
        # rat 1 by itself: another animal, at another magnification
        validates=lambda k, count: k == 0,
        settings=_PATCH_2D,
    ),
    "nuclei3d": Set(3, ("f1_50", "ap_50", "dice"), halved=True, settings=_PATCH_3D),
    "brain3d_mni": Set(3, ("dice", "dice (1)", "dice (2)"), validates=lambda k, count: k == 1, settings=_PATCH_3D),
    "em_membranes": Set(
        2,
        ("membrane Dice", "adapted Rand error", "VI"),
        validates=lambda k, count: k >= count - 5,
        settings=_PATCH_2D,
        extra=_membranes,
    ),
    "brain_macaque3d": Set(
        3,
        ("dice",),
        halved=True,
        settings=_PATCH_3D
        | {"data": {"labels_of_interest": [55, 1055, 193, 1193, 54, 1054, 2, 1002, 1, 1001, 147, 1147, 196, 1196]}},
    ),
    "neurites3d": Set(
        3,
        ("adapted_rand_error", "ap_50"),
        halved=True,
        settings=_PATCH_3D | {"task": {"affinities": "long_range"}},  # half of them are too thin to have an inside
    ),
    "chloroplasts3d": Set(3, ("f1_50", "ap_50", "dice"), halved=True, settings=_PATCH_3D),
    "epithelia2d": Set(2, ("ap_50", "dice"), settings=_PATCH_2D),
    "bacteria2d": Set(2, ("ap_50", "dice"), settings={"sampling": {"patch_size": [224, 224]}}),
    "histology_rgb": Set(2, ("dice", "ap_50"), settings=_PATCH_2D),
    "retina_rgb": Set(2, ("dice",), settings=_PATCH_2D),
}

TRIALS = [
    Trial("nuclei2d", "instance_flow_2d", 1000, 0.85),
    Trial("nuclei2d", "instance_contour_2d", 1000, 0.85),
    Trial("axonmyelin2d", "semantic_2d", 800, 0.75),
    Trial("nuclei3d", "instance_contour_3d", 800, 0.6),
    Trial("brain3d_mni", "semantic_3d", 800, 0.85),
    Trial("em_membranes", "binary_2d", 1000),
    Trial("nuclei2d", "omnipose", 200),
    Trial("nuclei2d", "plantbio_instance_2d", 200),
    Trial("axonmyelin2d", "plantbio_semantic_2d", 200),
    Trial("nuclei3d", "plantbio_instance_3d", 200),
    Trial("nuclei3d", "cellseg3d", 200),
    Trial("brain3d_mni", "easyreg", 200),
    Trial("brain3d_mni", "plantbio_semantic_3d", 200),
    Trial("em_membranes", "epyseg", 200),
]


def train_and_score(trial: Trial, data: Path, seed: int, precision: str = "auto") -> dict[str, Any]:
    """One row of the table: train, and score what was kept for validation with `nbtrainer.evaluate`."""
    chosen = SETS[trial.set]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        training, validation = divided(chosen, data / trial.set, folder)
        config = configured(
            chosen,
            trial.preset,
            [training, validation],
            name,
            iterations=trial.steps,
            steps_per_epoch=min(100, trial.steps // 4),
            seed=seed,
            max_minutes=None,
            precision=precision,
        )
        began = time.monotonic()
        run = nbt.train(config)
        minutes = (time.monotonic() - began) / 60
        if run.status != "finished":
            raise RuntimeError(run.error)
        plan = next(event for event in run.events if isinstance(event, events.Planned))
        scores = {}
        for which, path in (("best", run.best), ("last", run.last)):
            if path is not None:
                scores[which] = _scores(nbt.load_model(path), chosen, validation)
    return {
        "set": trial.set,
        "preset": trial.preset,
        "seed": seed,
        "steps": trial.steps,
        "batch": [config.training.batch_size, *config.sampling.patch_size],
        "goal": trial.goal,
        "minutes": round(minutes, 1),
        "scores": scores,
        "chosen": plan.chosen,
        "threads": plan.threads,
        "machine": _processor(),
        "day": date.today().isoformat(),
        "command": f"python -m benchmarks quality {trial.set} --preset {trial.preset} --steps {trial.steps} --seed {seed}",
    }


def configured(chosen: Set, preset: str, datasets: list[dict[str, str]], folder: str, **training: Any) -> nbt.Config:
    """The preset as it trains on a set, with these settings of `training`; runs are written below `folder`."""
    config = nbt.Config.preset(preset)
    config.update(**chosen.settings)
    config.update(
        task={"dim": chosen.dim},
        data={"datasets": datasets},
        training=training,
        output={"root": f"{folder}/runs", "preview_tiles": 0},
    )
    return config


def write_docs(rows: list[dict[str, Any]]) -> None:
    """Put the table into docs/quality.md, between its marks."""
    lines = [
        "| set | preset | steps x batch | scores of the best model (last) | goal | minutes | machine |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        told = []
        for name in SETS[row["set"]].reported:
            values = [scores[name] for scores in row["scores"].values() if name in scores]
            if not values:  # a preset of another kind than the set is meant for
                continue
            told.append(f"{name} {values[0]:.3f}" + (f" ({values[1]:.3f})" if len(values) > 1 else ""))
        goal = "" if row["goal"] is None else f"{row['goal']:.2f}"
        batch = " x ".join(map(str, row["batch"]))
        lines.append(
            f"| {row['set']} | {row['preset']} | {row['steps']:,} x {batch} | {', '.join(told)} | {goal} "
            f"| {row['minutes']:.0f} | {row['machine']}, {row['chosen']['precision']}, seed {row['seed']} |"
        )
    text = _DOCS.read_text(encoding="utf-8")
    before, mark, after = text.partition("<!-- table -->\n")
    after = after.partition("<!-- end -->")[2]
    _DOCS.write_text(f"{before}{mark}" + "\n".join(lines) + f"\n<!-- end -->{after}", encoding="utf-8")


def kept_rows() -> list[dict[str, Any]]:
    """All rows so far; of the same trial the last."""
    rows = [json.loads(line) for line in TABLE.read_text(encoding="utf-8").splitlines()] if TABLE.exists() else []
    return list({(row["set"], row["preset"], row["steps"], row["seed"]): row for row in rows}.values())


def divided(chosen: Set, source: Path, target: Path) -> tuple[dict[str, str], dict[str, str]]:
    """The datasets that train and validate; lists or halves are written to `target`."""
    names = sorted(path.name for path in (source / "images").iterdir() if not path.name.endswith(".txt"))
    if not chosen.halved:
        kept = [name for k, name in enumerate(names) if chosen.validates(k, len(names))]
        return (
            listed(source, [name for name in names if name not in kept], "train", target),
            listed(source, kept, "validation", target),
        )
    found = []
    for use in ("train", "validation"):
        dataset = {"use": use}
        for kind in ("images", "labels"):
            volume = read(source / kind / names[0])
            middle = volume.shape[-1] // 2
            half = slice(0, middle - _GAP_PX // 2) if use == "train" else slice(middle + _GAP_PX // 2, None)
            path = target / f"{use}_{kind}.tif"
            tifffile.imwrite(path, np.ascontiguousarray(volume[..., half]))
            dataset[kind] = str(path)
        found.append(dataset)
    return found[0], found[1]


def listed(source: Path, names: list[str], use: str, target: Path) -> dict[str, str]:
    """The images `names` of `source` and their labels as a dataset for this `use`; the lists are written to `target`."""
    dataset = {"use": use}
    for kind in ("images", "labels"):
        file = target / f"{use}_{kind}.txt"
        file.write_text("\n".join(str((source / kind / name).resolve()) for name in names), encoding="utf-8")
        dataset[kind] = str(file)
    return dataset


def _scores(model: Any, chosen: Set, validation: dict[str, str]) -> dict[str, float]:
    found = dict(nbt.evaluate(model, validation["images"], validation["labels"])["overall"])
    if chosen.extra is not None:
        rows = []
        for image, label in zip(files(validation["images"]), files(validation["labels"]), strict=True):
            rows.append(chosen.extra(model.predict(image), read(label)))
        found |= {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
    return {name: round(value, 4) for name, value in found.items()}


def files(listed: str) -> list[Path]:
    path = Path(listed)
    return [Path(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.suffix == ".txt" else [path]


def _processor() -> str:
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text(encoding="utf-8").splitlines() if cpu.exists() else []
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())
