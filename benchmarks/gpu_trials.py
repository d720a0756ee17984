"""The trials of `python -m benchmarks gpu`, in the order in which they run: what matters most stands first."""

from __future__ import annotations

import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch

import nbtrainer as nbt
from benchmarks import gpu
from benchmarks.gpu_run import Place, Trial
from benchmarks.gpu_speed import augmentation_on_the_device, loops_2_cores, loops_16_cores, precisions_and_compile
from benchmarks.targets import targets
from nbtrainer.environment import child_environment
from nbtrainer.inference.tiled import predict_tta
from nbtrainer.models import create
from nbtrainer.runs import Run, events

_DICE = re.compile(r"dice\s+([\d.]+)\s+Otsu ([\d.]+)")


def demo(place: Place) -> list[dict[str, Any]]:
    """`nbtrainer demo` to a score, as a user starts it."""
    began = time.monotonic()
    said = _nbtrainer(place, "demo", "--minutes", "0.25" if place.is_small else "0.4", "--out", str(place.folder))
    score = _DICE.search(said)
    if score is None:
        raise RuntimeError(said[-300:])
    dice, otsu = map(float, score.groups())
    return [{"Dice": dice, "Otsu": otsu, "seconds": round(time.monotonic() - began)}]


def class_weights(place: Place) -> list[dict[str, Any]]:
    """`semantic` with weights of its classes."""
    config = gpu.small_config(place.device, place.folder, "semantic")
    config.task.class_weights = "auto"
    config.update(training={"epochs": 3, "steps_per_epoch": 4 if place.is_small else 20})
    run = _finished(nbt.train(config))
    return [{name: round(value, 4) for name, value in run.history[-1].items() if "loss" in name or "dice" in name}]


def memory_runs_out(place: Place) -> list[dict[str, Any]]:
    """A batch that needs half as much again as there is, by its own estimate: it is trained in parts."""
    side, features = (128, [16, 32]) if place.is_small else (512, [64, 128, 256, 512])
    config = gpu.small_config(place.device, place.folder, side=side)
    config.update(model={"features": features}, training={"precision": "float32", "torch_compile": "off"})
    config.update(training={"epochs": 1, "steps_per_epoch": 2, "workers": 0, "memory_format": "contiguous"})
    if place.is_small:  # torch refuses memory to itself as a full card does
        limit = psutil.Process().memory_info().vms + 900 * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    needs, free = [], 0
    for batch in (1, 2):
        config.training.batch_size = batch
        (estimate,) = _of(_finished(nbt.train(config)), events.MemoryEstimated)
        needs.append(estimate.needed_bytes)
        free = estimate.free_bytes
    batch = int(1.5 * free / (needs[1] - needs[0])) + 1
    config.training.batch_size = batch
    run = _finished(nbt.train(config))
    parts = [event.parts for event in _of(run, events.BatchReduced)]
    if not parts:
        raise RuntimeError(f"a batch of {batch} fitted into {free / 1e9:.1f} GB after all")
    row = {
        "batch": batch,
        "estimated GB": round(batch * (needs[1] - needs[0]) / 1e9, 2),
        "free GB": round(free / 1e9, 2),
    }
    return [row | {"parts": parts[-1], "loss": round(run.history[-1]["train_loss"], 4)}]


def killed_and_resumed(place: Place) -> list[dict[str, Any]]:
    """A run is killed after a save, and resumed by a new process: no step is missing or counted twice."""
    config = gpu.small_config(place.device, place.folder)
    steps = 10 if place.is_small else 100
    config.update(training={"epochs": 3, "steps_per_epoch": steps, "checkpoint_interval": 0.01})
    config.output.name = "killed"
    file = config.save(place.folder / "killed.json")
    folder = place.folder / "runs" / config.output.data_task / "killed"
    process = subprocess.Popen([sys.executable, "-m", "nbtrainer", "train", str(file)], env=child_environment())
    while process.poll() is None and not (folder / "checkpoints" / "last.pt").exists():
        time.sleep(0.05)
    time.sleep(0.3)
    process.send_signal(signal.SIGKILL)
    if process.wait() != -signal.SIGKILL:
        raise RuntimeError("the run ended before it was killed")
    began = time.monotonic()
    _nbtrainer(place, "resume", str(folder))
    run = _finished(nbt.attach(folder))
    ends = [event.step for event in _of(run, events.EpochEnded)]
    if ends != [steps, 2 * steps, 3 * steps]:
        raise RuntimeError(f"epochs ended at the steps {ends}")
    resumed = [event.step for event in _of(run, events.Planned)][-1]
    return [
        {
            "resumed at step": resumed,
            "epochs end at": ends,
            "seconds to resume and end": round(time.monotonic() - began),
        }
    ]


def volume_that_does_not_fit(place: Place) -> list[dict[str, Any]]:
    """A volume whose output is larger than all memory that may be used of the card."""
    network = create("unet", dim=3, input_channels=1, output_channels=8, features=[16, 32]).to(place.device).eval()
    volume = np.random.default_rng(0).normal(size=(1, 192, 384, 384)).astype(np.float32)
    allowed = 0.75e9
    total = torch.cuda.get_device_properties(place.device).total_memory
    torch.cuda.set_per_process_memory_fraction(allowed / total, place.device)
    began = time.monotonic()
    output = predict_tta(network, volume, [64, 64, 64], place.device, divisors=(2, 2, 2))
    if not np.isfinite(output).all() or output.nbytes <= allowed:
        raise RuntimeError(f"an output of {output.nbytes / 1e9:.2f} GB was no test, or is no number")
    row = {"volume": " x ".join(map(str, volume.shape[1:])), "output GB": round(output.nbytes / 1e9, 2)}
    peak = torch.cuda.max_memory_allocated(place.device) / 1e9
    return [
        row | {"allowed GB": allowed / 1e9, "peak GB": round(peak, 2), "seconds": round(time.monotonic() - began, 1)}
    ]


def two_processes(place: Place) -> Iterator[dict[str, Any]]:
    """`nbtrainer train --processes 2` beside the same in one process; on one card, which both name."""
    rows = []
    for count in (1, 2):
        config = gpu.small_config(place.device, place.folder)
        config.update(training={"epochs": 2, "steps_per_epoch": 4, "precision": "float32", "torch_compile": "off"})
        config.update(training={"memory_format": "contiguous"}, output={"name": f"of-{count}"})
        if place.device.type == "cuda":
            config.training.device = "cuda:0"
        file = config.save(place.folder / f"of-{count}.json")
        began = time.monotonic()
        _nbtrainer(place, "train", str(file), "--processes", str(count))
        run = _finished(nbt.attach(place.folder / "runs" / config.output.data_task / f"of-{count}"))
        losses = [row["train_loss"] for row in run.history]
        rows.append({"processes": count, "losses": losses, "seconds": round(time.monotonic() - began, 1)})
        yield rows[-1]
    if not np.allclose(rows[0]["losses"], rows[1]["losses"], rtol=1e-3):
        raise RuntimeError(f"the losses differ: {rows}")


def distance_and_flow_targets(place: Place) -> Iterator[dict[str, Any]]:
    """The processor's compiled threads against torch on the device."""
    return targets(str(place.device), 3)


def _nbtrainer(place: Place, *arguments: str) -> str:
    """What the command line says; raises `RuntimeError` with it if it ends with an error."""
    command = [sys.executable, "-m", "nbtrainer", *arguments]
    environment = child_environment() | {"COLUMNS": "200"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=Path(__file__).parents[1])
    print(done.stdout, done.stderr, flush=True)
    if done.returncode:
        raise RuntimeError((done.stderr or done.stdout)[-400:])
    return done.stdout


def _finished(run: Run) -> Run:
    if run.status != "finished":
        raise RuntimeError(run.error or run.status)
    return run


def _of(run: Run, kind: type[Any]) -> list[Any]:
    return [event for event in run.events if isinstance(event, kind)]


class _OnDevice:
    """A trial that needs no more than device and folder; can be handed to another process."""

    def __init__(self, trial: Callable[[torch.device, Path], str | Iterator[dict[str, Any]]]) -> None:
        self._trial = trial

    def __call__(self, place: Place) -> str | Iterator[dict[str, Any]]:
        return self._trial(place.device, place.folder)


TRIALS = (
    Trial("demo to a score", demo, 90),
    Trial("loop / step, 2 cores", loops_2_cores, 60),
    Trial("loop / step, 16 cores", loops_16_cores, 60),
    Trial("precision, compile and CUDA graphs", precisions_and_compile, 100),
    Trial("patches on the device and by the processor", augmentation_on_the_device, 60),
    Trial("distance and flow targets", distance_and_flow_targets, 40),
    Trial("a batch that cannot fit", memory_runs_out, 60),
    Trial("saved, killed, resumed", killed_and_resumed, 60),
    Trial("semantic with class weights", class_weights, 40),
    Trial("a volume that does not fit", volume_that_does_not_fit, 40, needs_card=True),
    Trial("two processes with gloo", two_processes, 150),
    Trial("random numbers are kept", _OnDevice(gpu.random_numbers), 30),
    Trial("a run resumes, and predicts as on the processor", _OnDevice(gpu.resumes), 40),
    Trial("every kind trains, validates and reports", _OnDevice(gpu.every_kind), 150),
    Trial("the network is compiled once", _OnDevice(gpu.compiled_once), 60, needs_card=True),
    Trial("the output of a large image is not on the card", _OnDevice(gpu.large_output), 30, needs_card=True),
    Trial("little memory", _OnDevice(gpu.little_memory), 40, needs_card=True),
)
