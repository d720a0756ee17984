"""Ratios within one run, because machines differ: our loop against the pure step, our crops against MONAI's."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai import transforms

import nbtrainer as nbt
from nbtrainer.engine.build import Job, build
from nbtrainer.engine.trainer import train
from nbtrainer.runs import RunDirectory

_STEPS = 20


def loop(rounds: int) -> dict[str, Any]:
    """Whole run (data, steps, events, validation left out) against the pure step: MONAI UNet 32-256, 8 x 256 x 256."""
    found = []
    job = _job()
    images, targets = job.batch(0)
    for _ in range(3):
        job.stepper.step(images, targets, 1e-3)
    for number in range(rounds):
        began = time.monotonic()
        for _ in range(_STEPS):
            job.stepper.step(images, targets, 1e-3)
        pure = (time.monotonic() - began) / _STEPS
        whole = _run_steps(job, number)
        began = time.monotonic()
        for step in range(_STEPS):
            job.batch(step)
        data = (time.monotonic() - began) / _STEPS
        found.append((whole / pure, 1000 * pure, 1000 * data))
    ratio, pure_ms, data_ms = (round(statistics.median(column), 3) for column in zip(*found, strict=True))
    chosen = (job.config.training.precision, job.config.training.memory_format)
    return {"loop / pure step": ratio, "pure step ms": pure_ms, "data ms a batch": data_ms, "chosen": chosen}


def augmentation(rounds: int, count: int = 100) -> dict[str, Any]:
    """One augmented 256 x 256 crop, image and label, one thread: ours (`standard`) against MONAI's dictionary transforms."""
    torch.set_num_threads(1)
    folder = nbt.samples.path("nuclei2d")
    config = nbt.Config.preset("binary_2d")
    config.data.datasets = [{"images": folder / "images", "labels": folder / "labels"}]
    ours = [image for image, _ in nbt.patches(config, 8)]
    theirs = _monai()
    sample = {"image": torch.tensor(ours[0]), "label": torch.tensor(ours[0] > 0).float()}
    found = []
    for _ in range(rounds):
        began = time.process_time()
        for _ in nbt.patches(config, count):
            pass
        mine = (time.process_time() - began) / count
        began = time.process_time()
        for _ in range(count):
            theirs(sample)
        found.append((1000 * mine, 1000 * (time.process_time() - began) / count))
    mine_ms, monai_ms = (statistics.median(column) for column in zip(*found, strict=True))
    return {"ours ms": round(mine_ms, 2), "MONAI ms": round(monai_ms, 2), "times as fast": round(monai_ms / mine_ms, 1)}


def _job() -> Job:
    folder = nbt.samples.path("nuclei2d")
    config = nbt.Config.preset("binary_2d")
    config.data.datasets = [{"images": folder / "images", "labels": folder / "labels", "use": "train"}]
    config.update(training={"iterations": _STEPS, "steps_per_epoch": _STEPS}, output={"preview_tiles": 0})
    directory = RunDirectory.create(Path(tempfile.mkdtemp()), "speed", "")
    return build(config, directory)


def _run_steps(job: Job, number: int) -> float:
    """Seconds per step of the real loop, from its own steps events; the end of the epoch is not counted."""
    job.clock.step = job.clock.closed_at = 0
    seconds: list[float] = []

    def emit(event: Any) -> None:
        if hasattr(event, "seconds_per_step"):
            seconds.append(event.seconds_per_step * event.steps)

    train(job, emit, lambda: "", {})
    return float(np.sum(seconds)) / _STEPS


def _monai() -> Any:
    keys, modes = ["image", "label"], ["bilinear", "nearest"]
    return transforms.Compose(
        [
            transforms.Rand2DElasticd(
                keys,
                spacing=(32, 32),
                magnitude_range=(4, 4),
                prob=1.0,
                rotate_range=3.14,
                scale_range=(0.25, 0.25),
                mode=modes,
                padding_mode="reflection",
            ),
            transforms.RandFlipd(keys, prob=0.5, spatial_axis=0),
            transforms.RandFlipd(keys, prob=0.5, spatial_axis=1),
            transforms.RandAdjustContrastd(["image"], prob=1.0, gamma=(0.8, 1.25)),
            transforms.RandScaleIntensityd(["image"], factors=0.25, prob=1.0),
            transforms.RandShiftIntensityd(["image"], offsets=0.1, prob=1.0),
        ]
    )
