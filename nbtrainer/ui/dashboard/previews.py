"""Validation tiles: the same ones at every validation, with a slider that goes back through the epochs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ipywidgets as w

from nbtrainer.disk import file_below
from nbtrainer.errors import UserError
from nbtrainer.ui.widgets import Guard, create, set_trait, set_visible

_CAPTIONS = (
    '<div class="nbt-captions"><span>image</span><span>truth</span><span>prediction</span>'
    '<span>errors: <span class="nbt-over">too much</span>, <span class="nbt-missed">missed</span></span></div>'
)


class Preview:
    """The pictures of one run."""

    def __init__(self, guard: Guard) -> None:
        self._read: Callable[[str], bytes] = lambda path: b""
        self._paths: dict[int, str] = {}
        self._drawn = ""
        self._is_filling = False
        self.slider = create(
            w.SelectionSlider,
            options=[("-", 0)],
            description="epoch",
            continuous_update=True,
            layout=w.Layout(width="300px"),
        )
        self.slider.observe(guard(self._slid), "value")
        self.image = create(w.Image, format="png", layout=w.Layout(width="100%"), classes=("nbt-preview-image",))
        title = create(w.HTML, value="<b>Validation tiles</b>")
        head = create(w.HBox, children=[title, self.slider], classes=("nbt-curve-head",))
        self.box = create(
            w.VBox,
            children=[head, create(w.HTML, value=_CAPTIONS), self.image],
            classes=("nbt-preview",),
            layout=w.Layout(display="none"),
        )

    def show(self, folder: Path, paths: dict[int, str]) -> None:
        """Show the pictures at `paths` below `folder`, by epoch; who looks at the newest sees the next one when it comes."""
        # the journal may come from somebody else: nothing outside of the folder is shown
        self._read = lambda path: file_below(folder, path, by="the journal of this run").read_bytes()
        if paths != self._paths:
            follows = not self._paths or self.slider.value == max(self._paths)
            chosen = self.slider.value
            self._paths = dict(paths)
            options = [(f"{epoch} of {max(paths)}", epoch) for epoch in sorted(paths)] or [("-", 0)]
            self._is_filling = True
            try:
                self.slider.options = options
                set_trait(self.slider, "value", options[-1][1] if follows or chosen not in paths else chosen)
            finally:
                self._is_filling = False
        set_visible(self.box, bool(paths))
        self._draw()

    def send(self) -> None:
        """Send everything again: the page may have missed something."""
        self.slider.send_state()
        self.image.send_state()

    def _slid(self, _: Any) -> None:
        if not self._is_filling:
            self._draw()

    def _draw(self) -> None:
        path = self._paths.get(self.slider.value, "")
        if path and path != self._drawn:
            try:
                self.image.value = self._read(path)
            except (OSError, UserError):  # moved or deleted by hand: the curves are still worth seeing
                return
            self._drawn = path
