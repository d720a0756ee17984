"""Who calls `flush`: a thread of the kernel where that reaches the page, else a heartbeat from the page itself."""

from __future__ import annotations

import importlib
import os
import sys
import threading
from collections.abc import Callable
from typing import Any, Protocol

import ipywidgets as w

SECONDS = 0.25  # four times a second: faster, and the page falls behind without a word
_BETWEEN = 0.05  # and so long at least, however much news there is
_LONGEST_TICK = 10.0  # seconds; what takes longer hangs, and is not waited for


class RefreshLoop(Protocol):
    """Calls a function a few times a second between `start` and `stop`."""

    widget: w.Widget | None

    def start(self) -> None:
        """Begin, if it does not run yet."""

    def stop(self) -> None:
        """End; may be called from within the function itself."""

    def close(self) -> None:
        """End for good; returns when the function, if it is just being called, has returned."""

    def hurry(self) -> None:
        """There is news: call the function as soon as the page can take it."""


def driver(tick: Callable[[], None], kind: str = "") -> RefreshLoop:
    """The driver for this front end; `kind` or `NBTRAINER_FRONTEND` (`timer`, `heartbeat`) overrides the guess.

    In Colab, what a thread of the kernel sends does not reach the page (colabtools issue 3373), but answers to the page do.
    """
    kind = (
        kind or os.environ.get("NBTRAINER_FRONTEND", "") or ("heartbeat" if "google.colab" in sys.modules else "timer")
    )
    return Heartbeat(tick) if kind == "heartbeat" else Timer(tick)


def prepare() -> None:
    """Ask Colab for widgets that are not its own (the curves); elsewhere there is nothing to ask."""
    if "google.colab" in sys.modules:
        importlib.import_module("google.colab").output.enable_custom_widget_manager()


class Timer:
    """Ticks in a thread of the kernel."""

    def __init__(self, tick: Callable[[], None]) -> None:
        self.widget: w.Widget | None = None
        self._tick = tick
        self._lock = threading.Lock()
        self._stop: threading.Event | None = None
        self._thread: threading.Thread | None = None
        self._news = threading.Event()

    def start(self) -> None:
        with self._lock:
            if self._stop is None:
                self._stop = threading.Event()
                self._thread = threading.Thread(
                    target=self._loop, args=(self._stop,), name="nbtrainer-display", daemon=True
                )
                self._thread.start()

    def stop(self) -> None:
        with self._lock:
            if self._stop is not None:
                self._stop.set()
                self._stop = None

    def close(self) -> None:
        self.stop()
        self._news.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(_LONGEST_TICK)

    def hurry(self) -> None:
        self._news.set()

    def _loop(self, stop: threading.Event) -> None:
        while not stop.wait(_BETWEEN):
            self._news.wait(SECONDS - _BETWEEN)
            self._news.clear()
            if not stop.is_set():
                self._tick()


class Heartbeat:
    """Ticks in the page: a tiny widget sends a message, and the answer carries the news. Nothing ticks when nobody looks."""

    def __init__(self, tick: Callable[[], None]) -> None:
        self._widget = _create_widget()
        self.widget: w.Widget | None = self._widget
        self._widget.on_msg(lambda *_: tick())

    def start(self) -> None:
        self._widget.beating = True

    def stop(self) -> None:
        self._widget.beating = False

    def close(self) -> None:
        self.stop()

    def hurry(self) -> None:
        """The page asks when it asks."""


def _create_widget() -> Any:
    import anywidget  # only Colab needs it
    import traitlets

    class TickWidget(anywidget.AnyWidget):
        _esm = f"""
        export default {{ render({{ model }}) {{
          const tick = () => {{ if (model.get("beating")) model.send("tick"); }};
          const timer = setInterval(tick, {int(SECONDS * 1000)});
          return () => clearInterval(timer);
        }} }};
        """
        beating = traitlets.Bool(False).tag(sync=True)

    return TickWidget()
