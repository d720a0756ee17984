"""What `python -m benchmarks gpu` measures: loops, ways to calculate, and where patches are made."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

import nbtrainer as nbt
from benchmarks.device import device_paths
from benchmarks.gpu_run import LeftOutError, Place
from nbtrainer.config.describe import settings
from nbtrainer.engine.build import build
from nbtrainer.engine.job import TrainingJob
from nbtrainer.engine.trainer import train
from nbtrainer.environment import usable_cores
from nbtrainer.inference.device import precisions_of, synchronize
from nbtrainer.runs import RunDirectory, events

PRESETS = ("binary_2d", "semantic_2d", "instance_contour_2d", "instance_flow_2d", "epyseg_2d")


def loops_2_cores(place: Place) -> Iterator[dict[str, Any]]:
    """The five presets with two cores beside the card, as Colab has."""
    return _loops(place, 2)


def loops_16_cores(place: Place) -> Iterator[dict[str, Any]]:
    """The same with sixteen."""
    return _loops(place, 16)


def _loops(place: Place, cores: int) -> Iterator[dict[str, Any]]:
    """The whole loop (data, step, events) against the same step on one batch again and again."""
    if usable_cores() < cores or not hasattr(os, "sched_setaffinity"):
        raise LeftOutError(f"this machine has {usable_cores()} cores that a process can be held to")
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    torch.set_num_threads(cores)
    steps, rounds = (4, 1) if place.is_small else (20, 3)
    for preset in PRESETS:
        job = sample_job(place, preset, steps=steps)
        batch = job.batch(0)
        ratios, pure_ms = [], []
        for _ in range(3):
            job.stepper.step(batch.images, batch.targets, 1e-3)
        for _ in range(rounds):
            pure = seconds_per_step(job, batch.images, batch.targets, steps)
            ratios.append(_loop_seconds(job, steps) / pure)
            pure_ms.append(1000 * pure)
        yield (
            {"preset": preset, "cores": cores, "batch": " x ".join(map(str, batch.images.shape))}
            | {"precision": job.config.training.precision, "step ms": round(statistics.median(pure_ms), 2)}
            | {"loop / step": round(statistics.median(ratios), 3)}
        )


def precisions_and_compile(place: Place) -> Iterator[dict[str, Any]]:
    """A step of `binary_2d` in each precision, and each way to calculate that `training.torch_compile` offers."""
    ways = next(each for each in settings(nbt.Config) if each.path == "training.torch_compile").choices
    steps = 3 if place.is_small else 30
    # what takes long to translate comes last
    unmeasured = {"auto", "graphs"} if place.device.type != "cuda" else {"auto"}
    for way in sorted(set(ways) - unmeasured, key=("off", "on", "graphs").index):
        for precision in precisions_of(place.device):
            job = sample_job(place, "binary_2d", steps=steps, precision=precision, torch_compile=way)
            began = time.monotonic()
            happened = run_loop(job)
            whole = time.monotonic() - began
            batch = job.batch(0)
            row: dict[str, Any] = {"precision": precision, "torch_compile": way}
            row["step ms"] = round(1000 * seconds_per_step(job, batch.images, batch.targets, steps), 2)
            row["first steps s"] = round(whole, 1)
            row["told"] = "; ".join(
                each.text for each in happened if isinstance(each, events.Warned) and "compile" in each.text
            )
            yield row


def augmentation_on_the_device(place: Place) -> Iterator[dict[str, Any]]:
    """Batches made on the device against those of the processor, with the targets of three kinds."""
    return device_paths(str(place.device), 1 if place.is_small else 3, batches=2 if place.is_small else 5)


def sample_job(place: Place, preset: str, *, steps: int, **training: Any) -> TrainingJob:
    """What a run of `preset` on the sample nuclei works with; where no card is, with small patches."""
    config = nbt.Config.preset(preset)
    samples = nbt.samples.path("nuclei2d")
    config.data.datasets = [{"images": str(samples / "images"), "labels": str(samples / "labels"), "use": "train"}]  # type: ignore[list-item]
    config.update(training={"device": str(place.device), "iterations": steps, "steps_per_epoch": steps} | training)
    config.update(output={"preview_tiles": 0})
    if place.is_small:
        config.update(sampling={"patch_size": [64, 64]}, training={"batch_size": 2})
    folder = Path(place.folder) / "runs"
    job = build(config, RunDirectory.create(folder, data_task="gpu", name=""))
    job.compile_from_step = 0 if job.config.training.torch_compile not in ("off", "auto") else job.compile_from_step
    return job


def seconds_per_step(job: TrainingJob, images: torch.Tensor, targets: torch.Tensor, steps: int) -> float:
    """Of one batch again and again: what no loop can be faster than."""
    synchronize(job.device)
    began = time.monotonic()
    for _ in range(steps):
        job.stepper.step(images, targets, 1e-3)
    synchronize(job.device)
    return (time.monotonic() - began) / steps


def run_loop(job: TrainingJob) -> list[Any]:
    """Train from the start; the events."""
    job.clock.step = job.clock.closed_at = 0
    happened: list[Any] = []
    train(job, happened.append, lambda: "", {})
    return happened


def _loop_seconds(job: TrainingJob, steps: int) -> float:
    """Of a step of the real loop, by its own events; the end of the epoch is not counted."""
    happened = run_loop(job)
    return (
        float(np.sum([each.seconds_per_step * each.steps for each in happened if isinstance(each, events.StepsDone)]))
        / steps
    )
