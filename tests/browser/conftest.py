"""A browser and a JupyterLab for the tests; without a browser they are skipped, but on CI they fail."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from lab import end_kernels, serving, wait_until_idle, write_notebook

playwright = pytest.importorskip("playwright.sync_api") if os.environ.get("CI") != "true" else None
if playwright is None:
    import playwright.sync_api as playwright

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
# training, curves and pictures on two slow cores
PATIENCE_MS = 90_000


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "open_notebook" in getattr(item, "fixturenames", ()):
            item.add_marker("jupyterlab")


@pytest.fixture(scope="session")
def browser() -> Iterator[playwright.Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        sentence = "no chromium is on the path: the browser tests need one"
        if os.environ.get("CI") == "true":
            pytest.fail(sentence)
        pytest.skip(sentence)
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def jupyterlab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of a JupyterLab, and the folder that it shows: one for all tests, because it takes a while to start."""
    home = tmp_path_factory.mktemp("jupyterlab")
    with serving(home / "work", home / "home") as address:
        yield address, home / "work"


@pytest.fixture
def open_notebook(
    browser: playwright.Browser, jupyterlab: tuple[str, Path]
) -> Iterator[Callable[..., playwright.Page]]:
    """Opens a copy of a notebook, or a new one with these cells, in a folder and a workspace of its own, at 1,240 pixels.

    Its kernel ends with the test.
    """
    address, work = jupyterlab
    folder = Path(tempfile.mkdtemp(dir=work))
    pages = []

    def open_copy(name: str, cells: Sequence[str] = ()) -> playwright.Page:
        if cells:
            write_notebook(folder / name, cells)
        else:
            shutil.copy(NOTEBOOKS / name, folder / name)
        page = browser.new_page(viewport={"width": 1240, "height": 1600})
        page.set_default_timeout(PATIENCE_MS)
        pages.append(page)
        page.goto(f"{address}/lab/workspaces/{folder.name}/tree/{folder.name}/{name}")
        wait_until_idle(page)
        return page

    yield open_copy
    for page in pages:
        page.close()
    end_kernels(address)
