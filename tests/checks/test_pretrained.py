"""A model that training starts from: what does not suit the run is told before it, and what fits is taken over."""

import numpy as np
import pytest
import tifffile
import torch

import nbtrainer as nbt
from nbtrainer.runs import events


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run for foreground and background, on one channel."""
    folder = tmp_path_factory.mktemp("first")
    label = np.zeros((64, 64), np.uint8)
    label[16:48, 16:48] = 1
    for name, array in (("image", label * 100), ("label", label)):
        tifffile.imwrite(folder / f"{name}.tif", array)
    config = nbt.Config.preset("binary_2d")
    config.update(
        data={"datasets": [{"images": str(folder / "image.tif"), "labels": str(folder / "label.tif")}]},
        sampling={"patch_size": [32, 32]},
        model={"features": [4, 8]},
        training={"iterations": 2, "precision": "float32", "memory_format": "contiguous", "torch_compile": "off"},
        output={"root": str(folder / "runs")},
    )
    return nbt.train(config)


@pytest.fixture
def first(small_config, trained):
    """That run; `small_config` starts from it."""
    small_config.update(model={"pretrained": trained.directory}, training={"epochs": 1})
    return trained


def _told(config: nbt.Config) -> list[tuple[str, str]]:
    return [(each.level, str(each)) for each in nbt.check(config) if each.where == "model.pretrained"]


def _weights(path) -> dict[str, torch.Tensor]:
    return torch.load(path, weights_only=True)["weights"]


def _with_classes(config: nbt.Config, tmp_path, values: list[int]) -> None:
    rng = np.random.default_rng(0)
    for path in (tmp_path / "set" / "labels").iterdir():
        tifffile.imwrite(path, rng.choice([0, *values], (64, 64)).astype(np.uint8))
    config.task.kind = "semantic"


def test_a_model_for_the_same_is_taken_over_and_nothing_is_told(small_config, first):
    assert _told(small_config) == []
    second = nbt.train(small_config)
    noted = [event.text for event in second.events if isinstance(event, events.Noted)]
    assert any("all of its weights are taken over" in text for text in noted)


@pytest.mark.parametrize("kind", ["semantic", "instance_flow"])
def test_of_another_kind_all_but_the_last_layer_is_taken_over_and_that_is_told(kind, small_config, first, tmp_path):
    small_config.update(task={"kind": kind}, compile={"learning_rate": 1e-9}, training={"epochs": 1})
    ((level, words),) = _told(small_config)
    assert level == "warning" and "it was trained for Foreground (binary), this run is for" in words
    assert "the last layer begins anew" in words
    second = nbt.train(small_config)
    assert second.status == "finished", second.error
    noted = [event.text for event in second.events if isinstance(event, events.Noted)]
    assert any("weights are taken over; these begin anew: model.2.0.conv" in text for text in noted)
    before, after = _weights(first.best), _weights(second.last)
    inner = [name for name in before if not name.startswith("model.2.")]
    assert inner and all(torch.allclose(before[name], after[name], atol=1e-5) for name in inner)


def test_a_last_layer_of_the_same_size_but_another_meaning_begins_anew(small_config, first, tmp_path):
    small_config.update(task={"kind": "semantic"}, training={"epochs": 1})
    two_classes = nbt.train(small_config)
    # foreground and contour are two channels as well
    small_config.update(task={"kind": "instance_contour"}, model={"pretrained": two_classes.directory})
    noted = [event.text for event in nbt.train(small_config).events if isinstance(event, events.Noted)]
    assert any("these begin anew: model.2.0.conv" in text for text in noted)


def test_another_number_of_classes_and_other_classes_are_told(small_config, first, tmp_path):
    _with_classes(small_config, tmp_path, [1, 2])
    small_config.model.pretrained = nbt.train(small_config).directory
    assert _told(small_config) == []
    _with_classes(small_config, tmp_path, [3, 4])
    ((level, words),) = _told(small_config)
    assert level == "warning" and "its classes are 1, 2, those of this run 3, 4" in words
    _with_classes(small_config, tmp_path, [1, 2, 3])
    ((level, words),) = _told(small_config)
    assert level == "warning" and "it has 3 output channels, this run has 4" in words
    assert nbt.train(small_config).status == "finished"


def test_another_number_of_channels_is_told_and_the_first_layer_begins_anew(small_config, first, tmp_path):
    for path in (tmp_path / "set" / "images").iterdir():
        tifffile.imwrite(path, np.stack([tifffile.imread(path)] * 3, -1), photometric="rgb")
    ((level, words),) = _told(small_config)
    assert level == "warning" and "images with 1 channel, these have 3" in words and "first layer begins anew" in words
    second = nbt.train(small_config)
    assert second.status == "finished", second.error
    noted = [event.text for event in second.events if isinstance(event, events.Noted)]
    assert any("these begin anew: model.0." in text for text in noted)


def test_another_normalization_is_told(small_config, first):
    small_config.update(normalization={"method": "z_score"}, data={"invert": True})
    ((level, words),) = _told(small_config)
    assert level == "warning"
    assert "it was trained with normalization.method" in words and "data.invert False" in words
    assert "this run has z_score, True" in words


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"features": [4, 8, 16]}, "that model has features [4, 8], but this run has [4, 8, 16]"),
        ({"name": "style_unet"}, "that model has name unet, but this run has style_unet"),
    ],
)
def test_a_network_that_is_built_in_another_way_is_refused_by_the_check(small_config, first, settings, words):
    small_config.update(model=settings)
    ((level, told),) = _told(small_config)
    assert level == "error" and words in told
    with pytest.raises(nbt.UserError, match=r"model\.pretrained"):
        nbt.start(small_config)


@pytest.mark.parametrize("content", ["keras", "nothing", "tensors", "record", "folder"])
def test_a_file_that_is_no_model_of_ours_is_refused_by_the_check(small_config, tmp_path, content):
    path = tmp_path / "model.pt"
    if content == "keras":
        path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    elif content == "nothing":
        path.write_bytes(b"")
    elif content == "tensors":
        torch.save({"conv.weight": torch.zeros(3)}, path)
    elif content == "record":
        torch.save({"format": 1, "weights": {}}, path)
    else:
        path.mkdir()
    small_config.model.pretrained = path
    ((level, words),) = _told(small_config)
    assert level == "error" and "model.pt" in words


def test_a_run_goes_on_without_the_model_that_it_started_from(small_config, first, tmp_path):
    path = tmp_path / "start.pt"
    path.write_bytes(first.best.read_bytes())
    small_config.model.pretrained = path
    run = nbt.train(small_config)
    path.write_bytes(b"")  # another file by now
    run = nbt.resume(run.directory, training={"epochs": 2})
    run.wait()
    assert run.status == "finished", run.error
    path.unlink()
    run = nbt.resume(run.directory, training={"epochs": 3})
    run.wait()
    assert [row["epoch"] for row in run.history] == [1, 2, 3]
