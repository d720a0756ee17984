"""Runs through torch_xla, which computes on the processor where there is no TPU: `.ci/tpu` has it, most machines have not."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch

import nbtrainer as nbt
from nbtrainer.inference.checkpoint import load_checkpoint
from nbtrainer.inference.device import choose_device, random_state, set_random_state
from nbtrainer.models.unet import CompactUNet
from nbtrainer.runs import events

HAS_XLA = importlib.util.find_spec("torch_xla") is not None
needs_xla = pytest.mark.skipif(not HAS_XLA, reason="torch_xla is not installed: .ci/tpu makes an environment with it")

if HAS_XLA:  # before the first gradient of this process, else torch cannot take a TPU any more
    os.environ.setdefault("PJRT_DEVICE", "CPU")
    choose_device("tpu")


def programs() -> int:
    from torch_xla.debug import metrics

    data = metrics.metric_data("CompileTime")
    return 0 if data is None else int(data[0])


def waited(run):
    run.wait()
    assert run.status == "finished", run.error
    return run


def log_of(run) -> str:
    return "\n".join(str(getattr(event, "text", "")) for event in run.events)


def losses(run) -> list[float]:
    return [row["train_loss"] for row in run.history]


@pytest.mark.skipif(HAS_XLA, reason="torch_xla is installed")
def test_without_torch_xla_a_sentence_says_what_to_do(small_config):
    with pytest.raises(nbt.SettingError, match=r"device: a TPU needs torch_xla, which is not installed.*pip install"):
        choose_device("tpu", where="device")
    small_config.training.device = "tpu"
    (found,) = [each for each in nbt.check(small_config) if each.where == "training.device"]
    assert "torch_xla" in found.wrong and "auto or cpu" in found.remedy
    with pytest.raises(nbt.SettingError, match="torch_xla"):
        nbt.train(small_config)


def test_a_tpu_has_no_float16(small_config):
    small_config.update(training={"device": "tpu", "precision": "float16"})
    assert any("float16 needs a graphics card" in each.wrong for each in nbt.check(small_config))


VARIANTS = {
    "plain": {},
    "a smaller last batch": {"training": {"steps_per_epoch": -1, "batch_size": 2}},
    "average and hard patches": {"compile": {"ema_decay": 0.9}, "sampling": {"hard_fraction": 0.5}},
    "batches added": {"training": {"batches_per_step": 2}, "compile": {"max_gradient_norm": 1.0}},
    "no thread that loads": {"training": {"workers": 0}},
    "momentum": {"compile": {"optimizer": "sgd", "momentum": 0.9}},
}


@needs_xla
@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS)
def test_a_run_on_a_tpu_is_that_of_the_processor(small_config, changes):
    small_config.update(compile={"schedule": "constant"})
    small_config.update(**changes)
    small_config.update(training={"device": "cpu"})
    expected = waited(nbt.start(small_config))
    small_config.update(training={"device": "tpu"})
    run = waited(nbt.start(small_config))
    assert losses(run) == pytest.approx(losses(expected), rel=1e-3)
    record, other = load_checkpoint(run.last), load_checkpoint(expected.last)
    assert list(record["weights"]) == list(other["weights"])
    assert all(weights.device.type == "cpu" for weights in record["weights"].values())


@needs_xla
@pytest.mark.parametrize("kind", ["semantic", "instance_contour", "instance_flow", "epyseg", "unsupervised"])
def test_each_kind_trains_on_a_tpu_and_predicts(small_config, kind):
    small_config.update(
        task={"kind": kind}, compile={"loss": "auto", "metrics": "auto"}, training={"epochs": 1, "device": "tpu"}
    )
    run = waited(nbt.start(small_config))
    image = np.random.default_rng(0).integers(0, 255, (48, 40), np.uint8)
    assert nbt.load_model(run.last, device="tpu").predict(image).shape == image.shape


@needs_xla
def test_no_program_is_translated_after_the_first_epochs(small_config):
    small_config.update(
        model={"features": [3, 5]},  # that no other test here has
        compile={"ema_decay": 0.9},
        training={"epochs": 2, "steps_per_epoch": 5, "device": "tpu"},
    )
    before = programs()
    run = waited(nbt.start(small_config))
    first = programs() - before
    waited(nbt.resume(run.directory, training={"epochs": 30}))
    longer = programs() - before - first
    assert 0 < first < 20
    assert longer == 0


@needs_xla
def test_images_of_any_size_are_predicted_with_the_same_program(small_config):
    small_config.update(training={"epochs": 1, "device": "tpu"})
    model = nbt.load_model(waited(nbt.start(small_config)).last, device="tpu")
    image = np.random.default_rng(0).integers(0, 255, (150, 150), np.uint8)
    model.predict(image)
    before = programs()
    for shape in ((150, 150), (90, 131), (20, 33), (32, 32)):
        assert model.predict(image[: shape[0], : shape[1]]).shape == shape
    assert programs() == before


@needs_xla
def test_a_model_answers_alike_on_tpu_and_processor(small_config):
    small_config.update(training={"epochs": 1, "device": "tpu"})
    run = waited(nbt.start(small_config))
    image = np.random.default_rng(0).integers(0, 255, (32, 32), np.uint8)  # one tile: larger images are tiled otherwise
    one, other = (nbt.load_model(run.last, device=device).predict_raw(image) for device in ("tpu", "cpu"))
    assert np.abs(one - other).max() < 1e-3


@needs_xla
@pytest.mark.parametrize(("first", "then"), [("tpu", "tpu"), ("tpu", "cpu"), ("cpu", "tpu")])
def test_a_stopped_run_goes_on_on_either_device(small_config, first, then):
    small_config.update(compile={"schedule": "constant", "optimizer": "adamw"}, training={"epochs": 4, "device": first})
    whole = waited(nbt.start(small_config))
    small_config.update(training={"epochs": 2})
    part = waited(nbt.start(small_config))
    run = waited(nbt.resume(part.directory, training={"epochs": 4, "device": then}))
    planned = [event.device for event in run.events if isinstance(event, events.Planned)]
    assert planned[-1].startswith("xla" if then == "tpu" else "cpu")
    assert losses(run) == pytest.approx(losses(whole), rel=0 if first == then else 1e-3)


@needs_xla
def test_a_run_on_a_tpu_pauses_and_goes_on(small_config):
    small_config.update(training={"epochs": 400, "device": "tpu"})
    run = nbt.start(small_config)
    run.pause(free_memory=True)
    while not (run.status == "paused" and "memory stays" in log_of(run)):
        assert run.status in ("running", "paused"), run.error
    run.unpause()
    while run.events[-1].__class__.__name__ in ("Paused", "Noted"):
        assert run.status in ("running", "paused"), run.error
    run.stop(now=True)
    run.wait()
    assert run.status == "stopped", run.error


@needs_xla
def test_what_a_tpu_decides_is_told(small_config):
    small_config.update(
        training={
            "epochs": 1,
            "device": "tpu",
            "batch_size": "auto",
            "precision": "auto",
            "memory_format": "auto",
            "torch_compile": "on",
            "augment_on": "device",
        }
    )
    run = waited(nbt.start(small_config))
    assert "torch_xla finds no TPU" in log_of(run)
    assert "patches are made by the processor" in log_of(run)
    assert "training.torch_compile has no effect" in log_of(run)
    assert "how much memory the TPU has is not known" in log_of(run)
    kept = nbt.Config.load(run.directory).training
    assert (kept.precision, kept.memory_format, kept.augment_on) == ("float32", "contiguous", "processor")
    assert "some pixels may be unknown" not in log_of(run)
    assert kept.torch_compile == "off" and kept.device == "xla" and 1 <= kept.batch_size <= 8


@needs_xla
def test_unknown_pixels_are_left_out_on_a_tpu_and_the_log_says_that_they_take_time(small_config):
    for number, path in enumerate(sorted(Path(small_config.data.datasets[0].labels).iterdir())):
        label = tifffile.imread(path)
        label[: 5 + 10 * number] = 9
        tifffile.imwrite(path, label)
    small_config.update(data={"ignore_value": 9}, compile={"schedule": "constant"})
    small_config.update(training={"epochs": 1, "device": "cpu"})
    expected = waited(nbt.start(small_config))
    small_config.update(training={"device": "tpu"})
    run = waited(nbt.start(small_config))
    assert "some pixels may be unknown" in log_of(run)
    assert losses(run) == pytest.approx(losses(expected), rel=1e-3)


@needs_xla
def test_a_tpu_trains_in_bfloat16(small_config):
    small_config.update(training={"device": "tpu", "precision": "bfloat16"})
    run = waited(nbt.start(small_config))
    assert all(weights.dtype == torch.float32 for weights in load_checkpoint(run.last)["weights"].values())


@needs_xla
def test_a_tpu_learns_the_size_of_objects_and_goes_on_with_a_network_that_recomputes(small_config):
    small_config.update(
        task={"kind": "instance_flow", "size_model": True},
        data={"diameter": 30.0},
        model={"name": "style_unet"},
        compile={"loss": "auto", "metrics": "auto"},
        training={"epochs": 1, "device": "tpu"},
    )
    run = waited(nbt.start(small_config))
    image = np.random.default_rng(0).integers(0, 255, (48, 40), np.uint8)
    assert nbt.load_model(run.best, device="tpu").estimate_diameter(image) > 0
    record = load_checkpoint(run.last)
    record["resume"]["recomputes"] = True  # as a card with too little memory leaves it
    torch.save(record, run.last)
    assert len(losses(waited(nbt.resume(run.directory, training={"epochs": 2})))) == 2


@needs_xla
def test_the_learning_rate_is_found_on_a_tpu(small_config):
    small_config.update(training={"device": "tpu"})
    curve = nbt.find_learning_rate(small_config, steps=20)
    assert len(curve.rates) == 20 and all(np.isfinite(curve.losses))


@needs_xla
def test_memory_that_runs_out_on_a_tpu_ends_the_run_with_advice(small_config, monkeypatch):
    def without_memory(network, images):
        if network.training:  # what a TPU says when it translates a step that is too large
            raise RuntimeError(
                "RESOURCE_EXHAUSTED: XLA:TPU compile permanent error. Ran out of memory in memory space hbm"
            )
        return forward(network, images)

    forward = CompactUNet.forward
    monkeypatch.setattr(CompactUNet, "forward", without_memory)
    small_config.update(training={"device": "tpu"})
    run = nbt.start(small_config)
    run.wait()
    assert run.status == "failed" and "the memory of the TPU ran out" in run.error and "batch size" in run.error


@needs_xla
def test_random_numbers_of_a_tpu_go_on_where_they_stood():
    device = choose_device("tpu")
    state = random_state(device)
    drawn = torch.rand(3, device=device).cpu()
    assert not torch.equal(torch.rand(3, device=device).cpu(), drawn)
    set_random_state(state, device)
    assert torch.equal(torch.rand(3, device=device).cpu(), drawn)


@needs_xla
def test_a_process_that_trained_before_says_that_it_must_begin_anew():
    code = """
import torch
torch.ones(1, requires_grad=True).sum().backward()
from nbtrainer.inference.device import choose_device
choose_device("tpu")
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "Restart the kernel" in ended.stderr
