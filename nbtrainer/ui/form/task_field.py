"""The kind of segmentation, chosen first: a button with a little picture for each, and a sentence on the chosen one."""

from __future__ import annotations

from typing import Any

import ipywidgets as w

from nbtrainer.ui.form.field import Field
from nbtrainer.ui.widgets import create, set_trait, text


class KindField(Field):
    """One of a row of pictures."""

    def _lines(self) -> list[w.Widget]:
        self.buttons = {kind: self._button(kind, title=title) for kind, title in self.setting.choices.items()}
        self._chosen = create(w.HTML)
        title = create(w.HTML, value=text(self.setting.title, "nbt-entry-name"))
        head = create(
            w.HBox, children=[title, self._chosen, self.help_button, self.reset_button], classes=("nbt-kind-head",)
        )
        row = create(w.HBox, children=list(self.buttons.values()), classes=("nbt-kinds",))
        return [head, row]

    def _button(self, kind: str, *, title: str) -> w.Button:
        tooltip = f"{title}: {self.setting.choice_help.get(kind, '')}"
        words = title.partition(" (")[0]
        button = create(w.Button, description=words, tooltip=tooltip, classes=("nbt-kind", f"nbt-kind-{kind}"))
        button.on_click(self._guard(lambda _: self.enter(kind)))
        return button

    def _display(self, value: Any) -> None:
        for kind, button in self.buttons.items():
            (button.add_class if kind == value else button.remove_class)("nbt-kind-chosen")
        set_trait(self._chosen, "value", text(self.setting.choices.get(value, str(value)), "nbt-muted"))
