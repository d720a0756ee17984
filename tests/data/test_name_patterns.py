import pytest

import nbtrainer as nbt
from nbtrainer.data import name_patterns as patterns
from nbtrainer.data.name_patterns import find_in_names
from nbtrainer.errors import UserError


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (r"mouse\d+", ["mouse1", "mouse22", None]),
        (r"mouse(\d+)", ["1", "22", None]),
        (r"(mouse|m)+(\d+)", ["mouse", "mouse", None]),
        (r".*_.*_.*_.*(t)", [None, "t", None]),
        (r"[)+*]*m", ["m", "m", None]),
    ],
)
def test_what_an_expression_finds_does_not_depend_on_how_it_is_looked_for(monkeypatch, pattern, expected):
    names = ["mouse1.tif", "a_b_c_mouse22.tif", "none of it"]
    assert find_in_names(pattern, names, "here") == expected
    patterns._found.cache_clear()
    monkeypatch.setattr(patterns, "_ends_soon", lambda pattern: False)
    assert find_in_names(pattern, names, "here") == expected


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "(.*a){25}$", "a*a*a*a*a*a*a*a*a*a*b"])
def test_an_expression_that_never_ends_is_refused(monkeypatch, pattern):
    monkeypatch.setattr(patterns, "_MOST_SECONDS", 0.3)
    with pytest.raises(UserError, match=r"data\.split_groups: .* may never end"):
        find_in_names(pattern, ["a" * 200 + "!"], "data.split_groups")


def test_it_is_a_finding_of_the_check_and_the_images_are_looked_at(monkeypatch, small_config, write_pairs):
    monkeypatch.setattr(patterns, "_MOST_SECONDS", 0.3)
    small_config.data.split_groups = r"(\w+)+!"
    folder = write_pairs(name="a")["images"]
    for number in range(3):
        (nbt.Config().resolve(folder) / f"img_{number}.tif").rename(f"{folder}/img_{'a' * 60}{number}.tif")
    small_config.data.datasets[0].images = folder
    findings = nbt.check(small_config)
    assert "data.split_groups" in {finding.where for finding in findings if finding.level == "error"}


@pytest.mark.parametrize("pattern", ["(", "(" * 5000, "a{99999999999}"])
def test_an_expression_that_is_none_is_refused_by_its_setting(small_config, pattern):
    with pytest.raises(UserError, match="no regular expression"):
        small_config.data.split_groups = pattern
