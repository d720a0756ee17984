"""Names of earlier versions stay for one release."""

import re
import subprocess
import sys

import pytest

import nbtrainer as nbt


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("adjust", "set_thresholds"),
        ("picture", "thumbnail"),
        ("places", "patch_locations"),
        ("variants", "augmented_examples"),
    ],
)
def test_an_old_name_is_the_new_one_with_a_warning(old, new):
    with pytest.warns(DeprecationWarning, match=f"nbtrainer.{old} is the old name of nbtrainer.{new}"):
        assert getattr(nbt, old) is getattr(nbt, new)


@pytest.mark.parametrize(
    ("kind", "section", "old", "value"),
    [("instance_flow", "task", "decode_by", "points"), ("binary", "sampling", "trials", 3)],
)
def test_the_warning_of_an_old_setting_points_to_the_line_that_used_it(kind, section, old, value):
    settings = getattr(nbt.Config(task={"kind": kind}), section)
    with pytest.warns(DeprecationWarning, match=f"{old} is the old name") as assigned:
        setattr(settings, old, value)
    with pytest.warns(DeprecationWarning, match=f"{old} is the old name") as read:
        assert getattr(settings, old) == value
    assert {warning.filename for warning in (*assigned, *read)} == {__file__}


_SCRIPT = """\
import nbtrainer as nbt
config = nbt.Config.preset("instance_flow_2d")
config.set("task.decode_by", "points")
config.update(sampling={"trials": 3})
nbt.Config(task={"kind": "instance_flow", "least_depth": 2})
config.task.smallest_object
nbt.adjust
"""


def test_a_script_is_warned_of_old_names_at_its_own_lines(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(_SCRIPT)
    result = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    lines = re.findall(r"script.py:(\d+): DeprecationWarning: (?:nbtrainer|task|sampling)\.(\w+) is", result.stderr)
    assert lines == [
        ("3", "decode_by"),
        ("4", "trials"),
        ("5", "least_depth"),
        ("6", "smallest_object"),
        ("7", "adjust"),
    ]


def test_the_command_line_says_that_a_name_is_old(tmp_path):
    arguments = ["check", "instance_flow_2d", "task.decode_by=points"]
    result = subprocess.run([sys.executable, "-m", "nbtrainer", *arguments], capture_output=True, text=True)
    assert "warning: task.decode_by is the old name of task.decoder" in result.stderr
