"""Learning rates that follow epochs, scores and layers, in whole runs."""

import numpy as np
import pytest
import torch

import nbtrainer as nbt
from nbtrainer.inference.checkpoint import load_checkpoint


def rates(run):
    return [row["learning_rate"] for row in run.history]


def test_each_epoch_has_the_rate_that_is_listed_for_it(small_config):
    small_config.update(compile={"schedule": "list", "rates": [0.1, 0.02, 0.003]}, training={"epochs": 5})
    run = nbt.train(small_config)
    # of an epoch that ended, the rate of the step that comes next
    assert rates(run) == pytest.approx([0.02, 0.003, 0.003, 0.003, 0.003])


def test_a_plateau_lowers_the_rate_and_a_resume_knows_how_long_it_waited(small_config):
    # so small a rate that no validation is better than the first
    small_config.update(
        compile={"schedule": "plateau", "plateau_patience": 2, "decay": 0.5, "learning_rate": 1e-12}
        | {"warm_up_fraction": 0, "optimizer": "sgd"},
        training={"epochs": 6, "monitor": "validation_loss", "steps_per_epoch": 1},
    )
    whole = nbt.train(small_config)
    best = int(np.argmin([row["validation_loss"] for row in whole.history]))
    assert best == 0, "the rate is too large for this test"
    assert rates(whole) == pytest.approx([1e-12, 1e-12, 5e-13, 5e-13, 2.5e-13, 2.5e-13])

    small_config.update(training={"epochs": 2})
    part = nbt.train(small_config)
    run = nbt.resume(part.directory, training={"epochs": 6})
    run.wait()
    assert rates(run) == rates(whole)


def test_loaded_layers_stay_while_new_ones_learn_and_then_learn_too(small_config):
    small_config.update(training={"load_at_end": "last"})
    first = nbt.train(small_config)
    small_config.update(
        task={"kind": "semantic"}, model={"pretrained": str(first.last)}, training={"epochs": 3, "keep_each": 1}
    )
    small_config.update(compile={"frozen_epochs": 2, "loss": "auto", "metrics": "auto", "schedule": "constant"})
    run = nbt.train(small_config)
    assert run.status == "finished", run.error
    before = load_checkpoint(first.last)["weights"]
    kept = [load_checkpoint(run.directory / "checkpoints" / f"epoch-000{k}.pt")["weights"] for k in (1, 2, 3)]
    taken = load_checkpoint(run.last)["resume"]["loaded"]
    assert taken and len(taken) < len(before)
    for epoch, weights in enumerate(kept, start=1):
        assert all(torch.equal(weights[name], before[name]) for name in taken) is (epoch < 3)
    new = [name for name in kept[0] if name not in taken]
    assert not all(torch.equal(kept[0][name], kept[1][name]) for name in new)


def test_layers_before_the_last_change_less(small_config):
    small_config.update(
        compile={"layer_decay": 0.1, "optimizer": "sgd", "momentum": 0.0, "schedule": "constant", "learning_rate": 0.1}
    )
    run = nbt.train(small_config)
    groups = load_checkpoint(run.last)["resume"]["optimizer"]["param_groups"]
    shares = [group["rate_share"] for group in groups]
    assert shares[-1] == 1 and np.allclose(np.divide(shares[1:], shares[:-1]), 10)
    assert groups[0]["lr"] == pytest.approx(0.1 * shares[0])
