"""A button, and what it opens: read when it is opened, marked as old after edits, read again by another button."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import ipywidgets as w

from nbtrainer.ui.background import LatestOnly, RunInBackground
from nbtrainer.ui.widgets import Guard, create, set_trait, set_visible, text

T = TypeVar("T")


class Words(NamedTuple):
    """What stands on the button while it is closed and while it is open, its icon and its tooltip."""

    show: str
    hide: str
    icon: str
    tooltip: str


class Disclosure:
    """Shows `children` once something was read; `tools` stand above them, `read` is asked to read."""

    def __init__(
        self,
        words: Words,
        tools: Sequence[w.Widget],
        *,
        children: Sequence[w.Widget],
        read: Callable[[], None],
        work: RunInBackground,
        guard: Guard,
    ) -> None:
        self._words, self._read = words, read
        self._is_open = self._is_filled = False
        self._edits = 0
        self.reading = LatestOnly(work)
        self.open_button = create(w.Button, icon=words.icon, tooltip=words.tooltip)
        self.open_button.on_click(guard(lambda _: self._toggle()))
        self.reload_button = create(
            w.Button, description="Renew", icon="refresh", tooltip="With the settings as they are now"
        )
        self.reload_button.on_click(guard(lambda _: read()))
        self._wide = create(w.ToggleButton, icon="arrows-h", tooltip="Give it the whole width", classes=("nbt-icon",))
        self._wide.observe(guard(lambda _: self._widen()), "value")
        self.stale_note = create(
            w.HTML,
            value=text("▲ Settings have changed since this was drawn.", "nbt-look", "nbt-small"),
            layout=w.Layout(display="none"),
        )
        head = create(w.HBox, children=[self.open_button, self._wide], classes=("nbt-bar-of-tools",))
        bar = create(w.HBox, children=[self.reload_button, *tools], classes=("nbt-bar-of-tools", "nbt-plain"))
        self.body = create(w.VBox, children=[*children], layout=w.Layout(display="none"))
        self.content = create(w.VBox, children=[bar, self.stale_note, self.reading.words, self.body])
        self.box = create(w.VBox, children=[head, self.content], classes=("nbt-drawer",))
        self._show_button()

    def start(self, words: str, task: Callable[[], T], show: Callable[[T], None]) -> None:
        """Do `task` beside the page, `show` what it brings, and open."""

        edits = self._edits

        def fill(result: T) -> None:
            show(result)
            self._is_filled = True
            set_visible(self.stale_note, self._edits != edits)
            set_visible(self.body, True)

        self.reading.start(words, task, fill)

    def mark_stale(self) -> None:
        """Settings have changed: say so, and let the user decide when to read again."""
        self._edits += 1
        set_visible(self.stale_note, self._is_filled)

    def forget(self) -> None:
        """What was read is about other data: close."""
        self.reading.forget()
        self._is_open = self._is_filled = False
        set_visible(self.stale_note, False)
        set_visible(self.body, False)
        self._show_button()

    def _toggle(self) -> None:
        self._is_open = not self._is_open
        self._show_button()
        if self._is_open and not self._is_filled:
            self._read()

    def _show_button(self) -> None:
        set_trait(self.open_button, "description", self._words.hide if self._is_open else self._words.show)
        set_visible(self.content, self._is_open)
        set_visible(self._wide, self._is_open)
        self._widen()

    def _widen(self) -> None:
        is_wide = self._is_open and self._wide.value
        (self.box.add_class if is_wide else self.box.remove_class)("nbt-opened")
