"""Errors of callbacks, shown in the page: without this they vanish in the kernel's log."""

from __future__ import annotations

import functools
import html
import traceback
from collections.abc import Callable
from typing import Any

import ipywidgets as w

from nbtrainer.ui.widgets import create, set_visible


class Errors:
    """A line that is hidden until something breaks."""

    def __init__(self) -> None:
        self.text_line = create(w.HTML)
        self._close = create(w.Button, description="Dismiss", classes=("nbt-link",))
        self.box = create(
            w.VBox, children=[self.text_line, self._close], layout=w.Layout(display="none", padding="6px 10px")
        )
        self._close.on_click(lambda _: set_visible(self.box, False))

    def guard(self, callback: Callable[..., Any]) -> Callable[..., None]:
        """`callback`, whose errors are shown in the page."""

        @functools.wraps(callback)
        def guarded(*arguments: Any) -> None:
            try:
                callback(*arguments)
            except Exception as error:  # whatever it is, the person in front of the page must see it
                self.show(error)

        return guarded

    def show(self, error: BaseException) -> None:
        """Say what happened; the traceback is one press away."""
        details = html.escape("".join(traceback.format_exception(error)))
        message = html.escape(f"{type(error).__name__}: {error}")
        self.text_line.value = (
            f'<div role="alert"><span class="nbt-wrong">✕ Something in nbtrainer broke: {message}</span>'
            f'<details><summary>Details, for a report</summary><pre class="nbt-code">{details}</pre></details></div>'
        )
        set_visible(self.box, True)
