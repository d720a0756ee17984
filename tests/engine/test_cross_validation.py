"""A cross-validation: every image validates once, what is done stays, and the models answer together."""

import json
import shutil

import numpy as np
import pytest
import tifffile

import nbtrainer as nbt
from nbtrainer import api
from nbtrainer.data.fold_record import fold_folder
from nbtrainer.datasets import survey
from nbtrainer.engine.launch import waited
from nbtrainer.inference import Ensemble
from nbtrainer.runs.cross_validation import CrossValidation


@pytest.fixture(scope="module")
def whole_once(tmp_path_factory, make_small_config, write_discs_to):
    """A finished cross-validation of three folds on six discs, and a seventh to test, which nobody may change."""
    folder = tmp_path_factory.mktemp("cross")
    config = make_small_config(folder)
    tested = write_discs_to(folder, count=1, shape=(64, 80), name="tested") | {"use": "test"}
    config.data.datasets = [write_discs_to(folder, count=6), tested]
    config.update(training={"epochs": 2, "steps_per_epoch": 5}, compile={"learning_rate": 0.01})
    config.output.name = "discs"
    whole = nbt.cross_validate(config, folds=3)
    assert whole.status == "finished", whole.error
    return config, whole


def test_every_image_validates_in_one_fold_and_test_images_in_none(whole_once):
    _, whole = whole_once
    splits = [_split(run) for run in whole.runs]
    validated = sorted(name for split in splits for name in split["validation"])
    assert validated == sorted({*splits[0]["train"], *splits[0]["validation"]}) and len(validated) == 6
    assert all(set(split["train"]) == set(validated) - set(split["validation"]) for split in splits)
    assert all(len(split["validation"]) == 2 and len(split["test"]) == 1 for split in splits)


def test_a_fold_follows_from_its_own_settings(whole_once):
    _, whole = whole_once
    for fold, run in enumerate(whole.runs, 1):
        config = nbt.Config.load(run.directory)
        assert (config.data.folds, config.data.fold) == (3, fold)
        validated = [pair.image.name for pair in survey(config).split.validation]
        assert sorted(validated) == sorted(_split(run)["validation"])


def test_the_methods_of_a_run_say_which_fold_it_is(whole_once):
    _, whole = whole_once
    for fold, run in enumerate(whole.runs, 1):
        assert f"fold {fold} of 3 of a cross-validation" in (run.directory / "report.html").read_text("utf-8")


def test_the_result_has_each_fold_their_mean_and_each_image_once(whole_once):
    _, whole = whole_once
    result = json.loads((whole.directory / "cross_validation.json").read_text("utf-8"))
    best = [row["score"] for row in result["folds"]]
    assert [row["status"] for row in result["folds"]] == ["finished"] * 3
    assert result["mean"] == pytest.approx(np.mean(best)) and result["std"] == pytest.approx(np.std(best, ddof=1))
    images = result["out_of_fold"]["images"]
    assert sorted(row["image"] for row in images) == sorted(
        name for run in whole.runs for name in _split(run)["validation"]
    )
    assert f"{result['mean']:.4f}" in str(whole)
    rows = (whole.directory / "cross_validation.csv").read_text("utf-8").splitlines()
    assert len(rows) == 7


def test_an_image_is_scored_by_the_model_that_did_not_see_it(whole_once):
    config, whole = whole_once
    dataset = config.data.datasets[0]
    for row in whole.result["out_of_fold"]["images"]:
        run = fold_folder(whole.directory, row["fold"])
        assert row["image"] in _split(nbt.attach(run))["validation"]
        by_hand = nbt.evaluate(
            _with_thresholds(run), f"{dataset.images}/{row['image']}", f"{dataset.labels}/{row['image']}"
        )
        assert row["dice"] == pytest.approx(by_hand["overall"]["dice"], abs=1e-6)


def test_models_of_all_folds_answer_with_the_mean_of_their_outputs(whole_once):
    config, whole = whole_once
    image = _an_image(config)
    model = nbt.load_model(whole.directory)
    outputs = [nbt.load_model(run.directory).predict_raw(image) for run in whole.runs]
    np.testing.assert_allclose(model.predict_raw(image), np.mean(outputs, axis=0), atol=1e-5)
    threshold = np.mean([nbt.load_model(run.directory).task.settings.threshold for run in whole.runs])
    assert model.task.settings.threshold == pytest.approx(threshold)
    probability = 1 / (1 + np.exp(-np.mean(outputs, axis=0)[0]))
    clear = np.abs(probability - threshold) > 1e-4
    np.testing.assert_array_equal((model.predict(image) > 0)[clear], (probability > threshold)[clear])


def test_disagreement_is_the_standard_deviation_of_the_probability(whole_once):
    config, whole = whole_once
    image = _an_image(config)
    probabilities = [1 / (1 + np.exp(-nbt.load_model(run.directory).predict_raw(image)[0])) for run in whole.runs]
    disagreement = nbt.load_model(whole.directory).disagreement(image)
    assert disagreement.dtype == np.float32 and disagreement.shape == image.shape
    np.testing.assert_allclose(disagreement, np.std(probabilities, axis=0), atol=1e-5)
    assert disagreement.max() > 0


def test_equal_models_do_not_disagree(whole_once):
    config, whole = whole_once
    run = whole.runs[0].directory
    model = nbt.load_model([run, run, run])
    assert isinstance(model, Ensemble)
    assert not model.disagreement(_an_image(config)).any()


def test_the_same_call_trains_nothing_again_and_other_settings_are_refused(whole_once):
    config, whole = whole_once
    again = nbt.cross_validate(config, folds=3, watch=lambda run: pytest.fail("it trains"))
    assert again.status == "finished" and again.directory == whole.directory
    assert nbt.cross_validate(whole.directory).status == "finished"
    with pytest.raises(nbt.SettingError, match="has 3 folds, not 4"):
        nbt.cross_validate(config, folds=4)
    other = config.validated()
    other.training.epochs = 9
    with pytest.raises(nbt.SettingError, match=r"training.epochs: this cross-validation was begun with 2, not 9"):
        nbt.cross_validate(other)


def test_a_stopped_cross_validation_goes_on_where_it_stopped(small_config, write_pairs):
    small_config.data.datasets = [write_pairs(count=4)]
    small_config.output.name = "stopped"
    begun = []

    def stop_the_second(run):
        begun.append(run.directory.name)
        if len(begun) == 2:
            run.stop(now=True)
        return waited(run)

    whole = api.cross_validate(small_config, 2, watch=stop_the_second)
    assert whole.status == "stopped" and [run.status for run in whole.runs] == ["finished", "stopped"]
    assert "out_of_fold" not in whole.result
    moved = whole.directory.with_name("moved")
    shutil.move(whole.directory, moved)

    def note(run):
        begun.append(run.directory.name)
        return waited(run)

    whole = api.cross_validate(moved, watch=note)
    assert whole.status == "finished" and begun == ["fold-1", "fold-2", "fold-2"]
    assert len(whole.result["out_of_fold"]["images"]) == 4
    assert [run.directory.parent for run in whole.runs] == [moved.resolve()] * 2


def test_an_interrupt_stops_the_run_that_goes_on(small_config, write_pairs):
    small_config.data.datasets = [write_pairs(count=4)]
    small_config.training.epochs = 10_000

    def interrupt(run):
        raise KeyboardInterrupt

    whole = api.cross_validate(small_config, 2, watch=interrupt)
    assert whole.status == "stopped" and [run.status for run in whole.runs] == ["stopped"]
    assert whole.directory.name == "cross-validation-001"
    assert [row["status"] for row in whole.result["folds"]] == ["stopped"]


def test_a_single_image_is_divided_into_blocks_that_train_on_both_sides(small_config, write_pairs):
    small_config.data.datasets = [write_pairs(count=1, name="one")]
    for kind in ("images", "labels"):
        file = f"{getattr(small_config.data.datasets[0], kind)}/img_0.tif"
        tifffile.imwrite(file, np.tile(tifffile.imread(file), (1, 3)))
    small_config.training.epochs = 1
    whole = nbt.cross_validate(small_config, folds=3)
    assert whole.status == "finished", whole.error
    names = [row["image"] for row in whole.result["out_of_fold"]["images"]]
    assert names == ["img_0.tif (0-64, 0-64)", "img_0.tif (0-64, 64-128)", "img_0.tif (0-64, 128-192)"]
    shown = [(use, pair.name) for use, pair in api.images_of_run(whole.runs[1].directory)]
    assert shown[1:] == [("train", "img_0.tif (0-64, 0-56)"), ("train", "img_0.tif (0-64, 136-192)")]
    seen = json.loads((whole.runs[1].directory / "tiles.json").read_text("utf-8"))["images"]
    assert set(seen) == {"img_0.tif (0-64, 0-56)", "img_0.tif (0-64, 136-192)"} and sum(seen.values()) == 4
    assert api.images_of_run(whole.directory) == []


def test_an_incomplete_cross_validation_answers_with_the_folds_that_there_are(whole_once, tmp_path):
    _, whole = whole_once
    shutil.copytree(whole.directory, tmp_path / "part")
    shutil.rmtree(tmp_path / "part" / "fold-2")
    with pytest.warns(UserWarning, match="answers without fold 2"):
        model = nbt.load_model(tmp_path / "part")
    assert len(model.members) == 2
    assert CrossValidation(tmp_path / "part").status == "stopped"


def test_images_that_came_later_are_refused(whole_once, tmp_path):
    config, whole = whole_once
    folder = tmp_path / "moved"
    shutil.copytree(whole.directory, folder)
    source = config.data.datasets[0]
    for kind in ("images", "labels"):
        shutil.copytree(getattr(source, kind), tmp_path / kind)
    stored = nbt.Config.load(folder)
    stored.data.datasets = [{"images": str(tmp_path / "images"), "labels": str(tmp_path / "labels")}]
    stored.save(folder / "config.json")
    for kind in ("images", "labels"):
        shutil.copy(next((tmp_path / kind).iterdir()), tmp_path / kind / "later.tif")
    with pytest.raises(nbt.DataError, match=r"the images are others than when the folds were made"):
        nbt.cross_validate(folder)


def test_what_cannot_be_divided_is_refused_before_a_folder_is_made(small_config, write_pairs):
    small_config.data.datasets = [write_pairs(count=3)]
    small_config.output.name = "none"
    with pytest.raises(nbt.UserError, match=r"there are 3 images, too few for 5 folds\. Choose 3 folds or fewer"):
        nbt.cross_validate(small_config)
    small_config.data.datasets = [small_config.data.datasets[0].model_dump() | {"use": "train"}]
    with pytest.raises(nbt.UserError, match="there are no images to divide into folds"):
        nbt.cross_validate(small_config, folds=2)
    assert not (small_config.resolve(small_config.output.root) / "default" / "none").exists()


def test_an_image_that_is_there_twice_is_refused_before_the_first_fold(small_config, write_pairs):
    data = write_pairs(count=4)
    for kind in ("images", "labels"):
        shutil.copy(f"{data[kind]}/img_0.tif", f"{data[kind]}/twin.tif")
    small_config.data.datasets = [data]
    small_config.output.name = "twins"
    # in the first fold neither of them validates with this seed
    small_config.training.seed = next(seed for seed in range(99) if _twins_train_in_fold_1(small_config, seed))
    with pytest.raises(nbt.UserError, match="has the same pixels"):
        nbt.cross_validate(small_config, folds=4, watch=lambda run: pytest.fail("it trains"))


def test_its_folder_is_no_run(whole_once):
    with pytest.raises(nbt.ModelError, match="has a run for each fold"):
        nbt.attach(whole_once[1].directory)


def test_models_that_answer_differently_are_not_averaged(whole_once, small_config, write_pairs):
    small_config.task.kind = "instance_contour"
    small_config.data.datasets = [write_pairs(count=3)]
    small_config.training.epochs = 1
    other = nbt.train(small_config)
    assert other.status == "finished", other.error
    with pytest.raises(
        nbt.ModelError, match=r"its kinds of segmentation, output channels(, classes)? and [a-z ]+ differ from"
    ):
        nbt.load_model([whole_once[1].runs[0].directory, other.directory])
    with pytest.raises(nbt.ModelError, match="there are none"):
        nbt.load_model([])


def _split(run) -> dict[str, list[str]]:
    entries = json.loads((run.directory / "split.json").read_text("utf-8"))["entries"]
    return {
        use: [entry[0].replace("\\", "/").rpartition("/")[2] for entry in entries if entry[4] == use]
        for use in ("train", "validation", "test")
    }


def _twins_train_in_fold_1(config, seed: int) -> bool:
    config = config.validated()
    config.update(data={"folds": 4, "fold": 1}, training={"seed": seed})
    return {"img_0.tif", "twin.tif"} <= {pair.image.name for pair in survey(config).split.train}


def _an_image(config) -> np.ndarray:
    folder = config.resolve(config.data.datasets[0].images)
    return tifffile.imread(sorted(folder.glob("*.tif"))[0])


def _with_thresholds(run):
    """The model of a run with the thresholds of its settings."""
    model = nbt.load_model(run)
    model.task = model.task.with_settings(threshold=nbt.Config.load(run).task.threshold)
    return model
