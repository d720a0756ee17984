from pathlib import Path

import pytest

from nbtrainer.config import TRANSFORMS, Config
from nbtrainer.config.describe import reference_page, settings

ROWS = settings()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.path)
def test_every_setting_has_a_title_a_help_and_a_default_that_is_valid(row):
    assert row.title
    assert len(row.help) > 10
    section, _, name = row.path.partition(".")
    config = Config()
    if row.kinds:
        config.task.kind = row.kinds[0]
    setattr(getattr(config, section), name, row.default)
    assert getattr(getattr(config, section), name) == row.default


def test_rows_cover_every_field():
    declared = {
        f"{section}.{name}"
        for section in Config.model_fields
        for name, _, _ in type(getattr(Config(), section)).declarations()
    }
    assert {row.path for row in ROWS} == declared


def test_every_bound_is_the_one_that_refuses():
    config = Config()
    for row in ROWS:
        if row.kind in ("int", "float") and row.maximum is not None:
            section, _, name = row.path.partition(".")
            setattr(getattr(config, section), name, row.maximum)


@pytest.mark.feature(145)
def test_the_reference_page_links_to_the_reference_of_every_loss_that_has_one():
    row = next(row for row in ROWS if row.path == "compile.loss")
    page = reference_page()
    assert set(row.choice_source) >= {"dice", "focal", "dice_focal", "generalized_dice", "dice_ce", "tversky"}
    for name, source in row.choice_source.items():
        address = source[source.index("https://") :].partition(";")[0]
        assert f"[{name}]({address})" in page


def test_the_reference_page_in_the_docs_is_the_one_of_these_settings():
    page = Path(__file__).parents[2] / "docs" / "settings.md"
    assert page.read_text(encoding="utf-8") == reference_page() + "\n", (
        "run python -m nbtrainer.config.describe > docs/settings.md"
    )


def test_the_help_of_each_change_says_whether_thin_outlines_survive_it_and_whether_it_is_for_volumes():
    helps = next(row.entry_helps for row in ROWS if row.path == "augmentation.steps")
    for kind, step in TRANSFORMS.items():
        assert ("Safe for outlines one pixel wide." in helps[kind]) == step.is_safe, kind
        assert ("Only for volumes." in helps[kind]) == (step.dims == (3,)), kind
    assert {kind for kind, step in TRANSFORMS.items() if not step.is_safe} >= {"rotate", "zoom", "shear", "elastic"}
    assert all(TRANSFORMS[kind].is_safe for kind in ("none", "flip", "rotate90", "invert", "noise", "blur"))


@pytest.mark.parametrize("kind", TRANSFORMS)
def test_every_setting_of_a_change_has_a_title_and_a_help(kind):
    rows = next(row.entries for row in ROWS if row.path == "augmentation.steps")[kind]
    assert rows and all(row.title and len(row.help) > 5 for row in rows)
    assert len({row.name for row in rows}) == len(rows)
