"""The settings of a task follow its kind, and none is lost."""

import pytest

from nbtrainer.config import Config
from nbtrainer.config.describe import settings
from nbtrainer.errors import UserError


def test_the_kind_decides_which_settings_a_task_has():
    config = Config()
    assert "threshold" in config.model_dump()["task"] and "class_names" not in config.model_dump()["task"]
    config.task.kind = "semantic"
    assert "class_names" in config.model_dump()["task"] and "threshold" not in config.model_dump()["task"]
    with pytest.raises(UserError, match="none or auto"):
        config.task.class_weights = "some"


def test_there_and_back_loses_no_value():
    config = Config(task={"kind": "instance_contour", "contour_width": 4, "threshold": 0.3})
    for kind in ("semantic", "instance_flow", "unsupervised", "instance_contour"):
        config.task.kind = kind
    assert config.task.contour_width == 4 and config.task.threshold == 0.3


def test_a_setting_that_kinds_share_goes_along():
    config = Config(task={"threshold": 0.3})
    config.task.kind = "instance_contour"
    assert config.task.threshold == 0.3


def test_a_setting_of_another_kind_may_be_given_first():
    config = Config()
    config.task.contour_width = 3
    assert config.task.contour_width == 3
    config.task.kind = "instance_contour"
    assert config.task.contour_width == 3 and config.model_dump()["task"]["contour_width"] == 3


def test_settings_of_other_kinds_are_saved_and_loaded(tmp_path):
    config = Config(task={"contour_width": 3, "class_names": ["axon"]})
    loaded = Config.load(config.save(tmp_path / "config.json"))
    assert loaded == config and loaded.task.other_kinds == {
        "semantic": {"class_names": ["axon"]},
        "instance_contour": {"contour_width": 3},
    }
    loaded.task.kind = "semantic"
    assert loaded.task.class_names == ["axon"]


def test_a_wrong_value_of_another_kind_is_refused():
    with pytest.raises(UserError, match=r"task\.contour_width"):
        Config(task={"contour_width": "wide"})


def test_a_wrong_name_is_answered_with_the_nearest_of_any_kind():
    with pytest.raises(UserError, match=r"Did you mean task\.contour_width\?"):
        Config().task.contour_widht = 3


def test_rows_say_which_kinds_have_a_setting():
    kinds = {row.path: row.kinds for row in settings() if row.section == "task"}
    assert kinds["task.kind"] == () and kinds["task.class_names"] == ("semantic",)
    assert kinds["task.threshold"] == ("binary", "instance_contour", "unsupervised")
