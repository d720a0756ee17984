"""Runs on disk without an engine: their journals are written with the real journal and events."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import psutil

from nbtrainer.config import Config
from nbtrainer.runs import RunDirectory, events
from nbtrainer.runs.events import Event
from nbtrainer.runs.journal import Journal

STEPS_PER_EPOCH = 10


def begun() -> list[Event]:
    """The events before the first step of a run of ten epochs."""
    process = psutil.Process()
    return [
        events.RunStarted(
            process=os.getpid(), process_started=process.create_time(), host=socket.gethostname(), time=1_000.0
        ),
        planned(step=0),
        events.BaselineScored(name="Otsu's threshold", scores={"validation_dice": 0.71, "validation_loss": 0.9}),
    ]


def planned(step: int) -> Event:
    return events.Planned(
        step=step,
        total_steps=100,
        epochs=10,
        steps_per_epoch=STEPS_PER_EPOCH,
        max_minutes=None,
        training_images=3,
        validation_images=1,
        parameters=1_600_000,
        device="cpu",
        threads=2,
        monitor="validation_dice",
        higher_is_better=True,
        metrics=["dice", "iou"],
        chosen={"precision": "float32"},
        measured_ms={},
    )


def epoch(number: int, dice: float, loss: float) -> list[Event]:
    """The events of one epoch of two groups of steps, each of 0.5 seconds a step."""
    last = number * STEPS_PER_EPOCH
    return [
        *(
            events.StepsDone(
                step=step,
                epoch=number,
                steps=5,
                loss=loss,
                seconds_per_step=0.5,
                learning_rate=0.001,
                elapsed_seconds=step * 0.5,
            )
            for step in (last - 5, last)
        ),
        events.PreviewWritten(epoch=number, path=f"previews/epoch-{number:04d}.png", tiles=1),
        events.EpochEnded(
            epoch=number,
            step=last,
            scores={
                "train_loss": loss,
                "train_dice": dice,
                "validation_loss": loss + 0.1,
                "validation_dice": dice,
                "validation_iou": dice / 2,
            },
            learning_rate=0.001,
            elapsed_seconds=last * 0.5,
        ),
    ]


def write_run(root: Path, happened: list[Event]) -> RunDirectory:
    """The folder of a run in which `happened` happened, with its pictures."""
    directory = RunDirectory.create(root, data_task="default", name="")
    Config.preset("binary_2d").save(directory.config)
    add(directory, happened)
    return directory


def add(directory: RunDirectory, happened: list[Event]) -> None:
    """Go on with the journal of a run."""
    journal = Journal(directory.events)
    for event in happened:
        if isinstance(event, events.PreviewWritten):
            imageio.imwrite(directory.path / event.path, np.full((8, 32, 3), event.epoch, dtype=np.uint8))
        journal.append(event)
    journal.close()
