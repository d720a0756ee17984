"""A JupyterLab for the tests: free port, own settings, closed at the end."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page


@contextmanager
def serving(folder: Path, home: Path, theme: str = "JupyterLab Light") -> Iterator[str]:
    """JupyterLab on `folder`; gives its address."""
    folder.mkdir(parents=True, exist_ok=True)
    write_settings(home, theme)
    flags = [
        "--IdentityProvider.token=",
        "--ServerApp.password=",
        "--ServerApp.disable_check_xsrf=True",
        f"--ServerApp.root_dir={folder}",
        "--LabApp.news_url=",
    ]
    with serve("jupyterlab", flags, home) as address:
        yield address


@contextmanager
def serve(module: str, flags: Sequence[str], home: Path) -> Iterator[str]:
    """A server of notebooks (`python -m module`) with settings of its own in `home`; gives its address."""
    home.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    environment = os.environ | {
        "HOME": str(home),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "IPYTHONDIR": str(home / "ipython"),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    # open to everybody, but on the loopback only and for the length of a test
    flags = ["--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}", *flags]
    with (home / "server.log").open("wb") as log:
        command = [sys.executable, "-m", module, *flags]
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for_server(f"{address}/api/status", server, home / "server.log")
            yield address
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()


def write_settings(home: Path, theme: str) -> None:
    """No news, no pop-ups, no completion: nothing that covers the page."""
    folder = home / "settings" / "@jupyterlab"
    settings = {
        "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True},
        "apputils-extension/themes": {"theme": theme},
    }
    for name, values in settings.items():
        file = folder / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))
    disabled = home / "config" / "labconfig" / "page_config.json"
    disabled.parent.mkdir(parents=True, exist_ok=True)
    names = ["@jupyterlab/apputils-extension:announcements"]
    disabled.write_text(json.dumps({"disabledExtensions": dict.fromkeys(names, True)}))


def write_notebook(path: Path, cells: Sequence[str]) -> None:
    """A notebook of cells of code."""
    written = [
        {
            "cell_type": "code",
            "id": f"cell-{number}",
            "execution_count": None,
            "metadata": {},
            "outputs": [],
            "source": cell,
        }
        for number, cell in enumerate(cells)
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = {"cells": written, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(notebook))


def wait_until_idle(page: Page) -> None:
    """Wait until the notebook has a kernel that waits for work."""
    page.locator(".jp-NotebookPanel").wait_for()
    page.locator(".jp-StatusBar-Widget").get_by_text("| Idle").wait_for()


def end_kernels(address: str) -> None:
    """End all kernels of the server, so that nothing that one test began slows another down."""
    with urllib.request.urlopen(f"{address}/api/sessions", timeout=30) as answer:
        sessions = json.load(answer)
    for session in sessions:
        request = urllib.request.Request(f"{address}/api/sessions/{session['id']}", method="DELETE")
        urllib.request.urlopen(request, timeout=30).close()


def menu(page: Page, name: str, entry: str) -> None:
    """Choose an entry of JupyterLab's menu bar."""
    page.locator(f'.lm-MenuBar-itemLabel:text-is("{name}")').click()
    page.locator(f'.lm-Menu-itemLabel:text-is("{entry}")').click()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for_server(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    ends = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            if server.poll() is not None or time.monotonic() > ends:
                raise RuntimeError(f"the server did not start:\n{log.read_text()[-3000:]}") from None
            time.sleep(0.1)
