"""The device path against the processor path: milliseconds for a batch of patches with targets, on the device at hand."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import torch

import nbtrainer as nbt
from nbtrainer.engine.build import build
from nbtrainer.engine.job import TrainingJob
from nbtrainer.inference.device import choose_device, synchronize
from nbtrainer.runs import RunDirectory

# kind, patch size, batch size: the kinds differ in where targets are encoded
_CASES = (
    ("binary", (256, 256), 8),
    ("instance_contour", (256, 256), 8),
    ("instance_flow", (256, 256), 8),
    ("binary", (64, 64, 64), 2),
    ("instance_contour", (64, 64, 64), 2),
    ("instance_flow", (64, 64, 64), 2),
)


def device_paths(device: str, rounds: int, batches: int = 5) -> Iterator[dict[str, Any]]:
    """A row for each case: both paths with augmentation `standard`, one thread that makes batches, medians of `rounds`."""
    found = choose_device(device)
    for kind, size, batch_size in _CASES:
        with tempfile.TemporaryDirectory() as folder:
            jobs = {
                where: _job(Path(folder), kind, size, batch_size, found, where) for where in ("processor", "device")
            }
            times: dict[str, list[float]] = {where: [] for where in jobs}
            for job in jobs.values():
                _time_batches(job, 2)
            for _ in range(rounds):
                for where, job in jobs.items():
                    times[where].append(_time_batches(job, batches))
            targets = [_time_targets(jobs["processor"]) for _ in range(rounds)]
        medians = {where: statistics.median(values) for where, values in times.items()}
        yield {
            "kind": kind,
            "batch": " x ".join(map(str, (batch_size, *size))),
            "device": found.type,
            "processor path ms": round(medians["processor"], 1),
            "device path ms": round(medians["device"], 1),
            "ratio": round(medians["processor"] / medians["device"], 2),
            "targets by the processor ms": round(statistics.median(targets), 1),
        }


def _time_batches(job: TrainingJob, count: int) -> float:
    began = time.monotonic()
    for step in range(count):
        job.batch(step)
    synchronize(job.device)
    return 1000 * (time.monotonic() - began) / count


def _time_targets(job: TrainingJob) -> float:
    """Of one batch whose patches are there already."""
    patches = [job.patches.patch(number) for number in job.clock.patch_numbers(0)]
    began = time.monotonic()
    for patch in patches:
        job.task.target(patch.image, patch.label)
    return 1000 * (time.monotonic() - began)


def _job(
    folder: Path, kind: str, size: tuple[int, ...], batch_size: int, device: torch.device, where: str
) -> TrainingJob:
    if not (folder / "images").exists():
        _write_scene(folder, size)
    config = nbt.Config.preset("binary_2d")
    config.update(
        task={"kind": kind, "dim": len(size)},
        data={"datasets": [{"images": str(folder / "images"), "labels": str(folder / "labels")}]},
        sampling={"patch_size": list(size)},
        augmentation={"strength": "standard"},
        model={"features": [8, 16]},
        training={
            "batch_size": batch_size,
            "device": str(device),
            "augment_on": where,
            "precision": "float32",
            "memory_format": "contiguous",
            "torch_compile": "off",
        },
    )
    return build(config, RunDirectory.create(folder / "runs", data_task="device", name=where))


def _write_scene(folder: Path, size: tuple[int, ...]) -> None:
    """Four images of touching balls, a fifth of the patch wide, of twice the patch's size."""
    rng = np.random.default_rng(0)
    shape = tuple(2 * length for length in size)
    for name in ("images", "labels"):
        (folder / name).mkdir()
    grid = np.indices(shape, np.float32)
    for number in range(4):
        label = np.zeros(shape, np.uint16)
        for value in range(1, 60):
            centre = [rng.uniform(0, length) for length in shape]
            near = sum((axis - at) ** 2 for axis, at in zip(grid, centre, strict=True))
            label[near < (size[-1] / 10) ** 2] = value
        image = 1000 * (label > 0) + rng.integers(0, 600, shape)
        tifffile.imwrite(folder / "images" / f"{number}.tif", image.astype(np.uint16), photometric="minisblack")
        tifffile.imwrite(folder / "labels" / f"{number}.tif", label, photometric="minisblack")
