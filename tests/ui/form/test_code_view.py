"""The code of the form makes the same settings again."""

import json

import pytest

from nbtrainer.config import Config
from nbtrainer.ui.form.code_view import as_json, as_python


def run(code):
    lines = [line for line in code.splitlines() if not line.startswith("run =")]
    names = {}
    exec("\n".join(lines), names)
    return names["config"]


@pytest.mark.parametrize("preset", ["", "binary_2d", "epyseg"])
def test_the_python_lines_make_the_same_config(preset):
    config = Config.preset(preset) if preset else Config()
    config.data.datasets = [{"images": "a/b", "labels": "c"}]
    config.training.epochs = 7
    config.augmentation.strength = "light"
    config.compile.metrics = ["iou"]

    code = as_python(config, preset)

    assert run(code) == config
    assert "config.training.epochs = 7" in code


def test_an_own_list_of_augmentation_steps_is_written_out():
    config = Config.preset("binary_2d")
    config.augmentation.steps = [{"kind": "flip", "probability": 0.25}]

    assert run(as_python(config, "binary_2d")) == config


def test_an_unchanged_preset_is_one_line():
    code = as_python(Config.preset("epyseg"), "epyseg")

    assert code.count("config.") == 0
    assert "nbt.Config.preset('epyseg')" in code


def test_the_json_is_complete():
    assert Config(**json.loads(as_json(Config.preset("epyseg")))) == Config.preset("epyseg")
