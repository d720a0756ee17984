"""A run that goes on keeps its split, whatever files came and went meanwhile."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile

import nbtrainer as nbt
from nbtrainer import api
from nbtrainer.engine import checkpoint
from nbtrainer.inference.checkpoint import load_checkpoint
from nbtrainer.runs import events


@pytest.fixture
def run(small_config, write_pairs):
    """A run of one epoch on six images; `sampling.hard_fraction` keeps places by the numbers of images."""
    small_config.data.datasets = [write_pairs(count=6)]
    small_config.data.validation_fraction = 0.4
    small_config.update(
        training={"epochs": 1, "steps_per_epoch": 4}, sampling={"hard_fraction": 0.5, "method": "image"}
    )
    done = nbt.train(small_config)
    assert done.status == "finished", done.error
    return done


def test_without_the_last_training_image_a_run_goes_on_and_names_it_once(run):
    trained, validated = _split(run)
    seen = json.loads((run.directory / "tiles.json").read_text("utf-8"))["images"]
    _take_away(run, trained[-1])
    run = _resumed(run, 2)
    assert _split(run) == (trained[:-1], validated)
    assert f"gone since the run was stopped: {trained[-1]}, which trained" in " ".join(_warnings(run))
    counted = json.loads((run.directory / "tiles.json").read_text("utf-8"))["images"]
    assert all(counted[name] >= seen[name] for name in trained[:-1])  # none took over the count of another
    told = len(_warnings(run))
    assert not any("gone since" in words for words in _warnings(_resumed(run, 3))[told:])


def test_new_images_train_and_what_trained_never_judges(run):
    trained, validated = _split(run)
    _take_away(run, trained[0])
    _add(run, trained[1], "aaa.tif")
    run = _resumed(run, 2)
    assert _split(run) == ([*trained[1:], "aaa.tif"], validated)
    assert "new since the run was stopped: aaa.tif. What is new trains" in " ".join(_warnings(run))
    shown = [(use, pair.name) for use, pair in api.images_of_run(run.directory)]
    assert [name for use, name in shown if use == "validation"] == validated  # as in the run, not divided anew


def test_an_image_that_validated_validates_again_when_it_comes_back(run, tmp_path):
    trained, validated = _split(run)
    _take_away(run, validated[0], to=tmp_path)
    run = _resumed(run, 2)
    assert _split(run) == (trained, validated[1:])
    for kind in ("images", "labels"):
        shutil.move(tmp_path / kind / validated[0], tmp_path / "set" / kind / validated[0])
    assert set(_split(_resumed(run, 3))[1]) == set(validated)


def test_a_run_keeps_its_split_in_another_place_and_with_other_settings(run, tmp_path, monkeypatch):
    split = _split(run)
    shutil.move(tmp_path / "set", tmp_path / "elsewhere")
    monkeypatch.chdir(tmp_path)
    datasets = [{"images": "elsewhere/images", "labels": "elsewhere/labels"}]  # from here, not from the run's folder
    run = nbt.resume(run.directory, training={"epochs": 2}, data={"datasets": datasets, "validation_fraction": 0.2})
    assert run.wait(timeout=120) and run.status == "finished", run.error
    assert _split(run) == split
    assert _warnings(run) == ["data.validation_fraction has no effect: a run that goes on keeps its validation images"]


def test_a_training_image_whose_dataset_is_marked_for_validation_trains_on(run, write_pairs):
    trained, validated = _split(run)
    old = nbt.Config.load(run.directory / "config.json").data.datasets[0]
    old.use = "validation"
    run = _resumed(run, 2, data={"datasets": [old, write_pairs(count=1, shape=(96, 96), name="more")]})
    assert _split(run) == ([*trained, "img_0.tif"], validated)
    assert "and cannot judge it" in " ".join(_warnings(run))


def test_without_any_validation_image_a_run_says_what_to_put_back(run):
    for name in _split(run)[1]:
        _take_away(run, name)
    again = nbt.resume(run.directory, training={"epochs": 2})
    assert again.wait(timeout=120) and again.status == "failed"
    assert "no image is left of those that validated in this run" in again.error and "Put them back" in again.error


def test_a_single_image_keeps_its_blocks_beside_a_new_one(small_config, write_pairs):
    small_config.data.datasets = [write_pairs(count=1, shape=(96, 96), name="one")]
    small_config.training.epochs = 1
    run = nbt.train(small_config)
    (trained,), (validated,) = _split(run)
    _add(run, "img_0.tif", "new.tif")
    assert _split(_resumed(run, 2)) == ([trained, "new.tif"], [validated])


def test_a_checkpoint_of_before_that_noted_no_split_goes_on_with_fewer_images(run):
    record = load_checkpoint(run.directory / "checkpoints" / "last.pt")
    del record["resume"]["split"]
    checkpoint.write(record, run.directory / "checkpoints" / "last.pt")
    _take_away(run, "img_5.tif")
    _resumed(run, 2)


def test_changed_files_of_one_name_are_told_apart(run):
    dataset = nbt.Config.load(run.directory / "config.json").data.datasets[0]
    for folder in (dataset.images, dataset.labels):
        path = Path(folder) / "img_2.tif"
        path.write_bytes(path.read_bytes() + b"\0")
    told = " ".join(_warnings(_resumed(run, 2)))
    assert "changed since the run was stopped: images/img_2.tif, labels/img_2.tif." in told


def test_a_complete_run_asked_for_fewer_epochs_is_told_to_be_complete(run):
    before = len(run.events)
    for budget in ({"epochs": 1, "max_minutes": 5}, {"iterations": 3}):
        with pytest.warns(UserWarning, match="this run is complete"):
            again = nbt.resume(run.directory, training=budget)
        assert len(again.events) == before


def _resumed(run, epochs, **overrides):
    run = nbt.resume(run.directory, training={"epochs": epochs}, **overrides)
    assert run.wait(timeout=120) and run.status == "finished", run.error
    assert len(run.history) == epochs
    return run


def _split(run):
    """Names of what trained and of what validated, by the last checkpoint."""
    entries = load_checkpoint(run.directory / "checkpoints" / "last.pt")["resume"]["split"]["entries"]
    return tuple(
        [
            Path(image).name if part is None else f"{Path(image).name} {part}"
            for image, _, _, part, its, gone in entries
            if its == use and not gone
        ]
        for use in ("train", "validation")
    )


def _warnings(run):
    texts = [event.text for event in run.events if isinstance(event, events.Warned)]
    return [text for text in texts if "never contributed" not in text and "the best model" not in text]


def _folders(run):
    dataset = nbt.Config.load(run.directory / "config.json").data.datasets[0]
    return {"images": Path(dataset.images), "labels": Path(dataset.labels)}


def _take_away(run, name, to=None):
    for kind, folder in _folders(run).items():
        if to is None:
            (folder / name).unlink()
        else:
            (to / kind).mkdir()
            shutil.move(folder / name, to / kind / name)


def _add(run, source, name):
    """Another image: the source mirrored, so that it is no copy."""
    for folder in _folders(run).values():
        tifffile.imwrite(folder / name, np.flip(tifffile.imread(folder / source)))
