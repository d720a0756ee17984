"""A classic notebook server (Notebook 6, the widgets of Colab) of its own for a test."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from lab import free_port, wait_for_server

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
    home.mkdir(parents=True, exist_ok=True)
    port = free_port()
    environment = os.environ | {
        "HOME": str(home),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "IPYTHONDIR": str(home / "ipython"),
    }
    # open to everybody, but on the loopback only and for the length of a test
    flags = [
        "--no-browser",
        "--allow-root",
        "--ip=127.0.0.1",
        f"--port={port}",
        "--NotebookApp.token=",
        "--NotebookApp.password=",
        f"--notebook-dir={folder}",
    ]
    with (home / "server.log").open("wb") as log:
        command = [sys.executable, "-m", "notebook", *flags]
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for_server(f"{address}/api/status", server, home / "server.log")
            yield address
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()


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
