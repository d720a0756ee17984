"""New runs that go on from a checkpoint of another, and runs that go on with other settings."""

import pytest
import torch

import nbtrainer as nbt
from nbtrainer.inference.checkpoint import load_checkpoint
from nbtrainer.runs import events


def waited(run):
    run.wait()
    assert run.status == "finished", run.error
    return run


def same_weights(one, other):
    first, second = load_checkpoint(one)["weights"], load_checkpoint(other)["weights"]
    return all(torch.equal(first[name], second[name]) for name in first)


@pytest.fixture
def config(small_config):
    small_config.update(
        training={"epochs": 4, "keep_each": 1, "load_at_end": "last"},
        compile={"schedule": "constant", "optimizer": "adamw", "learning_rate": 0.01},
    )
    return small_config


@pytest.mark.feature(128)
def test_a_run_from_any_checkpoint_is_as_if_it_had_gone_on(config):
    whole = nbt.train(config)
    run = waited(nbt.resume(whole.directory / "checkpoints" / "epoch-0002.pt"))
    assert run.directory != whole.directory
    assert same_weights(run.last, whole.last)
    assert [row["epoch"] for row in run.history] == [3, 4]
    assert [row["train_loss"] for row in run.history] == [row["train_loss"] for row in whole.history[2:]]
    assert any("with its optimizer, at epoch 2" in each.text for each in run.events if isinstance(each, events.Noted))


@pytest.mark.feature(127)
@pytest.mark.parametrize(("start", "epochs"), [(0, [1, 2, 3, 4]), (3, [4])])
def test_epochs_are_counted_from_where_it_is_said(config, start, epochs):
    first = nbt.train(config)
    run = waited(nbt.resume(first.directory, start_epoch=start))
    assert [row["epoch"] for row in run.history] == epochs
    # with the weights and the moments of the optimizer
    steps = load_checkpoint(run.last)["resume"]["optimizer"]["state"][0]["step"]
    assert int(steps) == 8 + 2 * len(epochs)
    assert [row["epoch"] for row in first.history] == [1, 2, 3, 4]


@pytest.mark.feature(126)
def test_a_run_goes_on_with_another_learning_rate(config):
    config.update(training={"epochs": 2})
    run = nbt.train(config)
    run = waited(nbt.resume(run.directory, training={"epochs": 3}, compile={"learning_rate": 1e-5}))
    assert [row["learning_rate"] for row in run.history] == pytest.approx([0.01, 0.01, 1e-5])


def test_the_best_of_before_survives_in_the_new_run(config):
    config.update(training={"keep_best": 2, "monitor": "validation_loss"})
    first = nbt.train(config)
    best = min(first.history, key=lambda row: row["validation_loss"])
    # so small a rate that nothing becomes better
    run = nbt.resume(first.last, training={"epochs": 5}, compile={"learning_rate": 1e-12})
    waited(run)
    scores = [row["validation_loss"] for row in (*first.history, *run.history)]
    assert nbt.load_model(run.directory).record["score"] == min(scores)
    assert (run.directory / "checkpoints" / f"best-epoch{best['epoch']:04d}-step{best['step']}.pt").exists()


def refusal(checkpoint, changes):
    """What a run that goes on from `checkpoint` with `changes` is refused for, before it begins or at its first step."""
    try:
        run = nbt.resume(checkpoint, **changes)
    except nbt.UserError as error:
        return str(error)
    run.wait()
    return run.error


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": {"features": [8, 16]}}, "features"),
        (
            {"compile": {"optimizer": "sgd"}, "training": {"epochs": 9}},
            "it was trained with adamw, this run is with sgd",
        ),
        ({"compile": {"layer_decay": 0.5}, "training": {"epochs": 9}}, "divided among the layers"),
        ({"training": {"epochs": 2}}, "begins after 4 epochs, and is to have 2"),
        ({"training": {"iterations": 6}}, "begins after 8 steps, and is to have 6"),
    ],
)
def test_what_was_built_in_another_way_cannot_go_on(config, changes, words):
    first = nbt.train(config)
    assert words in refusal(first.last, changes)


def test_images_that_trained_keep_training_in_the_run_that_goes_on(config):
    first = nbt.train(config)
    run = waited(nbt.resume(first.last, training={"epochs": 5, "seed": 7}))
    splits = [load_checkpoint(each.last)["resume"]["split"]["entries"] for each in (first, run)]
    assert splits[0] == splits[1]


def test_images_that_trained_a_model_and_judge_the_next_are_told(config):
    config.data.validation_fraction = 0.4
    first = nbt.train(config)
    trained = {entry[0] for entry in load_checkpoint(first.last)["resume"]["split"]["entries"] if entry[4] == "train"}
    told = []
    for seed in range(1, 6):
        config.update(model={"pretrained": str(first.last)}, training={"seed": seed, "epochs": 1})
        run = nbt.train(config)
        entries = load_checkpoint(run.last)["resume"]["split"]["entries"]
        judges = {entry[0] for entry in entries if entry[4] == "validation"}
        warned = any("flatter" in event.text for event in run.events if isinstance(event, events.Warned))
        assert warned is bool(judges & trained)
        told.append(warned)
    assert any(told)


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"task": {"kind": "semantic"}}, "task.kind"),
        ({"model": {"features": [8, 16]}}, "model.features"),
        ({"model": {"name": "segresnet"}}, "model.name"),
        ({"compile": {"optimizer": "sgd"}}, "compile.optimizer"),
    ],
)
def test_a_resume_refuses_what_the_run_was_built_with_and_leaves_its_settings_as_they_are(small_config, changes, where):
    run = nbt.train(small_config)
    before = (run.directory / "config.json").read_text()
    with pytest.raises(nbt.SettingError, match="this run was built with") as refused:
        nbt.resume(run.directory, **changes, training={"epochs": 5})
    assert refused.value.findings[0].where == where
    assert (run.directory / "config.json").read_text() == before
    resumed = nbt.resume(run.directory, training={"epochs": 4})
    assert resumed.wait(timeout=60) and resumed.status == "finished", resumed.error


@pytest.mark.parametrize("start_epoch", [None, 99])
def test_a_checkpoint_with_nothing_left_to_do_is_refused_before_a_folder_is_made(small_config, start_epoch):
    run = nbt.train(small_config)
    folders = sorted(run.directory.parent.iterdir())
    with pytest.raises(nbt.ModelError, match=rf"begins after {start_epoch or 3} epochs, and is to have 3"):
        nbt.resume(run.last, start_epoch)
    assert sorted(run.directory.parent.iterdir()) == folders
