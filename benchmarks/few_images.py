"""How few images are enough: trained on some of a set, scored on others of it that neither training nor tuning saw.

Each row is one run; what the table holds already is not done again, so that it can be made in several sittings.
"""

from __future__ import annotations

import json
import random
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

import nbtrainer as nbt
from benchmarks.quality import SETS, configured, listed

TABLE = Path(__file__).with_name("few_images.jsonl")
COUNTS = (1, 2, 5, 10)
# images that are scored, at most; the same ones whatever trains
_SCORED = 12
_PRESETS = {"nuclei2d": "instance_contour_2d", "axonmyelin2d": "semantic_2d", "histology_rgb": "instance_contour_2d"}
_METRICS = {"nuclei2d": "ap_50", "axonmyelin2d": "dice", "histology_rgb": "ap_50"}
# the set whose model the runs on each set start from
_OTHER_SETS = {"nuclei2d": "histology_rgb", "axonmyelin2d": "nuclei2d", "histology_rgb": "nuclei2d"}
_BACKBONE = {"name": "smp_unet", "backbone": "efficientnetlite0"}
STARTS = ("compact U-Net from scratch", "Lite0 from scratch", "Lite0 from ImageNet", "compact U-Net from another set")


def rows(
    data: Path, *, steps: int, names: list[str], counts: list[int], seeds: list[int], lite0: Path | None
) -> Iterator[dict[str, Any]]:
    """A row for each run that the table lacks: set, start, images, seed, steps, score. `lite0`: weights of EfficientNet-Lite0."""
    done = {_key(row) for row in known_rows()}
    for name in names:
        for seed in seeds:
            for count in counts:
                for start in STARTS:
                    row = {"set": name, "images": count, "seed": seed, "steps": steps, "start": start}
                    is_possible = (start != "Lite0 from ImageNet" or lite0) and count < len(_images(data / name))
                    if _key(row) not in done and is_possible:
                        yield _run(row, data, lite0)


def known_rows() -> list[dict[str, Any]]:
    """What the table holds."""
    return [json.loads(line) for line in TABLE.read_text(encoding="utf-8").splitlines()] if TABLE.exists() else []


def table(known: list[dict[str, Any]]) -> str:
    """Mean and spread over the seeds as Markdown: a line for each set and start, a column for each number of images."""
    counts = sorted({row["images"] for row in known})
    lines = [f"| set | score | start | {' | '.join(map(str, counts))} |", "|---" * (3 + len(counts)) + "|"]
    for name in dict.fromkeys(row["set"] for row in known):
        for start in STARTS:
            cells = []
            for count in counts:
                scores = [
                    row["score"] for row in known if (row["set"], row["start"], row["images"]) == (name, start, count)
                ]
                cells.append(f"{np.mean(scores):.3f} ± {np.std(scores):.3f} ({len(scores)})" if scores else "")
            if any(cells):
                lines.append(f"| {name} | {_METRICS[name]} | {start} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("set", "start", "images", "seed", "steps"))


def _images(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "images").iterdir() if path.suffix != ".txt")


def _run(row: dict[str, Any], data: Path, lite0: Path | None) -> dict[str, Any]:
    began = time.monotonic()
    name = row["set"]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        # the scored images are the same for all; those that train are drawn from the others
        names = _images(data / name)
        random.Random(0).shuffle(names)
        scored = names[: min(_SCORED, len(names) - row["images"])]
        left = names[len(scored) :]
        random.Random(row["seed"]).shuffle(left)
        training = listed(data / name, left[: row["images"]], "train", folder)
        model: dict[str, Any] = _BACKBONE if "Lite0" in row["start"] else {}
        if row["start"] == "Lite0 from ImageNet":
            model = {**model, "backbone_weights": str(lite0)}
        if "another set" in row["start"]:
            model = {"pretrained": str(_model_of(_OTHER_SETS[name], data, row["steps"]))}
        run = _train(name, training, folder, steps=row["steps"], seed=row["seed"], model=model)
        truth = listed(data / name, scored, "test", folder)
        overall = nbt.evaluate(run.last, truth["images"], truth["labels"])["overall"]
    return row | {
        "score": round(float(overall[_METRICS[name]]), 4),
        "scored_images": len(scored),
        "minutes": round((time.monotonic() - began) / 60, 1),
        "day": date.today().isoformat(),
    }


def _train(
    name: str, dataset: dict[str, str], folder: Path, *, steps: int, seed: int, model: dict[str, Any]
) -> nbt.runs.Run:
    """All images train: nothing is chosen or tuned by a score."""
    config = configured(
        SETS[name],
        _PRESETS[name],
        [dataset],
        str(folder),
        iterations=steps,
        steps_per_epoch=steps,
        seed=seed,
        max_minutes=None,
        precision="float32",
        torch_compile="off",
    )
    config.update(data={"validation_fraction": 0.0}, model=model)
    run = nbt.train(config)
    if run.status != "finished":
        raise RuntimeError(run.error)
    return run


def _model_of(name: str, data: Path, steps: int) -> Path:
    """Our model of another set, trained on ten of its images for as many steps; once in a sitting."""
    if (name, steps) not in _models:
        folder = Path(tempfile.mkdtemp(prefix="nbtrainer-few-"))
        dataset = listed(data / name, _images(data / name)[:10], "train", folder)
        run = _train(name, dataset, folder, steps=steps, seed=0, model={})
        assert run.last is not None
        _models[name, steps] = run.last
    return _models[name, steps]


_models: dict[tuple[str, int], Path] = {}
