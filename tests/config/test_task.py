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


def test_two_kinds_may_each_have_a_setting_of_one_name():
    config = Config(task={"kind": "instance_flow", "decoder": "points"})
    config.task.kind = "instance_contour"
    assert config.task.decoder == "auto"
    config.task.decoder = "mutex_watershed"
    config.task.kind = "instance_flow"
    assert config.task.decoder == "points"
    with pytest.raises(UserError, match=r"task\.decoder: .*'mutex_watershed'.*join"):
        config.task.decoder = "mutex_watershed"


def test_a_value_that_only_one_of_these_kinds_takes_is_meant_for_it():
    config = Config(task={"decoder": "points"})
    config.task.kind = "instance_flow"
    assert config.task.decoder == "points"
    with pytest.raises(UserError, match=r"task\.decoder"):
        Config(task={"decoder": "nothing of the kind"})


@pytest.mark.parametrize(("old", "new"), [("cell", "yes"), ("background", "no"), ("auto", "auto")])
def test_what_without_seed_was_called_before(tmp_path, old, new):
    (tmp_path / "config.json").write_text(
        f'{{"task": {{"kind": "epyseg", "without_seed": "{old}", "surest_above": 0.8}}}}'
    )
    with pytest.warns(UserWarning, match=r"task\.without_seed is task\.keep_unseeded"):
        config = Config.load(tmp_path)
    assert config.task.keep_unseeded == new
    config.task.kind = "unsupervised"
    assert config.task.seed_threshold == 0.8
    config.task.kind = "instance_contour"
    assert config.task.keep_unseeded is False and config.task.seed_threshold == 0.5


def test_a_flat_file_of_before_holds_the_settings_of_all_kinds(tmp_path):
    flat = '{"kind": "binary", "decoder": "bcd_watershed", "decode_by": "points", "seed_threshold": 0.7, "surest_above": 0.8}'
    (tmp_path / "config.json").write_text(f'{{"task": {flat}}}')
    with pytest.warns(UserWarning, match="new names"):
        config = Config.load(tmp_path)
    values = {}
    for kind in ("instance_contour", "instance_flow", "epyseg", "unsupervised"):
        config.task.kind = kind
        values[kind] = (
            getattr(config.task, "decoder", None) if "instance" in kind else None,
            getattr(config.task, "seed_threshold", None) if kind != "instance_flow" else None,
        )
    assert values == {
        "instance_contour": ("bcd_watershed", 0.7),
        "instance_flow": ("points", None),
        "epyseg": (None, 0.7),
        "unsupervised": (None, 0.8),
    }


def test_an_old_name_of_another_kind_says_which_kind_is_meant():
    task = Config(task={"kind": "instance_contour"}).task
    with pytest.warns(DeprecationWarning, match=r"task\.decode_by is the old name of task\.decoder of instance_flow"):
        assert task.decode_by == "join"
    assert task.decoder == "auto"
    with pytest.warns(DeprecationWarning, match=r"old name of task\.decoder of instance_flow"):
        task.decode_by = "points"
    assert task.decoder == "auto" and task.value_for("instance_flow", name="decoder") == "points"


def test_a_setting_of_several_other_kinds_reads_back_as_the_one_that_was_given():
    config = Config.preset("binary_2d")
    config.set("task.decoder", "join")
    assert config.task.decoder == "join"
