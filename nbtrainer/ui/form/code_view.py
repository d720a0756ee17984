"""The settings as code: what differs from the preset in Python, everything as JSON."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from typing import Any

import ipywidgets as w

from nbtrainer.config import STRENGTHS, Config
from nbtrainer.ui.widgets import Guard, create, set_trait, set_visible


class CodeView:
    """Shows the settings as code, ready to be copied."""

    def __init__(self, guard: Guard, config: Callable[[], Config], preset: Callable[[], str]) -> None:
        self._config, self._preset = config, preset
        self._is_open = False
        self._code = create(w.HTML)
        self._language = create(
            w.Dropdown, options=["Python", "JSON"], layout=w.Layout(width="110px"), tooltip="Language"
        )
        self._language.observe(guard(lambda _: self.redraw()), "value")
        self.box = create(
            w.VBox,
            children=[self._language, self._code],
            layout=w.Layout(display="none", padding="0 10px 10px"),
            classes=("nbt-plain",),
        )

    def toggle(self) -> None:
        """Show the code, or hide it again."""
        self._is_open = not self._is_open
        set_visible(self.box, self._is_open)
        self.redraw()

    def redraw(self) -> None:
        """Bring the code up to date, if it is shown."""
        if self._is_open:
            words = (
                as_python(self._config(), self._preset())
                if self._language.value == "Python"
                else as_json(self._config())
            )
            set_trait(self._code, "value", f'<pre class="nbt-code" tabindex="0">{html.escape(words)}</pre>')


def as_python(config: Config, preset: str = "") -> str:
    """Lines that make `config` again from `preset` (or from the defaults) and train with it."""
    base = Config.preset(preset) if preset else Config()
    maker = f"nbt.Config.preset({preset!r})" if preset else "nbt.Config()"
    lines = ["import nbtrainer as nbt", "", f"config = {maker}"]
    lines += [f"config.task.kind = {config.task.kind!r}"] if config.task.kind != base.task.kind else []
    # the others as they are once the kind is that one
    base.task.kind = config.task.kind
    values, unchanged = config.model_dump(warnings=False), base.model_dump()
    for section, settings in values.items():
        for name, value in settings.items():
            if value != unchanged[section].get(name) and not _is_implied(config, section=section, name=name):
                lines.append(f"config.{section}.{name} = {_literal(value)}")
    return "\n".join([*lines, "", "run = nbt.train(config)"])


def as_json(config: Config) -> str:
    """All settings, as `config.json` holds them."""
    return json.dumps(config.model_dump(warnings=False), indent=2)


def _is_implied(config: Config, *, section: str, name: str) -> bool:
    """A ready strength stands for its list, and an own list for `custom`."""
    ready = config.augmentation.strength in STRENGTHS
    return section == "augmentation" and name == ("steps" if ready else "strength")


def _literal(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + "".join(f"    {entry!r},\n" for entry in value) + "]"
    return repr(value)
