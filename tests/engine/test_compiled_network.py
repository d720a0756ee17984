"""The network as machine code, by torch's own compiler, which needs one for C++ on a processor."""

import shutil

import pytest
import torch

import nbtrainer as nbt
from nbtrainer import models
from nbtrainer.engine.compiled_network import compile_network
from nbtrainer.inference.checkpoint import load_checkpoint
from nbtrainer.runs import events

needs_compiler = pytest.mark.skipif(
    not any(shutil.which(name) for name in ("g++", "clang++", "c++")), reason="there is no C++ compiler"
)


def warnings_of(run) -> list[str]:
    """But for that of waiting for patches, which depends on what else the machine does."""
    texts = [event.text for event in run.events if isinstance(event, events.Warned)]
    return [text for text in texts if "waits for patches" not in text]


@needs_compiler
@pytest.mark.slow
@pytest.mark.parametrize("how", ["on", "graphs"])
def test_a_compiled_network_with_averaged_weights_is_saved_as_a_plain_one(small_config, how):
    small_config.update(compile={"ema_decay": 0.9, "learning_rate": 0.01, "schedule": "constant"})
    plain = nbt.train(small_config)
    small_config.update(training={"torch_compile": how})
    run = nbt.train(small_config)
    assert run.status == "finished" and warnings_of(run) == warnings_of(plain), run.error
    assert any(isinstance(event, events.Activity) and "machine code" in event.doing for event in run.events)
    record, expected = load_checkpoint(run.last), load_checkpoint(plain.last)
    for weights in (lambda each: each["weights"], lambda each: each["resume"]["trained_weights"]):
        assert list(weights(record)) == list(weights(expected))
    losses = [row["train_loss"] for row in run.history]
    assert losses == pytest.approx([row["train_loss"] for row in plain.history], rel=1e-3)
    name = next(name for name in record["weights"] if name.endswith("weight"))
    assert not torch.equal(record["weights"][name], record["resume"]["trained_weights"][name])
    assert nbt.load_model(run.last).is_sound
    more = nbt.resume(run.directory, training={"epochs": 4})
    more.wait()
    assert more.status == "finished", more.error


@needs_compiler
@pytest.mark.slow
def test_a_way_with_graphs_answers_like_the_network():
    network = models.create("unet", dim=2, input_channels=1, output_channels=1, features=[4, 8])
    forward = compile_network(network, with_graphs=True)  # on a processor torch leaves the graphs out
    images = torch.rand(2, 1, 32, 32)
    for _ in range(3):
        answer = forward(images)
        answer.sum().backward()
        assert torch.allclose(answer, network(images), atol=1e-4)


@pytest.mark.parametrize(
    ("fails_at", "words"), [(1, "could not be compiled"), (3, "the compiled network failed at step")]
)
def test_what_cannot_be_recorded_goes_on_as_it_is_and_is_told_once(small_config, monkeypatch, fails_at, words):
    plain = nbt.train(small_config)
    calls = []

    def compiler_that_fails(network, **options):
        def forward(images):
            calls.append(options)
            if len(calls) >= fails_at:
                raise RuntimeError("CUDA error: operation not permitted when stream is capturing")
            return network(images)

        return forward

    monkeypatch.setattr(torch, "compile", compiler_that_fails)
    small_config.update(training={"torch_compile": "graphs"})
    run = nbt.train(small_config)
    assert run.status == "finished", run.error
    assert len(calls) == fails_at
    assert [text for text in warnings_of(run) if words in text] and len(warnings_of(run)) == len(warnings_of(plain)) + 1
    one, other = load_checkpoint(run.last)["weights"], load_checkpoint(plain.last)["weights"]
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(("with_graphs", "mode"), [(True, "reduce-overhead"), (False, None)])
def test_graphs_are_asked_of_torch_where_they_are_wanted(monkeypatch, with_graphs, mode):
    asked = {}

    def compiler(network, **options):
        asked.update(options)
        return network

    monkeypatch.setattr(torch, "compile", compiler)
    answer = compile_network(torch.nn.Identity(), with_graphs=with_graphs)(torch.ones(2))
    assert asked.get("mode") == mode and not asked["dynamic"] and torch.equal(answer, torch.ones(2))
