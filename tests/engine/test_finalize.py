import json

import numpy as np
import pytest
import tifffile
import torch

import nbtrainer as nbt
from nbtrainer.engine import write_reports
from nbtrainer.runs import events


@pytest.fixture(scope="module")
def discs(tmp_path_factory):
    """Six images of bright discs; in the label of the first one disc is missing, and in another is one too many."""
    folder = tmp_path_factory.mktemp("discs")
    rng = np.random.default_rng(0)
    y, x = np.ogrid[:96, :96]
    for part in ("images", "labels"):
        (folder / part).mkdir()
    for number in range(6):
        label = np.zeros((96, 96), np.uint16)
        for place, (at_y, at_x) in enumerate([(22, 22), (22, 70), (70, 22), (70, 70)], 1):
            label[np.hypot(y - at_y - rng.integers(-4, 4), x - at_x) <= 12] = place
        image = (60 * (label > 0) + 40 + rng.normal(0, 4, label.shape)).clip(0, 255).astype(np.uint8)
        if number == 0:
            label[label == 2] = 0
        tifffile.imwrite(folder / "images" / f"disc_{number}.tif", image)
        tifffile.imwrite(folder / "labels" / f"disc_{number}.tif", label)
    return folder


def _config(discs, root, kind, **training):
    config = nbt.Config.preset("binary_2d")
    config.task.kind = kind
    train = [str(discs / "images" / f"disc_{number}.tif") for number in range(4)]
    (root / "train.txt").write_text("\n".join(train))
    (root / "labels.txt").write_text("\n".join(path.replace("images", "labels") for path in train))
    validation = {"images": str(discs / "images" / "disc_[45].tif"), "labels": str(discs / "labels" / "disc_[45].tif")}
    config.data.datasets = [
        {"images": str(root / "train.txt"), "labels": str(root / "labels.txt"), "use": "train"},
        {**validation, "use": "validation"},
    ]
    config.update(
        sampling={"patch_size": [64, 64]},
        model={"features": [8, 16, 32]},
        training={"epochs": 4, "steps_per_epoch": 12, "batch_size": 4, "precision": "float32", **training},
        output={"root": str(root / "runs")},
    )
    return config


@pytest.mark.parametrize("kind", ["binary", "semantic", "instance_contour", "instance_flow", "epyseg"])
def test_every_kind_trains_scores_and_reports(kind, discs, tmp_path):
    run = nbt.train(_config(discs, tmp_path, kind))
    assert run.status == "finished", run.error
    first, last = run.history[0], run.history[-1]
    assert last["train_loss"] < first["train_loss"]
    for name in nbt.Config.load(run.directory).compile.metrics:
        assert f"validation_{name}" in last
    model = nbt.load_model(run.directory)
    image = discs / "images" / "disc_4.tif"
    assert model.predict(image).shape == (96, 96)
    assert model.predict(image, tta=8).shape == (96, 96)
    assert {"report.html", "audit.html", "audit.json"} <= {path.name for path in run.directory.iterdir()}
    assert any(isinstance(event, events.StartScored) for event in run.events)


@pytest.mark.parametrize(
    ("kind", "settings", "epochs"),
    # thresholds that find too little, and specks that others can drop
    [
        ("instance_contour", {"threshold": 0.9999}, 2),
        ("instance_flow", {"min_object_size": 0}, 6),
    ],
)
def test_thresholds_are_tuned_on_validation_images_and_kept_in_the_model(kind, settings, epochs, discs, tmp_path):
    config = _config(discs, tmp_path, kind, epochs=epochs)
    config.update(task=settings)
    run = nbt.train(config)
    (tuned,) = [event for event in run.events if isinstance(event, events.ThresholdsTuned)]
    assert tuned.after >= tuned.before
    model = nbt.load_model(run.directory)
    assert {name: getattr(model.task.settings, name) for name in tuned.thresholds} == tuned.thresholds
    scores = nbt.evaluate(model, str(discs / "images" / "disc_[45].tif"), str(discs / "labels" / "disc_[45].tif"))
    assert scores["overall"]["ap_50"] == pytest.approx(tuned.after)


def test_the_audit_finds_the_label_that_lacks_an_object(discs, tmp_path):
    run = nbt.train(_config(discs, tmp_path, "binary", epochs=8))
    found = json.loads((run.directory / "audit.json").read_text())
    assert len(found) == 4
    worst = min(found, key=lambda row: row["dice"])
    assert worst["image"] == "disc_0.tif"
    wrong = worst["worst"][0]
    assert wrong["kind"] == "invented"
    (top, bottom), (left, right) = wrong["box"]
    assert top <= 22 < bottom and left <= 70 < right


def test_a_model_that_is_worse_than_a_trivial_method_is_not_called_good(discs, tmp_path):
    run = nbt.train(_config(discs, tmp_path, "instance_contour", epochs=1, steps_per_epoch=1))
    warned = [event.text for event in run.events if isinstance(event, events.Warned)]
    assert any("the best model is worse than connected parts above Otsu" in text for text in warned)


def test_a_pretrained_model_that_got_worse_is_told(discs, tmp_path):
    first = nbt.train(_config(discs, tmp_path, "binary", epochs=8))
    config = _config(discs, tmp_path, "binary", epochs=1, steps_per_epoch=2)
    config.update(model={"pretrained": str(first.best)}, compile={"learning_rate": 5.0, "schedule": "constant"})
    run = nbt.train(config)
    warned = [event.text for event in run.events if isinstance(event, events.Warned)]
    assert any("worse than the weights that it started from" in text for text in warned), run.error


def test_the_terms_of_a_loss_are_logged(discs, tmp_path):
    run = nbt.train(_config(discs, tmp_path, "instance_flow", epochs=1, steps_per_epoch=3))
    row = run.history[0]
    terms = {name: value for name, value in row.items() if name.startswith("train_loss (")}
    assert set(terms) == {
        f"train_loss ({name})" for name in ("flow", "direction", "boundary", "norm", "distance", "euler")
    }
    assert row["train_loss"] == pytest.approx(sum(terms.values()), rel=1e-4)


def test_the_test_set_is_scored_once_at_the_end(discs, tmp_path):
    config = _config(discs, tmp_path, "instance_contour", epochs=2)
    config.data.datasets[1].use = "test"
    run = nbt.train(config)
    (scored,) = [event for event in run.events if isinstance(event, events.TestScored)]
    assert scored.images == 2 and "test_ap_50" in scored.scores
    assert torch.load(run.last, weights_only=True)["task"]["name"] == "instance_contour"


@pytest.fixture(scope="module")
def balls(tmp_path_factory):
    """Two volumes of balls, some of which touch."""
    folder = tmp_path_factory.mktemp("balls")
    z, y, x = np.ogrid[:24, :48, :48]
    for part in ("images", "labels"):
        (folder / part).mkdir()
    for number in range(2):
        label = np.zeros((24, 48, 48), np.uint16)
        for place, (at_y, at_x) in enumerate([(12, 12), (12, 30), (34, 14), (34, 34)], 1):
            label[((z - 12) ** 2 + (y - at_y) ** 2 + (x - at_x - number) ** 2 <= 81) & (label == 0)] = place
        image = 50 * (label > 0) + np.random.default_rng(number).normal(40, 3, label.shape)
        tifffile.imwrite(folder / "images" / f"{number}.tif", image.clip(0, 255).astype(np.uint8))
        tifffile.imwrite(folder / "labels" / f"{number}.tif", label)
    return folder


@pytest.mark.feature(37, 123)
@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("semantic", {"class_weights": "auto"}),
        ("instance_contour", {"with_distance": True, "contours_in_plane": False}),
        ("instance_contour", {"affinities": "nearest"}),
        ("instance_flow", {"with_boundary": True}),
    ],
)
def test_every_kind_trains_on_volumes(kind, settings, balls, tmp_path):
    config = nbt.Config.preset("binary_3d")
    config.task.kind = kind
    config.update(
        task=settings,
        data={
            "datasets": [
                {"images": str(balls / "images" / "0.tif"), "labels": str(balls / "labels" / "0.tif"), "use": "train"},
                {
                    "images": str(balls / "images" / "1.tif"),
                    "labels": str(balls / "labels" / "1.tif"),
                    "use": "validation",
                },
            ]
        },
        sampling={"patch_size": [16, 32, 32]},
        model={"features": [8, 16, 32]},
        training={"epochs": 2, "steps_per_epoch": 15, "precision": "float32"},
        output={"root": str(tmp_path / "runs")},
    )
    run = nbt.train(config)
    assert run.status == "finished", run.error
    model = nbt.load_model(run.directory)
    assert model.predict(balls / "images" / "1.tif").shape == (24, 48, 48)
    scores = nbt.evaluate(model, balls / "images", balls / "labels")["overall"]
    # where a ball lies decides its class, which a network that sees little cannot know
    assert scores["accuracy"] > 0.5 if kind == "semantic" else scores["dice"] > 0.7


@pytest.mark.parametrize("kind", ["binary", "semantic", "instance_contour", "instance_flow", "epyseg"])
def test_a_run_without_any_metric_ends_as_others_do(kind, small_config):
    small_config.update(task={"kind": kind}, compile={"metrics": []}, training={"epochs": 1, "max_minutes": 1})
    run = nbt.train(small_config)
    assert run.status == "finished", run.error
    assert (run.directory / "report.html").exists() and (run.directory / "audit.json").exists()
    assert not [event.text for event in run.events if isinstance(event, events.Warned) and "could not" in event.text]


def test_a_report_that_cannot_be_written_does_not_make_a_failed_run(small_config):
    run = nbt.start(small_config)
    for name in ("report.html", "audit.html"):
        (run.directory / name).mkdir()  # in the way of the file
    run.wait()
    assert run.status == "finished", run.error
    warned = [event for event in run.events if isinstance(event, events.Warned)]
    for what in ("the report on the validation images", "the audit of the labels"):
        (found,) = (event for event in warned if what in event.text)
        assert "it is a folder, not a file" in found.text and "the model is not affected" in found.text


def test_what_breaks_in_a_report_for_a_reason_that_nobody_foresaw_is_logged_whole(small_config, monkeypatch):
    monkeypatch.setattr(write_reports, "_looked_at", lambda *anything: 1 / 0)
    run = nbt.train(small_config)
    assert run.status == "finished", run.error
    warned = [event for event in run.events if isinstance(event, events.Warned) and "ZeroDivisionError" in event.text]
    assert len(warned) == 2
    assert all("the model is not affected" in event.text and "Traceback" in event.details for event in warned)


@pytest.mark.feature(27)
@pytest.mark.parametrize(
    ("kind", "name"), [("binary", "binary_2d_1ch_1outputs"), ("semantic", "semantic_2d_1ch_1classes")]
)
def test_a_model_lies_in_the_folder_under_a_name_that_says_what_it_is(small_config, kind, name):
    small_config.update(task={"kind": kind}, compile={"loss": "auto", "metrics": "auto"})
    run = nbt.train(small_config)
    (file,) = run.directory.glob("*.pt")
    assert file.name == f"{run.directory.name}_{name}.pt"
    assert nbt.load_model(file).record["step"] == nbt.load_model(run.directory).record["step"]
