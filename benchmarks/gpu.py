"""Trials of what only a graphics card can show: each trains or predicts for some seconds, and says what went wrong."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import torch

import nbtrainer as nbt
from nbtrainer.engine.build import build
from nbtrainer.engine.job_record import checkpoint_record, restore
from nbtrainer.inference.load_model import load_model
from nbtrainer.inference.tiled import predict_tta
from nbtrainer.models import create
from nbtrainer.runs import RunDirectory, events


def small_config(device: torch.device, folder: Path, kind: str = "binary", side: int = 128) -> nbt.Config:
    """A run of six steps on three images of two squares, below `folder`."""
    rng = np.random.default_rng(0)
    for number in range(3):
        label = np.zeros((2 * side, 2 * side), np.uint8)
        for value in (1, 2):
            y, x = rng.integers(0, side, 2)
            label[y : y + side // 2, x : x + side // 2] = value
        image = (60.0 * label + rng.normal(50, 10, label.shape)).clip(0, 255).astype(np.uint8)
        for name, array in (("images", image), ("labels", label)):
            (folder / name).mkdir(exist_ok=True)
            tifffile.imwrite(folder / name / f"{number}.tif", array)
    config = nbt.Config.preset("binary_2d")
    config.update(
        task={"kind": kind},
        data={"datasets": [{"images": str(folder / "images"), "labels": str(folder / "labels")}]},
        sampling={"patch_size": [side, side]},
        training={"epochs": 2, "steps_per_epoch": 3, "batch_size": 8, "device": str(device)},
        output={"root": str(folder / "runs")},
    )
    return config


def _finished(run: nbt.runs.Run) -> str:
    warned = [event.text for event in run.events if isinstance(event, events.Warned) and "could not" in event.text]
    return run.error or "; ".join(warned)


def every_kind(device: torch.device, folder: Path) -> Iterator[dict[str, Any]]:
    """Trains, validates and reports; classes with weights."""
    for kind in ("semantic", "binary", "instance_contour", "instance_flow", "epyseg", "unsupervised"):
        config = small_config(device, folder, kind)
        config.task.class_weights = "auto"
        began = time.monotonic()
        words = _finished(nbt.train(config))
        if words:
            raise RuntimeError(f"{kind}: {words}")
        yield {"kind": kind, "seconds": round(time.monotonic() - began, 1)}


def random_numbers(device: torch.device, folder: Path) -> str:
    """A resumed run draws on the card what the first would have drawn."""
    config = small_config(device, folder)
    job = build(config, RunDirectory.create(folder / "runs", data_task="gpu", name=""))
    record = checkpoint_record(job, None, {})
    expected = torch.rand(5, device=device)
    restore(job, record)
    return "" if torch.equal(torch.rand(5, device=device), expected) else "other random numbers after a resume"


def resumes(device: torch.device, folder: Path) -> str:
    """A checkpoint of the card is continued, and predicts on the processor and on the card alike."""
    run = nbt.train(small_config(device, folder))
    again = nbt.resume(run.directory, training={"epochs": 3})
    again.wait()
    image = tifffile.imread(folder / "images" / "0.tif")
    labels = [load_model(run.directory, name).predict(image) for name in (str(device), "cpu")]
    share = float((labels[0] != labels[1]).mean())
    return _finished(again) or ("" if share < 0.01 else f"{share:.1%} of the pixels differ from the processor's")


def compiled_once(device: torch.device, folder: Path) -> str:
    """A compiled network trains on, and no step after the trial takes long."""
    config = small_config(device, folder)
    config.training.torch_compile = "on"
    run = nbt.train(config)
    slow = [event for event in run.events if isinstance(event, events.StepsDone) and event.seconds_per_step > 5]
    return _finished(run) or (f"a step of {slow[-1].seconds_per_step:.0f} s" if len(slow) > 1 else "")


def large_output(device: torch.device, folder: Path) -> str:
    """The output of a large image is not on the card."""
    network = create("unet", dim=2, input_channels=1, output_channels=20, features=[16, 32]).to(device).eval()
    torch.cuda.reset_peak_memory_stats(device)
    output = predict_tta(network, np.zeros((1, 4096, 4096), np.float32), [128, 128], device, divisors=(2, 2))
    peak = torch.cuda.max_memory_allocated(device)
    return (
        "" if peak < output.nbytes else f"{peak / 1e9:.1f} GB on the card for an output of {output.nbytes / 1e9:.1f} GB"
    )


def little_memory(device: torch.device, folder: Path) -> str:
    """With a hundredth of the card a large batch is done in parts, and large tiles are predicted a few at a time."""
    config = small_config(device, folder, side=512)
    config.update(training={"batch_size": 32, "precision": "float32"}, model={"features": [64, 128, 256, 512]})
    total = torch.cuda.get_device_properties(device).total_memory
    torch.cuda.set_per_process_memory_fraction(min(1.0, 4e9 / total), device)
    try:
        run = nbt.train(config)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, device)
    reduced = any(isinstance(event, events.BatchReduced) for event in run.events)
    return _finished(run) or ("" if reduced else "no batch was done in parts")
