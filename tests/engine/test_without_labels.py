"""Learning from images alone, from the list of files to single objects."""

import shutil

import numpy as np
import pytest
import tifffile

import nbtrainer as nbt
from nbtrainer.runs import events

# nothing that is chosen by a measurement, so that every run is the same
_PLAIN = {"precision": "float32", "torch_compile": "off", "memory_format": "contiguous", "threads": 1}


def _config(tmp_path, datasets, features=(8, 16), **task):
    config = nbt.Config.preset("unsupervised_2d")
    config.update(
        task=task,
        model={"features": list(features)},
        data={"datasets": datasets},
        training={"epochs": 2, "steps_per_epoch": 15, **_PLAIN},
        output={"root": str(tmp_path / "runs")},
    )
    return config


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    shutil.copytree(nbt.samples.path("nuclei2d") / "images", folder)
    return folder


def test_images_alone_train_and_their_objects_are_found(tmp_path, images):
    config = _config(tmp_path, [{"images": str(images)}], features=(16, 32, 64))
    assert not [finding for finding in nbt.check(config) if finding.level == "error"]
    run = nbt.train(config)
    assert run.status == "finished", run.error
    assert run.history[-1]["train_loss"] < run.history[0]["train_loss"]
    assert {"validation_loss", "train_loss"} <= set(run.history[-1])
    assert not {"validation_dice", "train_dice"} & set(run.history[-1])
    assert not [event for event in run.events if isinstance(event, events.BaselineScored)]
    # of images without labels there is nothing to judge; the page of the run is there all the same
    written = [event for event in run.events if isinstance(event, events.ReportWritten)]
    assert [event.title for event in written] == ["the run: methods, settings and environment"]
    assert nbt.Config.load(run.directory / "config.json").training.monitor == "validation_loss"
    assert list((run.directory / "previews").glob("*.png"))

    prediction = nbt.load_model(run.directory).prediction(images / "nuclei_00.tif")
    foreground = prediction.labels()
    assert set(np.unique(foreground)) == {0, 1}
    counts = {
        (way, sigma): len(np.unique(prediction.labels(post_processing=way, spot_sigma=sigma, min_object_size=100))) - 1
        for way, sigma in (("connected", 2.0), ("watershed", 2.0), ("voronoi_otsu", 2.0), ("voronoi_otsu", 5.0))
    }
    # 35 were drawn, of about 450 pixels: with a sigma of 2 some have several maxima
    assert counts.pop(("voronoi_otsu", 2.0)) >= counts["voronoi_otsu", 5.0]
    assert all(10 <= count <= 100 for count in counts.values()), counts
    image = tifffile.imread(images / "nuclei_00.tif")
    assert image[foreground > 0].mean() > 2 * image[foreground == 0].mean()


def test_scores_come_from_the_images_that_have_labels(tmp_path, images):
    labels = nbt.samples.path("nuclei2d") / "labels"
    shutil.copy(labels / "nuclei_00.tif", images / "nuclei_00_masks.tif")
    shutil.copy(images / "nuclei_00.tif", tmp_path / "known.tif")
    known = {"images": str(tmp_path / "known.tif"), "labels": str(labels / "nuclei_01.tif"), "use": "validation"}
    config = _config(tmp_path, [{"images": str(images), "use": "train"}, known], post_processing="connected")
    config.compile.metrics = ["dice", "ap_50"]
    config.data.datasets[0].exclude = ["nuclei_00.tif"]
    config.training.epochs = 1
    rows = nbt.pairs(config)
    assert [bool(row["label"]) for row in rows] == [False, False, False, True]
    assert [row["objects"] is None for row in rows] == [True, True, True, False]
    assert not [finding for finding in nbt.check(config) if finding.level == "error"]
    run = nbt.train(config)
    assert run.status == "finished", run.error
    assert {"validation_dice", "validation_ap_50"} <= set(run.history[-1])


def test_a_label_beside_an_image_is_found_and_others_go_without(tmp_path, images):
    shutil.copy(nbt.samples.path("nuclei2d") / "labels" / "nuclei_00.tif", images / "nuclei_00_masks.tif")
    rows = nbt.pairs(_config(tmp_path, [{"images": str(images)}]))
    assert [(row["name"], row["label"] != "") for row in rows if row["name"] == "nuclei_00.tif"] == [
        ("nuclei_00.tif", True)
    ]
    assert sum(row["label"] == "" for row in rows) == 3


def test_patches_of_images_alone_say_that_nothing_is_known(tmp_path, images):
    config = _config(tmp_path, [{"images": str(images)}])
    config.sampling.min_objects = 3
    config.data.ignore_value = 255
    image, label = next(nbt.patches(config, 1))
    assert image.shape == (1, 64, 64) and (label == 255).all()


def test_other_kinds_ask_for_labels(tmp_path, images):
    config = _config(tmp_path, [{"images": str(images)}])
    config.task.kind = "binary"
    config.model.name = "unet"
    errors = [finding for finding in nbt.check(config) if finding.level == "error"]
    assert [finding.where for finding in errors] == ["data.datasets[0].labels"]
    assert "no label was found beside nuclei_00.tif" in errors[0].wrong


def test_a_score_cannot_choose_the_model_where_nothing_has_a_label(tmp_path, images):
    config = _config(tmp_path, [{"images": str(images)}])
    config.training.monitor = "validation_dice"
    errors = [finding for finding in nbt.check(config) if finding.level == "error"]
    assert [finding.where for finding in errors] == ["training.monitor"]


def test_the_check_recommends_the_network_that_was_made_for_it(tmp_path, images):
    config = _config(tmp_path, [{"images": str(images)}])
    assert not any(finding.where == "model.name" for finding in nbt.check(config))
    config.model.name = "unet"
    found = next(finding for finding in nbt.check(config) if finding.where == "model.name")
    assert found.level == "warning" and "wnet" in found.remedy
