"""The page of losses is that of the catalog."""

from nbtrainer.catalog import LOSSES
from tests.doc_pages import DOCS, maker


def test_the_page_of_losses_is_that_of_the_catalog():
    page = (DOCS / "losses.md").read_text(encoding="utf-8")
    assert page == maker("make_losses_page").page(), "run python docs/make_losses_page.py"


def test_every_loss_is_on_the_page_with_its_source():
    page = (DOCS / "losses.md").read_text(encoding="utf-8")
    assert all(f"| `{name}`<br>" in page and entry.source in page for name, entry in LOSSES.items())
