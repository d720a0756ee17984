"""The page of the public names is that of the code."""

import importlib.util
from pathlib import Path

import nbtrainer as nbt

DOCS = Path(__file__).parents[1] / "docs"


def _maker():
    spec = importlib.util.spec_from_file_location("make_api_page", DOCS / "make_api_page.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_public_names_is_that_of_the_code():
    page = (DOCS / "api.md").read_text(encoding="utf-8")
    assert page == _maker().page(), "run python docs/make_api_page.py"


def test_every_public_name_is_on_the_page():
    page = (DOCS / "api.md").read_text(encoding="utf-8")
    assert all(f"`nbt.{name}" in page for name in nbt.__all__ if not name.startswith("_"))
