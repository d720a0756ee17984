"""The page of the public names is that of the code."""

import nbtrainer as nbt
from tests.doc_pages import DOCS, maker


def test_the_page_of_public_names_is_that_of_the_code():
    page = (DOCS / "api.md").read_text(encoding="utf-8")
    assert page == maker("make_api_page").page(), "run python docs/make_api_page.py"


def test_every_public_name_is_on_the_page():
    page = (DOCS / "api.md").read_text(encoding="utf-8")
    assert all(f"`nbt.{name}" in page for name in nbt.__all__ if not name.startswith("_"))
