"""The line at the top of the app: the name, the presets, how much is shown."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as w

from nbtrainer.config import presets
from nbtrainer.ui.widgets import Guard, create, set_trait

OWN = "(your settings)"


class Head:
    """`on_preset(name)` is called when a preset is chosen, `on_view(is_complete=, is_helping=)` when more or less is to be shown."""

    def __init__(
        self, guard: Guard, preset: str, on_preset: Callable[[str], None], on_view: Callable[..., None]
    ) -> None:
        options = [(f"Preset: {known.title}", name) for name, known in presets().items()]
        self.preset_menu = create(
            w.Dropdown,
            options=[(f"Preset: {OWN}", ""), *options],
            value=preset,
            layout=w.Layout(width="340px"),
            tooltip="Ready settings to begin with",
        )
        self._on_preset, self._is_loading = on_preset, False
        self.preset_menu.observe(guard(lambda _: self._chosen()), "value")
        self.view_menu = create(
            w.Dropdown,
            options=[("Simple view", False), ("All settings", True)],
            layout=w.Layout(width="120px"),
            tooltip="How many settings are shown",
        )
        self.help_switch = create(
            w.ToggleButton,
            value=False,
            description="Help",
            icon="question-circle",
            tooltip="Explain every setting under its field",
        )
        for switch in (self.view_menu, self.help_switch):
            switch.observe(
                guard(lambda _: on_view(is_complete=self.view_menu.value, is_helping=self.help_switch.value)), "value"
            )
        name = create(w.HTML, value='<span class="nbt-name">nbtrainer</span>')
        self.box = create(
            w.HBox, children=[name, self.preset_menu, self.view_menu, self.help_switch], classes=("nbt-head",)
        )

    @property
    def preset(self) -> str:
        """The name of the preset that is shown; empty: the user's own settings."""
        return str(self.preset_menu.value)

    def show_preset(self, preset: str) -> None:
        """Show that the settings come from `preset`, without choosing it again."""
        self._is_loading = True
        try:
            set_trait(self.preset_menu, "value", preset)
        finally:
            self._is_loading = False

    def _chosen(self) -> None:
        if not self._is_loading and self.preset:
            self._on_preset(self.preset)
