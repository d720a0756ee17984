import os
import subprocess
import sys

import pytest

from nbtrainer.config import Config
from nbtrainer.engine.trainer import started_event
from nbtrainer.errors import UserError
from nbtrainer.runs import Run, RunDirectory, attach, events
from nbtrainer.runs.journal import Journal
from nbtrainer.runs.stop import read_stop


def _run(tmp_path, *happened):
    directory = RunDirectory.create(tmp_path, data_task="task", name="")
    Config().save(directory.config)
    journal = Journal(directory.events)
    for event in happened:
        journal.append(event)
    return attach(directory.path)


def _epoch(epoch, step, dice):
    return events.EpochEnded(
        epoch=epoch, step=step, scores={"validation_dice": dice}, learning_rate=0.1, elapsed_seconds=1.0
    )


def _planned(step):
    return events.Planned(
        step=step, total_steps=9, epochs=3, steps_per_epoch=3, max_minutes=None, training_images=1, validation_images=1, parameters=1,
        device="cpu", threads=1, monitor="validation_dice", higher_is_better=True, metrics=["dice"], chosen={}, measured_ms={},
    )  # fmt: skip


@pytest.mark.feature(41)
def test_runs_take_the_next_free_name_and_a_taken_one_is_refused(tmp_path):
    assert [RunDirectory.create(tmp_path, data_task="t", name="").path.name for _ in range(3)] == [
        "run-001",
        "run-002",
        "run-003",
    ]
    assert RunDirectory.create(tmp_path, data_task="t", name="mine").path == tmp_path / "t" / "mine"
    with pytest.raises(UserError, match=r"output.name: .*mine exists already"):
        RunDirectory.create(tmp_path, data_task="t", name="mine")


def test_the_last_event_tells_the_status(tmp_path):
    live = started_event(resumed=False)
    assert _run(tmp_path, live).status == "running"
    assert _run(tmp_path, live, events.Stopped(step=1)).status == "stopped"
    assert _run(tmp_path, live, events.Finished(step=1, reason="", elapsed_seconds=1)).status == "finished"
    failed = _run(tmp_path, live, events.Failed(reason="it broke"))
    assert (failed.status, failed.error) == ("failed", "it broke")
    assert _run(tmp_path, live, events.Failed(reason="it broke"), live).error == ""


def test_a_run_whose_process_is_gone_is_stopped(tmp_path):
    code = "from nbtrainer.engine.trainer import started_event; import json; print(json.dumps(started_event(False).as_record()))"
    record = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert _run(tmp_path, events.from_record(__import__("json").loads(record))).status == "stopped"
    recycled = events.RunStarted(process=os.getpid(), process_started=1.0, host=started_event(False).host)
    assert _run(tmp_path, recycled).status == "stopped"


def test_rows_of_epochs_done_again_replace_the_old_ones(tmp_path):
    run = _run(
        tmp_path, _planned(0), _epoch(1, 3, 0.1), _epoch(2, 6, 0.2), _epoch(3, 9, 0.3), _planned(3), _epoch(2, 6, 0.4)
    )
    assert [(row["epoch"], row["validation_dice"]) for row in run.history] == [(1, 0.1), (2, 0.4)]


def test_stopping_twice_means_now(tmp_path):
    run = _run(tmp_path)
    directory = RunDirectory(run.directory)
    assert read_stop(directory) == ""
    run.stop()
    assert read_stop(directory) == "validation"
    run.stop()
    assert read_stop(directory) == "now"


def test_best_is_the_newest_best_checkpoint_that_is_there(tmp_path):
    saved = [
        events.CheckpointSaved(kind="best", path=f"checkpoints/{name}.pt", step=k, epoch=k)
        for k, name in enumerate("ab")
    ]
    run = _run(tmp_path, *saved)
    assert run.best is None and run.last is None
    (run.directory / "checkpoints" / "a.pt").touch()
    assert run.best == run.directory / "checkpoints" / "a.pt"


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(UserError, match="not the folder of a run"):
        attach(tmp_path)
    with pytest.raises(UserError, match="no such folder"):
        attach(tmp_path / "nowhere")


def test_waiting_has_an_end(tmp_path):
    assert not _run(tmp_path, started_event(resumed=False)).wait(timeout=0.2)
    assert isinstance(_run(tmp_path, events.Stopped(step=1)), Run)


def test_a_journal_of_somebody_else_leads_to_no_checkpoint_outside_of_the_run(tmp_path):
    (tmp_path / "evil.pt").write_text("x")
    for path in (str(tmp_path / "evil.pt"), "../evil.pt", "checkpoints/../../evil.pt"):
        run = _run(tmp_path / "run", events.CheckpointSaved(kind="best", path=path, step=1, epoch=1))
        assert run.best is None


@pytest.mark.feature(138)
def test_the_log_is_saved_when_it_is_asked_for_as_sentences_or_as_a_table(tmp_path):
    run = _run(tmp_path, started_event(False), _planned(0), _epoch(1, 3, 0.25), events.Warned(text="mind this"))
    words = run.save_log(tmp_path / "copy.txt").read_text()
    assert "epoch 1: Dice" in words or "epoch 1: validation Dice 25.00 %" in words
    assert "mind this" in words
    table = run.save_log(tmp_path / "copy.csv").read_text().splitlines()
    assert table == ["epoch,step,validation_dice,learning_rate,seconds", "1,3,0.25,0.1,1.0"]
    assert run.save_log().parent == run.directory
    with pytest.raises(UserError, match="nowhere"):
        run.save_log(tmp_path / "nowhere" / "copy.txt")
