"""Small models trained for a few steps, once for all tests that look at them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile

from nbtrainer import api
from nbtrainer.config import Config
from nbtrainer.runs import Run


def write_discs(folder: Path, shape: tuple[int, ...] = (64, 64), count: int = 3) -> dict[str, str]:
    """Images of bright discs (of a volume: balls), some of which touch, each with a number of its own."""
    rng = np.random.default_rng(0)
    for number in range(count):
        label = np.zeros(shape, np.uint8)
        places = np.stack(np.meshgrid(*(np.arange(length) for length in shape), indexing="ij"), -1)
        centres = [[length * share for length in shape] for share in (0.3, 0.62)]
        for value, centre in enumerate(centres, start=1):
            offset = (places - centre - rng.uniform(-2, 2, len(shape))) / (np.array(shape) / 64)
            label[np.linalg.norm(offset, axis=-1) < 13] = value
        image = (60 + 120 * (label > 0) + rng.normal(0, 12, shape)).clip(0, 255).astype(np.uint8)
        for kind, array in (("images", image), ("labels", label)):
            path = folder / kind / f"img_{number}.tif"
            path.parent.mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(path, array)
    return {"images": str(folder / "images"), "labels": str(folder / "labels")}


def small_run(folder: Path, kind: str, dim: int = 2, **settings: dict[str, object]) -> Run:
    """A run of some steps of a tiny network on discs or balls."""
    shape = (64, 64) if dim == 2 else (12, 32, 32)
    config = Config.preset("binary_2d")
    config.data.datasets = [write_discs(folder / "data", shape)]  # type: ignore[list-item]
    config.update(
        task={"kind": kind, "dim": dim, "tune_thresholds": False},
        sampling={"patch_size": [32, 32] if dim == 2 else [8, 16, 16]},
        model={"features": [4, 8] if kind != "unsupervised" else [4, 8, 16]},
        augmentation={"strength": "none"},
        compile={"learning_rate": 0.01},
        training={
            "epochs": 3,
            "steps_per_epoch": 10,
            "batch_size": 4,
            "precision": "float32",
            "memory_format": "contiguous",
            "torch_compile": "off",
        },
        output={"root": str(folder / "runs")},
    )
    if dim == 3:
        config.data.z_axis = 0
    config.update(**settings)
    run = api.train(config)
    assert run.status == "finished", run.error
    return run
