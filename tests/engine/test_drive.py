"""A run's folder on a drive that is away for a moment."""

import errno
import math

import pytest

import nbtrainer as nbt
from nbtrainer.engine import checkpoint, save
from nbtrainer.inference.checkpoint import load_checkpoint
from nbtrainer.runs import events


@pytest.fixture
def config(small_config):
    small_config.update(training={"epochs": 4, "keep_each": 1, "monitor": "validation_loss"})
    return small_config


def away(monkeypatch, calls, number=errno.EIO):
    """The drive refuses these of the checkpoints that are written."""
    write, called = checkpoint.write, []

    def refused(record, path):
        called.append(1)
        if len(called) in calls:
            raise OSError(number, "Transport endpoint is not connected", str(path))
        write(record, path)

    monkeypatch.setattr(checkpoint, "write", refused)


def warned(run):
    return [
        event.text for event in run.events if isinstance(event, events.Warned) and "could not be written" in event.text
    ]


def test_a_drive_that_is_away_costs_a_warning_and_that_checkpoint_alone(config, monkeypatch):
    away(monkeypatch, {2, 3, 4})  # the end of an epoch, before the next validation, and its end
    run = nbt.train(config)
    assert run.status == "finished", run.error
    assert len(warned(run)) == 1
    assert [row["epoch"] for row in run.history] == [1, 2, 3, 4]
    kept = sorted(file.name for file in (run.directory / "checkpoints").glob("epoch-*.pt"))
    assert kept == ["epoch-0001.pt", "epoch-0004.pt"]
    assert load_checkpoint(run.last)["epoch"] == 4
    # what was not saved is not among the best
    named = [event.path for event in run.events if isinstance(event, events.CheckpointSaved)]
    assert all((run.directory / path).exists() for path in named if "best" not in path)
    assert load_checkpoint(run.best)["epoch"] in (1, 4)
    scores = {row["epoch"]: row["validation_loss"] for row in run.history}
    assert load_checkpoint(run.best)["score"] == min(scores[1], scores[4])


def test_what_must_be_saved_is_tried_until_the_drive_is_back(config, monkeypatch):
    monkeypatch.setattr(save, "_SECONDS_BETWEEN_TRIES", 0.1)
    away(monkeypatch, {4, 5, 6})
    run = nbt.train(config)
    assert run.status == "finished", run.error
    assert load_checkpoint(run.last)["epoch"] == 4 and len(warned(run)) == 1


def test_a_drive_that_does_not_come_back_ends_the_run_with_what_was_saved_before(config, monkeypatch):
    monkeypatch.setattr(save, "_SECONDS_BETWEEN_TRIES", 0.1)
    monkeypatch.setattr(save, "_SECONDS_FOR_A_DRIVE", 0.5)
    away(monkeypatch, range(3, 10**6))
    run = nbt.train(config)
    assert run.status == "failed" and "Check the disk" in run.error
    assert load_checkpoint(run.last)["epoch"] == 2
    monkeypatch.undo()
    run = nbt.resume(run.directory)
    run.wait()
    assert run.status == "finished" and math.isfinite(run.history[-1]["train_loss"])


def test_a_full_disk_is_no_drive_that_is_away(config, monkeypatch):
    away(monkeypatch, {2}, errno.ENOSPC)
    run = nbt.train(config)
    assert run.status == "failed" and "is full" in run.error
