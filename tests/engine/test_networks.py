"""Each network of the menu in a run of its own: a step, a validation, a model on disk, a prediction."""

import numpy as np
import pytest
import tifffile
import torch

import nbtrainer as nbt
from nbtrainer import models
from nbtrainer.catalog import NETWORKS, TASKS
from nbtrainer.inference.checkpoint import load_checkpoint, task_in
from nbtrainer.inference.pretrained import fitting_weights
from nbtrainer.inference.start_file import read_start
from nbtrainer.models.cellpose_names import to_cellpose
from nbtrainer.models.import_smp import import_smp
from nbtrainer.models.match_weights import Shape
from nbtrainer.runs import events

SMALL = {"features": [4, 8, 8], "backbone": "efficientnetb0", "transformer_features": 12}
IN_DIMENSIONS = [(name, dim) for name, entry in NETWORKS.items() for dim in entry.dims if not entry.kinds]


def train_a_step(config, folder, *, name, dim, kind="binary"):
    shape, patch = ((64, 64), [32, 32]) if dim == 2 else ((16, 36, 40), [8, 32, 32])
    rng = np.random.default_rng(0)
    for number in range(3):
        inside = np.zeros(shape, np.uint8)
        inside[..., 8:24, 8:24], inside[..., 28:34, 10:30] = 1, 2
        image = (60 + 60.0 * inside + rng.normal(0, 10, shape)).clip(0, 255).astype(np.uint8)
        label = inside if kind != "binary" else (inside > 0).astype(np.uint8)
        for what, array in (("images", image), ("labels", label)):
            (folder / what).mkdir(exist_ok=True)
            tifffile.imwrite(folder / what / f"{number}.tif", array)
    config.update(
        task={"kind": kind, "dim": dim},
        data={"datasets": [{"images": str(folder / "images"), "labels": str(folder / "labels")}]},
        sampling={"patch_size": patch},
        model={**SMALL, "name": name},
        training={"epochs": 1, "steps_per_epoch": 1},
    )
    run = nbt.train(config)
    assert run.status == "finished", run.error
    image = tifffile.imread(folder / "images" / "0.tif")
    model = nbt.load_model(run.best)
    assert model.predict(image).shape == shape
    return run, model


@pytest.mark.feature(20)
@pytest.mark.parametrize(("name", "dim"), IN_DIMENSIONS)
def test_a_run_of_each_network_leaves_a_model_that_predicts(small_config, tmp_path, name, dim):
    run, _ = train_a_step(small_config, tmp_path, name=name, dim=dim)
    built = load_checkpoint(run.best)["network"]
    # another run can start from it, all but the last layer where that is another
    task, start = task_in(load_checkpoint(run.best)), read_start(run.best)
    assert not fitting_weights(Shape.of(built), task, start).anew
    other = fitting_weights(Shape.of({**built, "output_channels": 3}), task, start)
    assert 0 < len(other.anew) < len(other.taken)
    assert built["name"] == name and built["parameters"].keys() <= set(NETWORKS[name].parameters)


@pytest.mark.parametrize("name", ["linknet", "seg_resid", "dynunet"])
@pytest.mark.parametrize("kind", TASKS)
def test_networks_learn_each_kind_of_segmentation(small_config, tmp_path, name, kind):
    run, _ = train_a_step(small_config, tmp_path, name=name, dim=2, kind=kind)
    assert load_checkpoint(run.best)["network"]["name"] == name


def test_a_run_goes_on_and_another_starts_from_it_with_a_network_of_another_library(small_config, tmp_path):
    run, _ = train_a_step(small_config, tmp_path, name="linknet", dim=2)
    resumed = nbt.resume(run.directory, training={"epochs": 2})
    assert resumed.wait(timeout=60) and resumed.status == "finished", resumed.error
    small_config.model.pretrained = str(run.best)
    started = nbt.train(small_config)
    assert any(
        "all of its weights are taken over" in each.text for each in started.events if isinstance(each, events.Noted)
    )
    small_config.model.backbone = "resnet18"
    with pytest.raises(nbt.UserError, match="has backbone efficientnetb0, but this run has resnet18"):
        nbt.train(small_config)


@pytest.mark.parametrize("frozen_epochs", [0, 1])
def test_a_backbone_starts_from_a_file_of_weights_and_may_stay_as_it_is_at_first(small_config, tmp_path, frozen_epochs):
    encoder = import_smp().encoders.get_encoder("efficientnet-b0", in_channels=3, weights=None)
    torch.save(encoder.state_dict(), tmp_path / "photographs.pt")
    small_config.update(
        model={"backbone_weights": str(tmp_path / "photographs.pt")}, compile={"frozen_epochs": frozen_epochs}
    )
    run, _ = train_a_step(small_config, tmp_path, name="linknet", dim=2)
    assert any("the backbone starts from" in each.text for each in run.events if isinstance(each, events.Noted))
    weights = load_checkpoint(run.last)["weights"]
    name = "_blocks.3._expand_conv.weight"
    assert torch.equal(weights[f"network.encoder.{name}"], encoder.state_dict()[name]) == bool(frozen_epochs)


@pytest.mark.feature(122)
def test_a_run_starts_from_a_network_of_cellpose(small_config, tmp_path):
    theirs = models.create("style_unet", dim=2, input_channels=1, output_channels=3, features=[4, 8, 8])
    # of two fields and a third output, as cyto and nuclei have
    torch.save(to_cellpose(theirs.state_dict()), tmp_path / "cyto")
    small_config.model.pretrained = str(tmp_path / "cyto")
    small_config.model.unmatched_layers = "begin_anew"
    run, _ = train_a_step(small_config, tmp_path, name="style_unet", dim=2, kind="instance_flow")
    notes = [each.text for each in run.events if isinstance(each, events.Noted)]
    assert any("starting from" in text for text in notes), notes


@pytest.mark.parametrize(
    ("settings", "where", "wrong"),
    [
        ({"task": {"dim": 3}, "model": {"name": "linknet"}}, "model.name", "is for 2D images, and these are 3D"),
        ({"model": {"name": "deeplabv3", "backbone": "vgg16"}}, "model.backbone", "VGG16 has no last levels"),
        ({"model": {"name": "flexible_unet", "backbone": "senet154"}}, "model.backbone", "SENet-154 is not in MONAI"),
        ({"model": {"name": "dynunet", "features": [4, 8]}}, "model.features", "has 3 to 8 levels, and 2 are given"),
        ({"model": {"name": "unet_plus", "features": [4] * 6}}, "model.features", "has 2 to 5 levels, and 6 are given"),
        ({"model": {"name": "fpn", "backbone_weights": "nowhere.pt"}}, "model.backbone_weights", "no such file"),
    ],
)
def test_what_a_network_does_not_exist_for_is_reported_before_the_start(small_config, settings, where, wrong):
    small_config.update(**settings)
    finding = next(each for each in nbt.check(small_config) if each.where == where)
    assert finding.level == "error" and wrong in finding.wrong
    with pytest.raises(nbt.UserError, match=wrong):
        nbt.start(small_config)


def test_a_library_that_is_missing_is_named_with_its_command(small_config, monkeypatch):
    small_config.model.name = "linknet"
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    finding = next(each for each in nbt.check(small_config) if each.where == "model.name")
    assert "segmentation_models_pytorch" in finding.wrong and 'pip install "nbtrainer[networks]"' in finding.remedy
