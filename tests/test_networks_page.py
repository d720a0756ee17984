"""The page of the networks is that of the catalog."""

import importlib.util
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def test_the_page_of_networks_is_that_of_the_code():
    spec = importlib.util.spec_from_file_location("make_networks_page", DOCS / "make_networks_page.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (DOCS / "networks.md").read_text(encoding="utf-8") == module.page(), "run python docs/make_networks_page.py"
