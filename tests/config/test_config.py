import json
import os
from pathlib import Path

import pytest

from nbtrainer.config import STRENGTHS, TRANSFORMS, Config, presets
from nbtrainer.config.describe import settings
from nbtrainer.errors import UserError


@pytest.mark.parametrize(
    ("section", "name", "value", "message"),
    [
        ("training", "epochs", -1, "training.epochs: -1 is too small. Give 1 or more."),
        ("training", "epochs", "many", "training.epochs: 'many' is not a whole number"),
        ("training", "epochs", 2.5, "training.epochs: 2.5 is not a whole number"),
        ("training", "epoch", 3, "Did you mean training.epochs"),
        ("compile", "optimizer", "adm", "Did you mean adam"),
        ("compile", "metrics", ["dise"], "Did you mean dice"),
        ("data", "validation_fraction", 1.0, "Give less than 1"),
        ("data", "datasets", [{"imags": "a"}], r"data.datasets\[0\].imags: .*Did you mean data.datasets\[0\].images"),
        ("sampling", "patch_size", [64, "x"], r"sampling.patch_size\[1\]: 'x' is not a whole number"),
        ("augmentation", "steps", [{"kind": "flop"}], r"augmentation.steps\[0\]: the kind 'flop' is unknown"),
        ("task", "dim", 4, "Choose 2 or 3"),
        ("output", "name", "a/b", "cannot be the name of a folder"),
        ("compile", "learning_rate", float("nan"), "compile.learning_rate"),
    ],
)
def test_a_wrong_value_is_refused_at_once_in_a_sentence_and_the_old_one_stays(section, name, value, message):
    config = Config()
    before = config.model_dump()
    with pytest.raises(UserError, match=message):
        setattr(getattr(config, section), name, value)
    assert config.model_dump() == before


MENUS = [row for row in settings() if row.choices and row.kind == "choice"]


@pytest.mark.parametrize("row", MENUS, ids=lambda row: row.path)
def test_a_menu_takes_auto_only_where_it_is_one_of_its_choices(row):
    config = Config(task={"kind": row.kinds[0]} if row.kinds else {})
    if "auto" in row.choices:
        config.set(row.path, "auto")
        return
    with pytest.raises(UserError, match=f"{row.path}: .*'?auto'? is .*Choose") as caught:
        config.set(row.path, "auto")
    assert str(next(iter(row.choices))) in str(caught.value)


def test_all_mistakes_of_a_config_are_told_together():
    with pytest.raises(UserError) as caught:
        Config(training={"epochs": 0, "batchsize": 3}, model={"name": "nut"})
    assert {finding.where for finding in caught.value.findings} == {
        "training.epochs",
        "training.batchsize",
        "model.name",
    }


def test_a_dict_becomes_a_section():
    config = Config()
    config.training = {"epochs": 7}
    assert config.training.epochs == 7
    assert config.training.batch_size == Config().training.batch_size


def test_lists_are_validated_again_when_saved(tmp_path):
    config = Config()
    config.sampling.patch_size.append("wide")
    with pytest.raises(UserError, match="patch_size"):
        config.save(tmp_path / "config.json")


@pytest.mark.feature(48)
@pytest.mark.parametrize("name", sorted(presets()))
def test_a_saved_preset_is_the_same_when_loaded(name, tmp_path):
    config = Config.preset(name)
    config.save(tmp_path / "config.json")
    assert Config.load(tmp_path / "config.json") == config


@pytest.mark.parametrize("name", sorted(presets()))
def test_a_preset_stores_only_what_differs_from_the_defaults(name):
    settings = presets()[name].settings
    kind = {"kind": settings["task"]["kind"]} if "kind" in settings.get("task", {}) else {}
    defaults = Config().model_dump() | {"task": Config(task=kind).model_dump()["task"] | {"kind": Config().task.kind}}
    for section, values in settings.items():
        for field, value in values.items():
            assert value != defaults[section][field], f"{section}.{field}"


@pytest.mark.feature(77)
def test_the_epyseg_preset_is_what_its_document_says():
    config = Config.preset("epyseg")
    assert config.augmentation.strength == "none"
    assert config.sampling.patch_size == [256, 256]
    assert config.sampling.method == "grid"
    assert config.data.validation_fraction == 0
    assert config.training.steps_per_epoch == -1
    assert config.training.keep_best == 5
    assert config.training.load_at_end == "best"
    assert config.normalization.method == "rescaling"
    assert config.compile.optimizer == "adam"


@pytest.mark.feature(124)
def test_the_omnipose_preset_trains_as_the_published_bacterial_model():
    """--RAdam --learning_rate 0.1 --n_epochs 4000 --batch_size 16, its network and its two switches that are on."""
    config = Config.preset("omnipose")
    assert (config.compile.optimizer, config.compile.learning_rate) == ("radam", 0.1)
    assert (config.training.epochs, config.training.batch_size) == (4000, 16)
    assert (config.model.name, config.model.features) == ("style_unet", [32, 64, 128, 256])
    assert (config.model.residual_on, config.model.style_on, config.model.concatenation) == (True, True, False)


@pytest.mark.feature(125)
def test_the_easyreg_preset_trains_as_its_published_settings_for_lpba():
    config = Config.preset("easyreg")
    assert (config.task.kind, config.task.dim) == ("semantic", 3)
    assert config.sampling.patch_size == [72, 72, 72]
    assert (config.model.name, config.model.features) == ("seg_resid", [32, 64, 128, 256])
    assert config.compile.loss == "categorical_crossentropy"
    assert (config.compile.optimizer, config.compile.learning_rate, config.compile.decay) == ("adam", 0.001, 0.5)
    assert (config.training.epochs, config.training.batch_size, config.training.batches_per_step) == (400, 4, 2)
    assert config.training.validation_interval == 10


@pytest.mark.feature(73, 75)
def test_the_omnipose_preset_crops_and_scales_as_its_document_says():
    config = Config.preset("omnipose")
    (zoom,) = [step for step in config.augmentation.steps if step.kind == "zoom"]
    assert config.sampling.patch_size == [224, 224]
    assert config.sampling.method == "image"
    assert (zoom.min_factor, zoom.max_factor, zoom.probability) == (0.5, 1.5, 1)


def test_an_unknown_preset_is_answered_with_the_nearest():
    with pytest.raises(UserError, match="Did you mean epyseg"):
        Config.preset("epysg")


def test_a_strength_replaces_the_list_and_editing_the_list_makes_it_custom(tmp_path):
    config = Config()
    config.augmentation.strength = "standard"
    assert config.augmentation.steps == STRENGTHS["standard"]
    config.augmentation.steps = [{"kind": "flip"}]
    assert config.augmentation.strength == "custom"
    config.augmentation.strength = "strong"
    config.augmentation.steps.append(TRANSFORMS["blur"]())
    assert config.validated().augmentation.strength == "custom"
    assert Config.load(config.save(tmp_path / "config.json")).augmentation.strength == "custom"
    config.augmentation.strength = "standard"
    config.augmentation.steps[1].degrees = 20
    assert config.validated().augmentation.strength == "custom"
    config.augmentation.strength = "none"
    assert config.augmentation.steps == []


@pytest.mark.feature(60)
def test_relative_paths_are_relative_to_the_file_of_the_config(tmp_path, monkeypatch):
    (tmp_path / "project").mkdir()
    values = {"data": {"datasets": [{"images": "raw", "labels": "truth"}]}}
    (tmp_path / "project" / "config.json").write_text(json.dumps(values))
    config = Config.load(tmp_path / "project" / "config.json")
    assert config.resolve(config.data.datasets[0].images) == tmp_path / "project" / "raw"
    monkeypatch.chdir(tmp_path)
    assert Config().resolve("raw") == tmp_path / "raw"


def test_saving_elsewhere_keeps_paths_that_lead_somewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "raw").mkdir()
    config = Config(data={"datasets": [{"images": "raw", "labels": "not_there"}]})
    loaded = Config.load(config.save(tmp_path / "deep" / "config.json"))
    assert loaded.resolve(loaded.data.datasets[0].images) == tmp_path / "raw"
    assert loaded.data.datasets[0].labels == "not_there"
    assert config.data.datasets[0].images == "raw"


def test_a_path_object_is_as_good_as_text():
    config = Config(data={"datasets": [{"images": Path("a"), "labels": Path("b")}]})
    assert config.data.datasets[0].images == os.fspath(Path("a"))


@pytest.mark.parametrize(
    ("text", "message"), [("{", "line 1"), ("[]", "not a group of settings"), (None, "no such file")]
)
def test_a_broken_file_of_settings_is_refused_with_its_name(text, message, tmp_path):
    path = tmp_path / "mine.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        Config.load(path)
    assert "mine.json" in str(caught.value)


def _after(first: str, second: str) -> Config:
    """Preset `second`, chosen where `first` was chosen before and nothing was edited."""
    config = Config.preset(second)
    config.take_data_of(Config.preset(first), Config.preset(first))
    return config


@pytest.mark.parametrize("first", presets())
def test_a_preset_leaves_nothing_behind_in_the_next(first):
    for second in presets():
        assert _after(first, second) == Config.preset(second), second


def test_what_the_user_set_stays_from_preset_to_preset():
    base = Config.preset("epyseg")
    mine = Config.preset("epyseg")
    mine.update(
        data={"datasets": [{"images": "a", "labels": "b"}], "validation_fraction": 0.3, "ignore_value": 255},
        task={"class_names": ["axon", "myelin"]},
        training={"max_minutes": 5, "device": "cpu", "epochs": 7},
        output={"root": "elsewhere", "name": "mine"},
    )
    for name in ("omnipose", "semantic_2d", "plantbio_instance_2d"):
        after = Config.preset(name)
        after.take_data_of(mine, base)

        assert after.data == mine.data
        assert after.output == mine.output
        assert after.task.class_names == ["axon", "myelin"]
        assert (after.training.max_minutes, after.training.device) == (5, "cpu")
        # how to train is what a preset is about
        assert after.training.epochs == Config.preset(name).training.epochs
        mine, base = after, Config.preset(name)


def test_a_transform_is_read_with_the_names_that_its_settings_had(tmp_path):
    zoom = {"kind": "zoom", "lowest": 0.67, "highest": 1.5, "per_axis": False, "probability": 1.0}
    steps = [step.model_dump() if step.kind != "zoom" else zoom for step in STRENGTHS["strong"]]
    (tmp_path / "old.json").write_text(json.dumps({"augmentation": {"strength": "strong", "steps": steps}}))
    with pytest.warns(DeprecationWarning, match="lowest is the old name of augmentation.steps.min_factor"):
        config = Config.load(tmp_path / "old.json")
    assert config.augmentation.strength == "strong"
    assert config.augmentation.steps == STRENGTHS["strong"]


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("training.batch_size", "auto2", "'auto2' is not a whole number. Give a whole number, or auto."),
        ("model.anisotropic_levels", "many", "'many' is not a whole number. Give a whole number, or auto."),
        ("compile.metrics", "dice", '"other"], or auto.'),
        ("training.seed", "x", "'x' is not a whole number. Give a whole number."),
        ("training.batch_size", -1, "-1 is too small. Give 1 or more."),
    ],
)
def test_a_wrong_value_is_told_of_auto_where_there_is_one(path, value, words):
    with pytest.raises(UserError) as told:
        Config.preset("binary_2d").set(path, value)
    assert str(told.value).startswith(f"{path}: ") and str(told.value).endswith(words)
