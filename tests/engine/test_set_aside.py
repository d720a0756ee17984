"""A loss that is no number, or explodes: back to the last good state, twice, and then the end."""

import json

import imageio.v3 as imageio
import numpy as np
import pytest
import torch

import nbtrainer as nbt
from nbtrainer.engine.stepper import Stepper
from nbtrainer.inference.checkpoint import load_checkpoint
from nbtrainer.runs import events


@pytest.fixture
def config(small_config):
    small_config.update(
        training={"epochs": 4, "steps_per_epoch": 5},
        compile={"learning_rate": 0.01, "schedule": "constant", "optimizer": "sgd", "momentum": 0.0},
    )
    return small_config


def breaks(monkeypatch, value, calls):
    """The loss is `value` at these calls of a step, and the weights are no numbers then."""
    step, called = Stepper.step, []

    def broken(stepper, *batch):
        called.append(1)
        loss, counts = step(stepper, *batch)
        if len(called) in calls:
            if not np.isfinite(value):
                with torch.no_grad():
                    next(stepper.network.parameters()).fill_(value)
            return torch.full_like(loss, value), counts
        return loss, counts

    monkeypatch.setattr(Stepper, "step", broken)


def rollbacks(run):
    return [event for event in run.events if isinstance(event, events.RolledBack)]


@pytest.mark.parametrize(("value", "call", "step"), [(float("nan"), 8, 8), (1e9, 8, 8), (float("inf"), 3, 3)])
def test_a_run_goes_back_without_those_patches_at_half_the_rate(config, monkeypatch, value, call, step):
    breaks(monkeypatch, value, {call})
    run = nbt.train(config)
    assert run.status == "finished", run.error
    (back,) = rollbacks(run)
    assert f"at step {step}" in back.reason and back.learning_rate == 0.005
    assert [row["epoch"] for row in run.history] == [1, 2, 3, 4]
    assert run.history[-1]["learning_rate"] == pytest.approx(0.005)
    assert back.images and all(name.startswith("img_") for name in back.images)
    picture = imageio.imread(run.directory / back.path)
    assert picture.shape == (192, 2 * 192, 3) and picture.max() > 100
    # both patches of that step
    aside = json.loads((run.directory / "set_aside.json").read_text())["patches"]
    assert aside == [2 * (step - 1), 2 * (step - 1) + 1]
    assert all(weights.isfinite().all() for weights in load_checkpoint(run.last)["weights"].values())


def test_other_patches_are_drawn_in_the_place_of_those_set_aside(config, monkeypatch):
    breaks(monkeypatch, float("nan"), {8})
    run = nbt.train(config)
    stored = nbt.Config.load(run.directory / "config.json")
    monkeypatch.undo()
    again = nbt.train(stored)  # a new run: nothing is set aside in it
    assert not (again.directory / "set_aside.json").exists()
    resumed = nbt.resume(run.directory, training={"epochs": 5})
    resumed.wait()
    assert resumed.status == "finished", resumed.error
    assert len(rollbacks(resumed)) == 1


def test_the_third_time_the_run_ends_with_advice(config, monkeypatch):
    breaks(monkeypatch, float("nan"), {8, 12, 16})
    run = nbt.train(config)
    assert run.status == "failed"
    assert [event.learning_rate for event in rollbacks(run)] == [0.005, 0.0025]
    assert "Lower the learning rate" in run.error and "float32" not in run.error
    assert all(weights.isfinite().all() for weights in load_checkpoint(run.last)["weights"].values())


def test_a_loss_that_is_large_from_the_start_is_none_that_explodes(config):
    config.update(compile={"loss": "mean_squared_error"}, normalization={"method": "none"})
    run = nbt.train(config)
    assert run.status == "finished" and not rollbacks(run)


def test_a_run_of_lower_precision_is_told_of_float32(config, monkeypatch):
    config.training.precision = "bfloat16"
    breaks(monkeypatch, float("nan"), {8, 12, 16})
    run = nbt.train(config)
    assert run.status == "failed" and "or set training.precision to float32" in run.error


def test_the_same_step_wrong_twice_has_two_pictures(config, monkeypatch):
    step, calls = Stepper.step, []

    def broken(stepper, *batch):  # the second step of the first two sessions, each of which has a stepper of its own
        calls.append(stepper)
        loss, counts = step(stepper, *batch)
        is_broken = calls.count(stepper) == 2 and len(set(map(id, calls))) <= 2
        return torch.full_like(loss, float("nan")) if is_broken else loss, counts

    monkeypatch.setattr(Stepper, "step", broken)
    run = nbt.train(config)
    assert run.status == "finished", run.error
    first, second = (back.path for back in rollbacks(run))
    assert (first, second) == ("previews/set-aside-step-2.png", "previews/set-aside-step-2-2.png")
    assert (imageio.imread(run.directory / first) != imageio.imread(run.directory / second)).any()
