import json

import pytest

from nbtrainer.config import Config
from nbtrainer.config.describe import settings
from nbtrainer.config.section import metadata_of

MENUS = [
    (name, setting, info.default, {"kind": kinds[0]} if kinds else {})
    for name, section in Config.model_fields.items()
    for setting, info, kinds in section.annotation.declarations()
    if info.annotation is str and metadata_of(info).choices and "auto" not in metadata_of(info).choices
]


def test_there_are_such_menus():
    assert len(MENUS) > 10
    assert {f"{name}.{setting}" for name, setting, _, _ in MENUS} <= {row.path for row in settings(Config)}


@pytest.mark.parametrize(("name", "setting", "default", "kind"), MENUS)
def test_a_file_of_an_earlier_version_may_say_auto_in_any_menu(tmp_path, name, setting, default, kind):
    (tmp_path / "config.json").write_text(json.dumps({name: kind | {setting: "auto"}}))
    with pytest.warns(UserWarning, match=f"{name}.{setting}: auto is none of its choices; {default} is taken"):
        config = Config.load(tmp_path)
    assert getattr(getattr(config, name), setting) == default


def test_where_auto_is_a_choice_it_stays(tmp_path, recwarn):
    (tmp_path / "config.json").write_text(json.dumps({"training": {"device": "auto"}, "compile": {"loss": "auto"}}))
    assert Config.load(tmp_path).compile.loss == "auto"
    assert not recwarn.list


OLD = [
    (path, old, each.name, {"kind": each.kinds[0]} if each.kinds else {})
    for path, section in Config.model_fields.items()
    for each in section.annotation.declarations()
    for old in metadata_of(each.info).old_names
]


@pytest.mark.parametrize(("section", "old", "new", "kind"), OLD)
def test_a_setting_is_understood_under_its_old_name(tmp_path, section, old, new, kind):
    value = getattr(getattr(Config(**{section: kind}), section), new)
    (tmp_path / "config.json").write_text(json.dumps({section: kind | {old: value}}))
    with pytest.warns(UserWarning, match=f"{section}.{old} is {section}.{new}"):
        assert getattr(getattr(Config.load(tmp_path), section), new) == value
    config = Config(**{section: kind})
    with pytest.warns(DeprecationWarning, match=f"{section}.{old} is the old name of {section}.{new}"):
        setattr(getattr(config, section), old, value)
    with pytest.warns(DeprecationWarning, match="old name"):
        assert getattr(getattr(config, section), old) == value
    config.set(f"{section}.{old}", value)
    assert getattr(getattr(config, section), new) == value


def test_there_are_renamed_settings():
    assert {"least_foreground", "smallest_part", "flat_levels"} <= {old for _, old, _, _ in OLD}
