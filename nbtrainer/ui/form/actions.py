"""The end of the form: Go, Check, Stop, Resume and As code, and in words what is missing."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as w

from nbtrainer.ui.widgets import Guard, create, set_trait, set_visible, text


class Actions:
    """The buttons; `can` tells them what is possible now."""

    def __init__(
        self,
        guard: Guard,
        *,
        go: Callable[[], None],
        check: Callable[[], None],
        stop: Callable[[], None],
        resume: Callable[[], None],
        code: Callable[[], None],
    ) -> None:
        self.go = create(w.Button, description="Go", icon="play")
        self.check = create(w.Button, description="Check", icon="check")
        self.stop = create(w.Button, description="Stop", icon="stop")
        self.resume = create(
            w.Button,
            description="Resume",
            icon="repeat",
            tooltip="Continue this run exactly where it stopped, with its own settings",
        )
        self.as_code = create(w.Button, description="As code", icon="code", tooltip="These settings as Python and JSON")
        pressed_by = {self.go: go, self.check: check, self.stop: stop, self.resume: resume, self.as_code: code}
        for button, pressed in pressed_by.items():
            button.on_click(guard(lambda _, pressed=pressed: pressed()))
        self.hint = create(w.HTML, classes=("nbt-under-actions",))
        gap = create(w.Box, layout=w.Layout(flex="1 1 auto"))
        buttons = [self.go, self.check, self.stop, self.resume, gap, self.as_code]
        row = create(w.HBox, children=buttons, classes=("nbt-actions",))
        self.box = create(w.VBox, children=[row, self.hint])

    def can(self, *, go: str, check: str, stop: str, is_stopping: bool, resume: bool, words: str) -> None:
        """`go`, `check` and `stop`: why the button cannot be pressed now, or empty if it can. `words`: what stands below."""
        set_trait(self.go, "disabled", bool(go))
        set_trait(self.go, "tooltip", go or "Check data and settings, then train")
        set_trait(self.check, "disabled", bool(check))
        set_trait(self.check, "tooltip", check or "Look for mistakes in data and settings; nothing is trained")
        set_trait(self.stop, "disabled", bool(stop))
        set_trait(self.stop, "description", "Stop now" if is_stopping else "Stop")
        set_trait(
            self.stop,
            "tooltip",
            stop or ("Do not wait for the validation" if is_stopping else "Stop after the next validation"),
        )
        set_visible(self.resume, resume)
        # one button is coloured: the one to press next
        self._mark(self.go, not go)
        self._mark(self.stop, not stop)
        set_trait(self.hint, "value", text(words, "nbt-muted", "nbt-small"))

    def _mark(self, button: w.Button, is_next: bool) -> None:
        (button.add_class if is_next else button.remove_class)("nbt-next")
