"""Runs that are stopped at random steps, or killed at random moments, against one that was left alone."""

from __future__ import annotations

import itertools
import queue
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch

import nbtrainer as nbt
from nbtrainer.config import Config
from nbtrainer.engine.stepper import Stepper
from nbtrainer.inference.checkpoint import load_checkpoint
from nbtrainer.runs import Run, events

_EPOCHS, _STEPS = 6, 40
_STOPS_PER_RUN = 5


def interruptions(stops: int, kills: int, seed: int = 0) -> Iterator[dict[str, Any]]:
    """A row each for `stops` at random steps and for `kills` by SIGKILL: how often the run was resumable, how often a save
    that was told was lost, and whether weights and history at the end are those of a run without any."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        whole = nbt.train(small_run(Path(folder), "whole"))
        yield {"what": "stops", **_stopped(Path(folder), stops, rng, whole)}
        yield {"what": "kills", **_killed(Path(folder), kills, rng, whole)}


def small_run(folder: Path, name: str) -> Config:
    """A run of a tiny network on the sample nuclei, called `name`, below `folder`; nothing is measured."""
    samples = nbt.samples.path("nuclei2d")
    config = Config.preset("binary_2d")
    config.data.datasets = [{"images": str(samples / "images"), "labels": str(samples / "labels")}]  # type: ignore[list-item]
    config.update(
        sampling={"patch_size": [48, 48]},
        model={"features": [4, 8]},
        training={"epochs": _EPOCHS, "steps_per_epoch": _STEPS, "batch_size": 2, "checkpoint_interval": 0.003}
        | {"precision": "float32", "memory_format": "contiguous", "torch_compile": "off", "keep_best": 2},
        compile={"ema_decay": 0.9},
        output={"root": str(folder / "runs"), "name": name},
    )
    return config


def _stopped(folder: Path, stops: int, rng: random.Random, whole: Run) -> dict[str, Any]:
    """Several runs, each stopped `_STOPS_PER_RUN` times, at steps that are drawn anew for each; a row says at which, in the
    order of the stops."""
    steps: list[int] = []
    identical = runs = 0
    while len(steps) < stops:
        runs += 1
        directory = None
        before = 0
        for at in draw_stops(rng, count=min(_STOPS_PER_RUN, stops - len(steps))):
            begin = (
                partial(nbt.resume, directory)
                if directory
                else partial(nbt.start, small_run(folder, f"stopped-{runs}"))
            )
            run = _stop_after(begin, steps=at - before)
            directory, before = run.directory, load_checkpoint(run.last)["step"]  # type: ignore[arg-type]
            if run.status != "stopped" or before != at:
                raise RuntimeError(f"run {runs} is {run.status} at step {before}, and was to be stopped at step {at}")
            steps.append(before)
        run = nbt.resume(run.directory)
        run.wait()
        identical += _is_same(run, whole)
    return {"stops": len(steps), "runs": runs, "identical": identical, "steps": steps}


def draw_stops(rng: random.Random, *, count: int) -> list[int]:
    """`count` steps from the whole of a run, at random, none twice, in rising order."""
    return sorted(rng.sample(range(1, _EPOCHS * _STEPS), count))


def _stop_after(begin: Callable[[], Run], *, steps: int) -> Run:
    """The run that `begin` starts or resumes, stopped after so many steps: who watches its events is too late by a dozen."""
    begun: queue.Queue[Run] = queue.Queue()
    original, done = Stepper.step, itertools.count(1)

    def step(
        self: Stepper, images: torch.Tensor, targets: torch.Tensor, learning_rate: float
    ) -> tuple[torch.Tensor, Any]:
        losses = original(self, images, targets, learning_rate)
        if next(done) == steps:
            begun.get().stop(now=True)
        return losses

    Stepper.step = step  # type: ignore[method-assign]
    try:
        run = begin()
        begun.put(run)
        run.wait()
    finally:
        Stepper.step = original  # type: ignore[method-assign]
    return run


def _killed(folder: Path, kills: int, rng: random.Random, whole: Run) -> dict[str, Any]:
    done, lost, refused, while_saving, identical, rounds = 0, 0, 0, 0, 0, 0
    while done < kills:
        rounds += 1
        config = small_run(folder, f"killed-{rounds}")
        file = config.save(folder / f"killed-{rounds}.json")
        place = Path(config.output.root) / config.output.data_task / config.output.name
        command = ["train", str(file)]
        while True:
            process = subprocess.Popen(
                [sys.executable, "-m", "nbtrainer", *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            _wait_for_steps(process, place)
            try:
                process.wait(timeout=rng.uniform(0, 1.5))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                done += 1
                while_saving += any((place / "checkpoints").glob(".*"))
            run = nbt.attach(place)
            if run.status == "finished":
                break
            told = [event.step for event in run.events if isinstance(event, events.CheckpointSaved)]
            if told:
                try:
                    lost += load_checkpoint(place / "checkpoints" / "last.pt")["step"] < told[-1]
                except nbt.UserError:
                    lost += 1
            command = ["resume", str(place)]
            if done >= kills:
                nbt.resume(place).wait()
                break
        run = nbt.attach(place)
        refused += run.status != "finished"
        identical += run.status == "finished" and _is_same(run, whole)
    return {
        "kills": done,
        "while_saving": while_saving,
        "runs": rounds,
        "not_resumable": refused,
        "saves_lost": lost,
        "identical": identical,
    }


def _wait_for_steps(process: subprocess.Popen[bytes], place: Path) -> None:
    """Until the session has begun: to start takes most of the time."""
    journal = place / "events.jsonl"
    size = journal.stat().st_size if journal.exists() else 0
    while process.poll() is None and not (journal.exists() and b'"steps_done"' in journal.read_bytes()[size:]):
        time.sleep(0.01)


def _is_same(run: Run, other: Run) -> bool:
    first, second = (load_checkpoint(each.last) for each in (run, other))  # type: ignore[arg-type]
    weights = all(torch.equal(first["weights"][name], second["weights"][name]) for name in second["weights"])
    rows = [
        [{key: value for key, value in row.items() if key != "seconds"} for row in each.history]
        for each in (run, other)
    ]
    return weights and rows[0] == rows[1]
