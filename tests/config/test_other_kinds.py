"""What a settings file says of other kinds of segmentation than the chosen one."""

import json

import pytest

from nbtrainer.config import Config
from nbtrainer.errors import UserError


@pytest.mark.parametrize(
    ("other_kinds", "message"),
    [
        ({"instance_contuor": {"contour_width": 3}}, "'instance_contuor' is unknown. Did you mean instance_contour"),
        ({"instance_contour": 3}, "task.other_kinds.instance_contour: 3 is not a group of settings"),
        ([3], r"task.other_kinds: \[3\] is not a group of settings"),
    ],
)
def test_what_cannot_be_read_is_told_in_a_sentence(tmp_path, other_kinds, message):
    task = {"kind": "binary", "other_kinds": other_kinds}
    (tmp_path / "config.json").write_text(json.dumps({"task": task}))
    with pytest.raises(UserError, match=message):
        Config.load(tmp_path)
    with pytest.raises(UserError, match=message):
        Config(task=task)
    with pytest.raises(UserError, match=message):
        Config().task.other_kinds = other_kinds


def test_they_come_back_when_that_kind_is_chosen(tmp_path):
    config = Config()
    config.update(task={"contour_width": 3, "kind": "semantic"})
    loaded = Config.load(config.save(tmp_path / "config.json"))
    assert loaded.model_dump()["task"]["other_kinds"] == {"instance_contour": {"contour_width": 3}}
    loaded.task.kind = "instance_contour"
    assert loaded.task.contour_width == 3 and "other_kinds" not in loaded.model_dump()["task"]
