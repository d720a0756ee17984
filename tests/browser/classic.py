"""A classic notebook server (Notebook 6, the widgets of Colab) of its own for a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from lab import serve

if TYPE_CHECKING:
    from playwright.sync_api import Page


def is_installed() -> bool:
    """Whether the notebook of this environment is the classic one."""
    try:
        return int(version("notebook").split(".")[0]) < 7
    except PackageNotFoundError:
        return False


@contextmanager
def serve_classic(folder: Path, home: Path) -> Iterator[str]:
    """The classic notebook on `folder`; gives its address."""
    flags = ["--NotebookApp.token=", "--NotebookApp.password=", f"--notebook-dir={folder}"]
    with serve("notebook", flags, home) as address:
        yield address


def wait_until_connected(page: Page) -> None:
    """Wait until the page's notebook has a kernel that answers."""
    page.wait_for_function(
        "window.Jupyter && Jupyter.notebook && Jupyter.notebook._fully_loaded"
        " && Jupyter.notebook.kernel && Jupyter.notebook.kernel.is_connected() && Jupyter.notebook.kernel.info_reply.status"
    )


def run_all(page: Page) -> None:
    """Run all cells."""
    page.evaluate("Jupyter.notebook.execute_all_cells()")


def run_last(page: Page) -> None:
    """Run the last cell again."""
    page.evaluate("Jupyter.notebook.execute_cells([Jupyter.notebook.ncells() - 1])")
