"""Validating, saving and keeping models each so many epochs or steps, in whole runs."""

import pytest
import torch

import nbtrainer as nbt
from nbtrainer.engine.validate import Validator
from nbtrainer.inference.checkpoint import load_checkpoint
from nbtrainer.runs import events


def saved_steps(run):
    return [each.step for each in run.events if isinstance(each, events.CheckpointSaved) and each.kind == "last"]


@pytest.mark.feature(103, 106)
def test_validations_and_saves_follow_the_count_of_steps(small_config):
    small_config.update(
        training={
            "epochs": 2,
            "steps_per_epoch": 7,
            "intervals_in": "steps",
            "validation_interval": 3,
            "save_interval": 5,
            "keep_best": -1,
            "keep_each": 4,
            "monitor": "validation_loss",
        }
    )
    run = nbt.train(small_config)
    assert run.status == "finished", run.error

    validated = [row["step"] for row in run.history if "validation_loss" in row]
    assert validated == [3, 6, 9, 12, 14]
    assert [row["step"] for row in run.history if "train_loss" in row] == [7, 14]
    assert {5, 10, 14} <= set(saved_steps(run))
    kept = sorted(file.name for file in (run.directory / "checkpoints").glob("step-*.pt"))
    assert kept == ["step-0004.pt", "step-0008.pt", "step-0012.pt"]
    assert load_checkpoint(run.directory / "checkpoints" / "step-0008.pt")["step"] == 8


@pytest.mark.feature(116)
def test_short_epochs_are_saved_at_their_interval_and_at_the_end(small_config):
    small_config.update(
        training={
            "epochs": 8,
            "steps_per_epoch": 1,
            "save_interval": 3,
            "validation_interval": 100,
            "load_at_end": "last",
        }
    )
    run = nbt.train(small_config)
    assert run.status == "finished", run.error
    assert saved_steps(run) == [3, 6, 8]


def test_a_better_model_is_saved_whatever_the_interval(small_config):
    small_config.update(
        training={"epochs": 4, "steps_per_epoch": 1, "save_interval": 100, "monitor": "validation_loss"}
    )
    run = nbt.train(small_config)
    best = min(run.history, key=lambda row: row["validation_loss"])
    assert load_checkpoint(run.best)["epoch"] == best["epoch"]


def rows_of(run):
    return [{name: value for name, value in row.items() if name != "seconds"} for row in run.history]


@pytest.mark.parametrize("broken", [2, 3, 4, 5, 6])
def test_a_run_that_broke_within_an_epoch_is_as_if_it_had_not(small_config, monkeypatch, broken):
    training = {
        "epochs": 2,
        "steps_per_epoch": 5,
        "intervals_in": "steps",
        "validation_interval": 2,
        "save_interval": 3,
    }
    small_config.update(training=training)
    whole = nbt.train(small_config)
    answer, answered = Validator.predict_array, []

    def fails_once(validator, image):
        answered.append(1)
        if len(answered) == broken:  # the first scores the weights at the start
            raise ValueError("a broken image")
        return answer(validator, image)

    monkeypatch.setattr(Validator, "predict_array", fails_once)
    run = nbt.train(small_config)
    assert run.status == "failed"
    run = nbt.resume(run.directory)
    run.wait()
    assert run.status == "finished", run.error
    assert rows_of(run) == rows_of(whole)
    one, other = load_checkpoint(whole.last), load_checkpoint(run.last)
    assert one["step"] == other["step"] == 10
    assert all(torch.equal(one["weights"][name], other["weights"][name]) for name in one["weights"])
