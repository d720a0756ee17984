"""A run of a million steps whose network and clock are simulated: what it keeps in memory and writes to the disk."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import psutil
import torch

import nbtrainer as nbt
from benchmarks.interruptions import small_run
from nbtrainer.engine import trainer
from nbtrainer.engine.job import Batch, TrainingJob
from nbtrainer.engine.stepper import Stepper
from nbtrainer.runs.journal import JournalReader
from nbtrainer.ui.dashboard.run_state import RunState

# as fast as a small network on a graphics card
_SECONDS_A_STEP = 0.01


def long_run(steps: int, parts: int = 4) -> Iterator[dict[str, Any]]:
    """A row after each of `parts` of the run: memory of the process, size of the journal, and what watching it takes.

    Loop, journal, tables, checkpoints and the state of the dashboard are the real ones; a step returns a loss at once, and
    the clock of the loop advances by a hundredth of a second.
    """
    first: dict[int, Batch] = {}
    make, clock = TrainingJob.batch, [time.monotonic()]

    def batch(job: TrainingJob, step: int) -> Batch:
        if not first:
            first[0] = make(job, step)
        return first[0]

    def step(stepper: Stepper, images: torch.Tensor, targets: torch.Tensor, learning_rate: float) -> Any:
        clock[0] += _SECONDS_A_STEP
        return torch.tensor(0.5), trainer.ConfusionCounts()

    def now() -> float:
        return clock[0]

    with tempfile.TemporaryDirectory() as folder:
        config = small_run(Path(folder), "long")
        config.update(
            training={"epochs": parts * 10, "steps_per_epoch": steps // parts // 10, "checkpoint_interval": 1e6},
            compile={"ema_decay": 0.0},
        )
        state = RunState()
        with (
            mock.patch.object(TrainingJob, "batch", batch),
            mock.patch.object(Stepper, "step", step),
            mock.patch.object(trainer.time, "monotonic", now),
        ):
            run = nbt.start(config)
            reader = JournalReader(run.directory / "events.jsonl")
            process, slowest, part = psutil.Process(), 0.0, 1
            while not run.wait(timeout=0.2) or part <= parts:
                began = time.perf_counter()
                for event in reader.read_new():
                    state.take(event)
                slowest = max(slowest, time.perf_counter() - began)
                if state.step >= part * steps // parts:
                    yield {
                        "steps": state.step,
                        "memory_mb": round(process.memory_info().rss / 1e6),
                        "journal_mb": round((run.directory / "events.jsonl").stat().st_size / 1e6, 1),
                        "open_files": len(process.open_files()),
                        "points_of_the_curve": len(state.losses),
                        "slowest_look_ms": round(1000 * slowest, 1),
                        "status": run.status,
                    }
                    part, slowest = part + 1, 0.0
                if run.status in ("failed", "stopped"):
                    raise RuntimeError(run.error)
