"""Names of earlier versions stay for one release."""

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
