"""Early stopping, models kept besides, and several batches a step, in whole runs."""

import pytest
import torch

import nbtrainer as nbt
from nbtrainer.runs import events


def test_a_run_ends_when_its_patience_does(small_config):
    # so small a rate that no validation is better than the first
    small_config.update(
        training={"epochs": 50, "patience": 3, "monitor": "validation_loss"},
        compile={"learning_rate": 1e-12, "schedule": "constant", "optimizer": "sgd"},
    )
    run = nbt.train(small_config)
    assert run.status == "finished", run.error
    best = min(run.history, key=lambda row: row["validation_loss"])["epoch"]
    assert len(run.history) == best + 3 < 50
    assert "no better score in 3 validations" in next(e.reason for e in run.events if isinstance(e, events.Finished))
    assert run.best is not None


def test_a_run_that_goes_on_knows_how_long_it_has_waited(small_config):
    small_config.update(
        training={"epochs": 2, "patience": 4, "monitor": "validation_loss"},
        compile={"learning_rate": 1e-12, "schedule": "constant", "optimizer": "sgd"},
    )
    run = nbt.train(small_config)
    assert len(run.history) == 2
    run = nbt.resume(run.directory, training={"epochs": 50})
    run.wait()
    assert run.status == "finished", run.error
    best = min(run.history, key=lambda row: row["validation_loss"])["epoch"]
    assert len(run.history) == best + 4


@pytest.mark.feature(117)
def test_the_model_of_every_second_epoch_is_kept(small_config):
    small_config.update(training={"epochs": 5, "keep_each": 2})
    run = nbt.train(small_config)
    folder = run.directory / "checkpoints"
    assert sorted(file.name for file in folder.glob("epoch-*.pt")) == ["epoch-0002.pt", "epoch-0004.pt"]
    record = torch.load(folder / "epoch-0002.pt", weights_only=True)
    assert nbt.load_model(folder / "epoch-0002.pt").record["network"] == record["network"]


@pytest.mark.feature(107)
def test_several_batches_a_step_train_and_a_resume_is_exact(small_config):
    small_config.update(
        training={"batches_per_step": 2, "batch_size": 2, "epochs": 4}, compile={"max_gradient_norm": 1.0}
    )
    small_config.update(training={"epochs": 2}, output={"name": "parted"}, compile={"schedule": "constant"})
    whole_config = small_config.model_copy(deep=True)
    whole_config.update(training={"epochs": 4}, output={"name": "constant"})
    expected = nbt.train(whole_config)
    parted = nbt.train(small_config)
    parted = nbt.resume(parted.directory, training={"epochs": 4})
    parted.wait()
    weights = [torch.load(run.last, weights_only=True)["weights"] for run in (expected, parted)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
