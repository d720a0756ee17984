"""The page of losses is that of the catalog."""

import importlib.util
from pathlib import Path

from nbtrainer.catalog import LOSSES

DOCS = Path(__file__).parents[1] / "docs"


def _maker():
    spec = importlib.util.spec_from_file_location("make_losses_page", DOCS / "make_losses_page.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_losses_is_that_of_the_catalog():
    page = (DOCS / "losses.md").read_text(encoding="utf-8")
    assert page == _maker().page(), "run python docs/make_losses_page.py"


def test_every_loss_is_on_the_page_with_its_source():
    page = (DOCS / "losses.md").read_text(encoding="utf-8")
    assert all(f"| `{name}`<br>" in page and entry.source in page for name, entry in LOSSES.items())
