"""The moving average of the weights, by its formula and in whole runs."""

import torch

import nbtrainer as nbt
from nbtrainer.engine.average_weights import averaged_copy
from nbtrainer.inference.checkpoint import load_checkpoint


def test_the_average_follows_its_formula():
    network = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(network.weight, 1.0)
    averaged = averaged_copy(network, 0.9)
    expected = 1.0
    for step in range(100):
        torch.nn.init.constant_(network.weight, float(step))
        averaged.update_parameters(network)
        # the first call copies
        kept = 0.0 if step == 0 else min(0.9, (1 + step) / (10 + step))
        expected = kept * expected + (1 - kept) * step
    assert abs(float(averaged.module.weight) - expected) < 1e-4


def test_the_average_is_what_validates_is_kept_and_predicts(small_config):
    small_config.update(compile={"ema_decay": 0.9, "learning_rate": 0.01})
    run = nbt.train(small_config)
    assert run.status == "finished", run.error
    record = load_checkpoint(run.last)
    name = next(name for name in record["weights"] if name.endswith("weight"))
    assert not torch.equal(record["weights"][name], record["resume"]["trained_weights"][name])
    # the tile that a model answers when it is saved is that of the average
    assert nbt.load_model(run.last).is_sound


def test_a_run_with_an_average_goes_on_bit_for_bit(small_config):
    small_config.update(compile={"ema_decay": 0.9, "schedule": "constant"}, training={"epochs": 4})
    whole = nbt.train(small_config)
    small_config.update(training={"epochs": 2})
    part = nbt.train(small_config)
    run = nbt.resume(part.directory, training={"epochs": 4})
    run.wait()
    one, other = load_checkpoint(whole.last), load_checkpoint(run.last)
    for weights in (lambda record: record["weights"], lambda record: record["resume"]["trained_weights"]):
        assert all(torch.equal(weights(one)[name], weights(other)[name]) for name in one["weights"])
