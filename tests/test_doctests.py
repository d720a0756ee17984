"""The examples in docstrings are right."""

import doctest
import importlib
from pathlib import Path

import pytest

import nbtrainer

PACKAGE = Path(nbtrainer.__file__).parent
MODULES = sorted(
    "nbtrainer." + ".".join(file.relative_to(PACKAGE).with_suffix("").parts)
    for file in PACKAGE.rglob("*.py")
    if ">>>" in file.read_text(encoding="utf-8")
)


def test_labels_metrics_and_the_public_names_have_examples():
    packages = {name.split(".")[1] for name in MODULES}
    assert {"labels", "metrics", "api", "config"} <= packages


@pytest.mark.parametrize("name", MODULES)
def test_examples_show_what_comes_out(name):
    module = importlib.import_module(name)
    failed, tried = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert tried > 0 and failed == 0
