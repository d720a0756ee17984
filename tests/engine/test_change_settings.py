"""Settings that are changed while a run trains."""

import json
import time

import pytest

import nbtrainer as nbt
from nbtrainer.config import Config
from nbtrainer.runs import events


def _until(is_so):
    ends = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def running(small_config):
    """A run that would never end."""
    small_config.update(training={"epochs": 1_000_000}, compile={"learning_rate": 0.01, "schedule": "constant"})
    run = nbt.start(small_config)
    _until(lambda: len(run.history) >= 2)
    yield run
    run.stop(now=True)
    run.wait(60)


def _told(run, kind):
    return [event for event in run.events if isinstance(event, kind)]


def test_rate_and_length_are_changed_told_and_kept(running):
    running.change(compile={"learning_rate": 0.002})
    _until(lambda: _told(running, events.SettingsChanged))
    running.change(training={"epochs": 1})  # fewer than are done: the epoch under way is the last
    assert running.wait(60)
    assert running.status == "finished", running.error

    first, second = _told(running, events.SettingsChanged)
    assert first.changes == {"compile.learning_rate": 0.002} and second.changes == {"training.epochs": 1}
    rates = {step.step > first.step: step.learning_rate for step in _told(running, events.StepsDone)}
    assert rates == {False: pytest.approx(0.01), True: pytest.approx(0.002)}
    assert not (running.directory / "change.json").exists()
    kept = Config.load(running.directory / "config.json")
    assert kept.compile.learning_rate == 0.002 and kept.training.epochs == 1
    assert "learning_rate is 0.002 now" in (running.directory / "log.txt").read_text()

    again = nbt.resume(running.directory, training={"epochs": running.history[-1]["epoch"] + 1})
    again.wait(60)
    assert again.status == "finished", again.error
    assert again.history[-1]["learning_rate"] == pytest.approx(0.002)


def test_a_file_written_by_hand_changes_them_too(running):
    (running.directory / "change.json").write_text(json.dumps({"training.epochs": 3}))
    assert running.wait(60)
    assert running.status == "finished" and len(running.history) >= 3


@pytest.mark.parametrize("words", ["no json", '{"training.seed": 3}', '{"training.epochs": 0}', "[]"])
def test_what_cannot_be_changed_is_told_and_the_run_goes_on(running, words):
    (running.directory / "change.json").write_text(words)
    _until(lambda: any("a change that was asked for" in warned.text for warned in _told(running, events.Warned)))
    done = len(running.history)
    _until(lambda: len(running.history) > done)
    assert running.status == "running" and not (running.directory / "change.json").exists()


def test_a_wrong_change_is_refused_at_once(running):
    with pytest.raises(nbt.SettingError, match=r"training\.seed: this cannot be changed while a run trains"):
        running.change(training={"seed": 3})
    with pytest.raises(nbt.SettingError, match=r"compile\.learning_rate"):
        running.change(compile={"learning_rate": -1})
    assert not (running.directory / "change.json").exists()


def test_a_change_file_may_have_the_sections_of_the_settings(running):
    (running.directory / "change.json").write_text(json.dumps({"training": {"epochs": 1}}))
    assert running.wait(60)
    assert running.status == "finished", running.error


def test_what_was_asked_of_a_run_that_has_ended_does_not_change_the_next_session(small_config):
    run = nbt.train(small_config)
    with pytest.raises(nbt.ModelError, match="this run is finished: nothing changes it"):
        run.change(training={"epochs": 4})
    (run.directory / "change.json").write_text(json.dumps({"training.epochs": 4}))
    resumed = nbt.resume(run.directory, training={"epochs": 5})
    assert resumed.wait(60)
    assert len(resumed.history) == 5


def test_a_setting_that_cannot_be_changed_names_the_nearest(running):
    with pytest.raises(nbt.UserError, match=r"Did you mean training\.epochs"):
        running.change(training={"epoch": 5})
