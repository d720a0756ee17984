"""A model that training starts from: what does not suit the run is told before it, and what fits is taken over."""

import numpy as np
import pytest
import tifffile
import torch

import nbtrainer as nbt
from nbtrainer import models
from nbtrainer.models.cellpose_names import to_cellpose
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


@pytest.mark.feature(26)
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


def test_another_number_of_channels_is_told_and_the_first_layer_is_adapted(small_config, first, tmp_path):
    for path in (tmp_path / "set" / "images").iterdir():
        tifffile.imwrite(path, np.stack([tifffile.imread(path)] * 3, -1), photometric="rgb")
    ((level, words),) = _told(small_config)
    assert level == "warning" and "images with 1 channel, these have 3" in words and "first layer is adapted" in words
    small_config.update(compile={"learning_rate": 1e-9})
    second = nbt.train(small_config)
    assert second.status == "finished", second.error
    noted = [event.text for event in second.events if isinstance(event, events.Noted)]
    assert any("all of its weights are taken over; adapted to 3 channels: model.0." in text for text in noted)
    before, after = (_weights(each)["model.0.conv.unit0.conv.weight"] for each in (first.best, second.last))
    # an image in grey three times is answered as in grey
    assert torch.allclose(after, before.repeat(1, 3, 1, 1) / 3, atol=1e-5)


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


def _saved(path, weights, **wrapped):
    torch.save({**wrapped, "state_dict": weights} if wrapped else weights, path)
    return path


def _notes(run) -> str:
    return " ".join(event.text for event in run.events if isinstance(event, events.Noted))


@pytest.mark.parametrize("names", ["ours", "wrapped", "of another library"])
def test_weights_alone_are_taken_over_by_name_or_in_their_order(small_config, first, tmp_path, names):
    weights = _weights(first.best)
    given = {
        "ours": weights,
        "wrapped": {f"module.net.{name}": each for name, each in weights.items()},
        "of another library": {f"part{at}.{n.rpartition('.')[2]}": w for at, (n, w) in enumerate(weights.items())},
    }[names]
    small_config.model.pretrained = _saved(tmp_path / "w.pt", given, epoch=3)
    small_config.compile.learning_rate = 1e-9
    assert _told(small_config) == []
    run = nbt.train(small_config)
    assert "weights by name" in _notes(run) and "all of its weights are taken over" in _notes(run)
    assert ("matched in their order" in _notes(run)) == (names == "of another library")
    after = _weights(run.last)
    assert all(torch.allclose(each, after[name], atol=1e-5) for name, each in weights.items())


def test_layers_without_weights_are_listed_and_begin_anew_only_if_the_settings_say_so(small_config, first, tmp_path):
    weights = {name: each for name, each in _weights(first.best).items() if not name.startswith("model.1.")}
    small_config.model.pretrained = _saved(tmp_path / "w.pt", {**weights, "classifier.weight": torch.zeros(2, 3)})
    ((level, words),) = _told(small_config)
    assert level == "error" and "these layers would begin anew: model.1." in words and "classifier.weight" in words
    small_config.model.unmatched_layers = "begin_anew"
    ((level, words),) = _told(small_config)
    assert level == "warning" and "these layers begin anew: model.1." in words
    run = nbt.train(small_config)
    assert "these begin anew: model.1." in _notes(run) and "not used: classifier.weight" in _notes(run)


def test_a_network_with_another_number_of_features_begins_what_differs_anew(small_config, first):
    small_config.model.features = [4, 16]
    ((level, words),) = _told(small_config)
    assert level == "error" and "that model has features [4, 8]" in words
    small_config.model.unmatched_layers = "begin_anew"
    ((level, words),) = _told(small_config)
    assert level == "warning" and "these layers begin anew: model.1." in words
    run = nbt.train(small_config)
    assert run.status == "finished" and "these begin anew: model.1." in _notes(run)


def test_weights_that_fit_nowhere_are_named(small_config, tmp_path):
    small_config.model.pretrained = _saved(tmp_path / "w.pt", {"stem.kernel.weight": torch.zeros(7, 3, 9, 9)})
    ((level, words),) = _told(small_config)
    assert level == "error" and "none of its layers fits" in words and "stem.kernel.weight 7 x 3 x 9 x 9" in words


def test_weights_alone_give_no_optimizer_and_no_metrics(small_config, first, tmp_path):
    small_config.model.pretrained = _saved(tmp_path / "w.pt", _weights(first.best))
    small_config.update(model={"take_over": "everything"}, compile={"recompile": False})
    found = {each.where: each for each in nbt.check(small_config)}
    assert found["model.take_over"].level == "error" and "no optimizer or epoch" in found["model.take_over"].wrong
    assert found["compile.recompile"].level == "warning"
    with pytest.raises(nbt.UserError, match="no optimizer or epoch"):
        nbt.start(small_config)


def test_the_network_is_built_as_in_the_model_by_one_click(small_config, first):
    small_config.update(model={"features": [4, 8, 16], "residual_units": 1})
    finding = next(each for each in nbt.check(small_config) if each.where == "model.pretrained")
    assert nbt.fix(small_config, finding) == "the network is built as in that model: features [4, 8], residual_units 2"
    assert (small_config.model.features, small_config.model.residual_units) == ([4, 8], 2)
    assert _told(small_config) == []


@pytest.mark.feature(24, 122)
def test_a_run_of_a_cellpose_model_starts_from_its_file(small_config, tmp_path):
    network = {"dim": 2, "input_channels": 2, "output_channels": 3, "features": [4, 8]}
    theirs = to_cellpose(models.create("style_unet", **network).state_dict())
    theirs |= {"diam_mean": torch.tensor([30.0]), "diam_labels": torch.tensor([17.0])}
    path = tmp_path / "cyto_like"
    torch.save(theirs, path)
    small_config.update(task={"kind": "instance_flow"}, model={"pretrained": path}, training={"epochs": 1})
    ((level, words),) = _told(small_config)
    assert level == "error" and "that model has name style_unet, but this run has unet" in words
    nbt.fix_all(small_config)
    assert (small_config.model.name, small_config.model.features) == ("style_unet", [4, 8])
    small_config.update(task={"with_boundary": False}, compile={"learning_rate": 1e-9})
    ((level, words),) = _told(small_config)
    assert level == "warning" and "images with 2 channels, these have 1" in words
    run = nbt.train(small_config)
    assert "(weights of Cellpose): all of its weights are taken over; adapted to 1 channel: down.0." in _notes(run)
    after = _weights(run.last)
    assert torch.allclose(after["last.2.weight"], theirs["output.2.weight"], atol=1e-5)
    assert nbt.load_model(run.directory).predict(np.zeros((32, 32), np.uint8)).shape == (32, 32)
