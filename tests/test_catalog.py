import ast
from pathlib import Path

import pytest

import nbtrainer
from nbtrainer import catalog
from nbtrainer.catalog import TASKS

CATALOGS = [catalog.LOSSES, catalog.METRICS, catalog.NETWORKS, catalog.OPTIMIZERS, catalog.SCHEDULES, catalog.TASKS]


@pytest.mark.parametrize(("menu", "name"), [(menu, name) for menu in CATALOGS for name in menu])
def test_every_entry_of_a_catalog_leads_to_something(menu, name):
    assert callable(menu.load(name))
    assert menu[name].help


def test_kinds_of_segmentation_are_named_in_their_own_files_only():
    """Elsewhere their traits and attributes are asked for, so that a new kind is its files and its line in the catalog."""
    package = Path(nbtrainer.__file__).parent
    own = ("tasks/", "config/task/", "catalog/tasks.py", "ui/icons.py")
    named = set()
    for file in package.rglob("*.py"):
        place = file.relative_to(package).as_posix()
        if not place.startswith(own):
            texts = (node.value for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Constant))
            named |= {f"{place}: {text}" for text in texts if isinstance(text, str) and text in TASKS}
    assert not named
