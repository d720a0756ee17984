"""Widgets are made in one place, which refuses what this version of the library would swallow."""

import re
from pathlib import Path

import ipywidgets as w
import pytest

import nbtrainer.ui
from nbtrainer.ui.widgets import create

SOURCES = sorted(Path(nbtrainer.ui.__file__).parent.rglob("*.py"))


def test_an_unknown_trait_is_refused():
    with pytest.raises(TypeError, match="Box has no trait gap"):
        create(w.Box, gap="4px")


def test_a_tooltip_lands_where_this_version_keeps_it():
    button = create(w.Button, tooltip="press")

    assert button.tooltip == "press"


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_every_widget_of_the_form_is_made_by_make(source):
    made = re.findall(r"\b(?:w|bqplot)\.([A-Z]\w+)\(", source.read_text(encoding="utf-8"))

    assert set(made) <= {"Layout"}


def test_layouts_use_names_that_every_version_knows():
    used = {
        name
        for source in SOURCES
        for call in re.findall(r"Layout\(([^)]*)", source.read_text(encoding="utf-8"))
        for name in re.findall(r"(\w+)=", call)
    }

    assert used <= set(w.Layout.class_trait_names())
    assert used
    assert "gap" not in used


def test_no_colour_stands_outside_the_style_file():
    for source in SOURCES:
        if source.name != "style.py":
            assert not re.search(r"#[0-9A-Fa-f]{6}\b|rgb\(", source.read_text(encoding="utf-8")), source.name
