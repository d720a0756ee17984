"""A run's folder on a drive that is away for a moment."""

import errno
import json
import math
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from processes import usual_signals

import nbtrainer as nbt
from nbtrainer.engine import checkpoint, save
from nbtrainer.environment import child_environment
from nbtrainer.inference.checkpoint import load_checkpoint
from nbtrainer.runs import events, listeners
from nbtrainer.runs.journal_copy import JournalCopy


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


# trains, and is killed once a checkpoint was written at the end of the epoch that is given; from then on, or from the
# epoch `away`, the drive takes no journal
_SCRIPT = """
import errno, os, signal, sys
import nbtrainer as nbt
from nbtrainer.engine import checkpoint
from nbtrainer.runs.journal_copy import JournalCopy

killed, away = int(sys.argv[2]), int(sys.argv[3])
epochs, write, copy = [0], checkpoint.write, JournalCopy.copy

def write_and_end(record, path):
    write(record, path)
    epochs.append(record["epoch"])
    if record["epoch"] >= killed:
        os.kill(os.getpid(), signal.Signals[sys.argv[4]])

def copy_while_there(self, **options):
    if epochs[-1] >= away:
        raise OSError(errno.EIO, "Transport endpoint is not connected")
    copy(self, **options)

checkpoint.write, JournalCopy.copy = write_and_end, copy_while_there
nbt.train(nbt.Config.load(sys.argv[1]))
"""


def killed_on_a_drive(config, monkeypatch, *, killed, away, by=signal.SIGKILL):
    """The folder of a run that a process of another machine trained on a drive."""
    folder = Path(config.output.root).parent
    (folder / "machine").mkdir()
    monkeypatch.setenv("NBTRAINER_DRIVES", str(Path(config.output.root)))
    environment = child_environment() | {"TMPDIR": str(folder / "machine")}
    file = config.save(folder / "config.json")
    command = [sys.executable, "-c", _SCRIPT, str(file), str(killed), str(away), by.name]
    assert subprocess.run(command, env=environment, timeout=120, **usual_signals()).returncode == -by
    (place,) = (Path(config.output.root) / config.output.data_task).iterdir()
    return place


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL there")
@pytest.mark.parametrize(("is_same_machine", "away"), [(True, 2), (False, 99), (False, 2)])
def test_a_run_killed_on_a_drive_goes_on_without_gap_or_double_step(config, monkeypatch, is_same_machine, away):
    config.update(training={"epochs": 5, "steps_per_epoch": 3})
    place = killed_on_a_drive(config, monkeypatch, killed=4, away=away)
    copied = (place / "events.jsonl").read_text()
    if is_same_machine:
        monkeypatch.setattr("tempfile.tempdir", str(place.parents[2] / "machine"))
    run = nbt.attach(place)
    assert run.status == "stopped"
    assert len(run.history) == (3 if is_same_machine or away == 99 else copied.count('"epoch_ended"'))
    run = nbt.resume(place)
    run.wait()
    assert run.status == "finished", run.error
    assert [row["epoch"] for row in run.history] == [1, 2, 3, 4, 5]
    scored = [event.step for event in run.events if isinstance(event, events.EpochEnded)]
    assert scored == [3, 6, 9, 12, 15]
    steps = [event for event in run.events if isinstance(event, events.StepsDone)]
    assert [event.step for event in steps] == sorted({event.step for event in steps})
    assert sum(event.steps for event in steps) == 15
    # all of it lies on the drive, and nothing is left here
    on_drive = (place / "events.jsonl").read_text()
    assert on_drive.startswith(copied) and on_drive.count('"epoch_ended"') == 5
    assert not list((place.parents[2] / "machine").glob("*/*.jsonl")) or not is_same_machine


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGTERM there")
def test_a_run_that_the_system_ends_has_its_journal_on_the_drive(config, monkeypatch):
    place = killed_on_a_drive(config, monkeypatch, killed=2, away=99, by=signal.SIGTERM)
    assert nbt.attach(place).status == "stopped"
    assert json.loads((place / "events.jsonl").read_text().splitlines()[-1])["event"] == "stopped"


def test_a_run_that_breaks_has_its_journal_on_the_drive(config, monkeypatch):
    monkeypatch.setenv("NBTRAINER_DRIVES", config.output.root)
    away(monkeypatch, {2}, errno.ENOSPC)
    run = nbt.train(config)
    assert run.status == "failed"
    assert json.loads((run.directory / "events.jsonl").read_text().splitlines()[-1])["event"] == "failed"


def test_a_run_on_a_drive_ends_with_all_of_it_there(config, monkeypatch):
    monkeypatch.setenv("NBTRAINER_DRIVES", config.output.root)
    run = nbt.train(config)
    assert run.status == "finished", run.error
    written = [json.loads(line)["event"] for line in (run.directory / "events.jsonl").read_text().splitlines()]
    assert written.count("epoch_ended") == 4 and written[-1] == "finished"
    assert "finished: all steps done" in (run.directory / "log.txt").read_text().splitlines()[-1]
    assert len((run.directory / "history.csv").read_text().splitlines()) == 5


def test_a_drive_that_is_away_for_the_journal_at_the_end_gets_it_when_it_is_back(config, monkeypatch):
    monkeypatch.setenv("NBTRAINER_DRIVES", config.output.root)
    monkeypatch.setattr(listeners, "_SECONDS_BETWEEN_TRIES", 0.01)
    copy, refused = JournalCopy.copy, []

    def refuse_three_times(self, **options):
        if "finished" in self._local.read_text() and len(refused) < 3:
            refused.append(1)
            raise OSError(errno.EIO, "Transport endpoint is not connected")
        copy(self, **options)

    monkeypatch.setattr(JournalCopy, "copy", refuse_three_times)
    run = nbt.train(config)
    assert run.status == "finished" and len(refused) == 3
    assert [event.text for event in run.events if isinstance(event, events.Warned)][-1].startswith("events.jsonl")
    assert '"finished"' in (run.directory / "events.jsonl").read_text()
