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
