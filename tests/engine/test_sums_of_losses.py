"""Runs with a sum of losses."""

import json
import re

import numpy as np
import pytest
import tifffile

import nbtrainer as nbt
from nbtrainer.catalog import LOSSES, TASKS

SUM = [{"loss": "dice", "weight": 2.0}, {"loss": "cl_dice", "weight": 0.5, "iterations": 2}]


def test_each_term_of_a_sum_is_logged_and_told_in_the_methods(small_config):
    small_config.update(compile={"loss_terms": SUM})
    run = nbt.train(small_config)
    assert run.status == "finished", run.error
    for row in run.history:
        expected = 2 * row["train_loss (dice)"] + 0.5 * row["train_loss (cl_dice)"]
        assert row["train_loss"] == pytest.approx(expected, rel=1e-5)
    stored = json.loads((run.directory / "config.json").read_text())["compile"]
    assert [term["loss"] for term in stored["loss_terms"]] == ["dice", "cl_dice"]
    methods = re.search(r"<h2>Methods</h2><p>(.*?)</p>", (run.directory / "report.html").read_text())[1]
    assert re.search(
        r"The loss was the sum of Dice \[\d+\] \(weight 2\) and clDice .*\(weight 0.5\), minimized", methods
    )
    again = nbt.Config.load(run.directory)
    assert not [finding for finding in nbt.check(again) if finding.where.startswith("compile")]


def test_a_run_with_a_sum_is_resumed(small_config):
    small_config.update(compile={"loss_terms": SUM}, training={"epochs": 1})
    run = nbt.train(small_config)
    more = nbt.resume(run.directory, training={"epochs": 2})
    more.wait()
    assert more.status == "finished", more.error
    assert "train_loss (cl_dice)" in more.history[-1]


def test_a_sum_of_one_loss_trains_as_the_loss_alone(small_config):
    histories = []
    for compile in ({"loss": "bce_dice"}, {"loss_terms": [{"loss": "bce_dice"}]}):
        small_config.update(compile=compile)
        run = nbt.train(small_config)
        left_out = ("seconds", "train_loss (bce_dice)")
        histories.append([{name: value for name, value in row.items() if name not in left_out} for row in run.history])
    assert histories[0] == histories[1]


def test_a_model_that_keeps_its_loss_keeps_its_sum(small_config):
    small_config.update(compile={"loss_terms": SUM}, training={"epochs": 1})
    first = nbt.train(small_config)
    small_config.update(compile={"loss_terms": [], "recompile": False}, model={"pretrained": str(first.directory)})
    run = nbt.train(small_config)
    assert run.status == "finished", run.error
    assert "train_loss (cl_dice)" in run.history[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for name, entry in LOSSES.items() for kind in entry.kinds or TASKS]
)
def test_every_loss_trains_every_kind_that_it_suits(small_config, tmp_path, name, kind):
    small_config.update(task={"kind": kind}, training={"epochs": 1, "steps_per_epoch": 2})
    if kind == "semantic":
        for path in (tmp_path / "set" / "labels").iterdir():
            label = tifffile.imread(path)
            tifffile.imwrite(path, np.where(label > 0, 1 + (np.indices(label.shape)[0] > 30), 0).astype(np.uint8))
    if TASKS[kind].name == "unsupervised":
        small_config.update(model={"name": "wnet"})
    if "distance" in LOSSES[name].channels:
        small_config.update(task={"with_distance": True})
    if LOSSES[name].is_regularizer:
        small_config.update(compile={"loss_terms": [{"loss": "dice"}, {"loss": name}]})
    else:
        small_config.update(compile={"loss": name})
    run = nbt.train(small_config)
    assert run.status == "finished", run.error
    assert np.isfinite(run.history[0]["train_loss"]) and np.isfinite(run.history[0]["validation_loss"])


def test_scores_of_probabilities_are_measured_at_validations(small_config):
    small_config.update(compile={"metrics": ["bce", "cosine", "dice"]}, training={"epochs": 1})
    run = nbt.train(small_config)
    assert run.status == "finished", run.error
    assert {"validation_binary_crossentropy", "validation_cosine"} <= set(run.history[0])
    assert run.history[0]["validation_binary_crossentropy"] > 0
