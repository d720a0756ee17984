"""Batches for training, made by the processor and on the device, which is the processor here."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch

import nbtrainer as nbt
from nbtrainer.config import STRENGTHS
from nbtrainer.engine import batches
from nbtrainer.engine.build import build
from nbtrainer.runs import RunDirectory, events

KINDS = ("binary", "semantic", "instance_contour", "instance_flow", "epyseg", "unsupervised")


def _config(config: nbt.Config, **changes) -> nbt.Config:
    config.augmentation.strength = "standard"
    changes["training"] = {"precision": "float32", "torch_compile": "off", **changes.get("training", {})}
    config.update(**changes)
    return config


def _job(config: nbt.Config, folder, augment_on: str):
    config = config.model_copy(deep=True)
    config.training.augment_on = augment_on
    return build(config, RunDirectory.create(folder, data_task="t", name=augment_on))


def _assert_alike(one: batches.Batch, other: batches.Batch) -> None:
    torch.testing.assert_close(one.images, other.images, atol=1e-4, rtol=0)
    torch.testing.assert_close(one.targets, other.targets, atol=1e-4, rtol=0, equal_nan=True)
    assert one.locations == other.locations
    assert one.content.result() == other.content.result()


@pytest.mark.feature(13, 115)
@pytest.mark.parametrize("kind", KINDS)
def test_images_targets_and_contents_are_those_of_the_processor(small_config, tmp_path, kind):
    config = _config(small_config, task={"kind": kind}, data={"ignore_value": 1})
    files = [file for file in Path(small_config.data.datasets[0].labels).iterdir() if file.is_file()]
    for file in files:
        label = np.where(tifffile.imread(file) > 0, 2, 0).astype(np.uint8)
        label[::12, ::5] = 1  # ignored, everywhere
        tifffile.imwrite(file, label)
    assert files
    here, there = (_job(config, tmp_path, where) for where in ("processor", "device"))
    made = [there.batch(step) for step in range(3)]
    for step, batch in enumerate(made):
        _assert_alike(batch, here.batch(step))
    assert any(batch.targets.isnan().any() for batch in made)


@pytest.mark.parametrize("kind", ["binary", "semantic", "instance_contour", "instance_flow"])
def test_so_they_are_of_volumes_with_thick_voxels(small_config, tmp_path, kind):
    rng = np.random.default_rng(0)
    for name, scale in (("image", 40), ("label", 1)):
        label = np.zeros((2, 10, 40, 44), np.uint8)
        label[:, 2:6, 8:20, 5:30], label[:, 4:9, 24:36, 12:40] = 1, 2
        for number in range(2):
            folder = tmp_path / name
            folder.mkdir(exist_ok=True)
            array = label[number] * scale + (rng.integers(0, 20, label[number].shape) if name == "image" else 0)
            tifffile.imwrite(
                folder / f"{number}.tif", array.astype(np.uint8), imagej=True, metadata={"axes": "ZYX", "spacing": 3.0}
            )
    config = _config(
        small_config,
        task={"kind": kind, "dim": 3},
        data={"datasets": [{"images": str(tmp_path / "image"), "labels": str(tmp_path / "label")}]},
        sampling={"patch_size": [8, 24, 24]},
        training={"batch_size": 2},
    )
    here, there = (_job(config, tmp_path, where) for where in ("processor", "device"))
    for step in range(2):
        _assert_alike(there.batch(step), here.batch(step))


@pytest.mark.feature(13, 115)
def test_a_run_on_the_device_path_has_the_same_history_also_after_a_resume(small_config):
    histories = {}
    for where in ("processor", "device"):
        config = _config(small_config.model_copy(deep=True), training={"augment_on": where, "epochs": 3})
        config.output.name = where
        run = nbt.train(config)
        assert run.status == "finished", run.error
        assert f"augmentation on the {where}" in (run.directory / "log.txt").read_text()
        histories[where] = [{k: v for k, v in row.items() if k != "seconds"} for row in run.history]
        seen = (run.directory / "tiles.json").read_text()
        histories[where, "seen"] = seen
    assert histories["processor", "seen"] == histories["device", "seen"]
    for one, other in zip(histories["processor"], histories["device"], strict=True):
        assert other == pytest.approx(one, rel=1e-2, abs=1e-3)
    config = _config(small_config.model_copy(deep=True), training={"augment_on": "device", "epochs": 2})
    config.output.name = "resumed"
    first = nbt.train(config)
    assert nbt.Config.load(first.directory / "config.json").training.augment_on == "device"
    resumed = nbt.resume(first.directory, training={"epochs": 3})
    resumed.wait()
    assert (resumed.status, len(resumed.history)) == ("finished", 3)
    assert (resumed.directory / "tiles.json").read_text() == histories["device", "seen"]


def test_auto_is_the_processor_where_the_processor_trains_and_is_written_down(small_config):
    run = nbt.train(_config(small_config, training={"epochs": 1}))
    assert nbt.Config.load(run.directory / "config.json").training.augment_on == "processor"


def test_memory_that_runs_out_there_leaves_patches_to_the_processor_and_says_so(small_config, monkeypatch):
    def without_memory(self, drawn):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(batches.DeviceBatches, "make", without_memory)
    run = nbt.train(_config(small_config, training={"epochs": 1, "augment_on": "device"}))
    assert run.status == "finished", run.error
    warned = [event.text for event in run.events if isinstance(event, events.Warned)]
    assert sum("the processor makes them" in text for text in warned) == 1


def test_strong_changes_and_hard_patches_train_on_the_device_path(small_config):
    config = _config(small_config, training={"epochs": 2, "augment_on": "device"}, sampling={"hard_fraction": 0.5})
    config.augmentation.steps = STRENGTHS["strong"]
    run = nbt.train(config)
    assert run.status == "finished", run.error
