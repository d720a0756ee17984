"""The page of the networks is that of the catalog."""

from tests.doc_pages import DOCS, maker


def test_the_page_of_networks_is_that_of_the_code():
    page = (DOCS / "networks.md").read_text(encoding="utf-8")
    assert page == maker("make_networks_page").page(), "run python docs/make_networks_page.py"
