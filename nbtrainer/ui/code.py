"""The settings as code: what differs from the preset in Python, everything as JSON."""

from __future__ import annotations

import json
from typing import Any

from nbtrainer.config import STRENGTHS, Config


def as_python(config: Config, preset: str = "") -> str:
    """Lines that make `config` again from `preset` (or from the defaults) and train with it."""
    base = Config.preset(preset) if preset else Config()
    maker = f"nbt.Config.preset({preset!r})" if preset else "nbt.Config()"
    lines = ["import nbtrainer as nbt", "", f"config = {maker}"]
    values, unchanged = config.model_dump(warnings=False), base.model_dump()
    for section, settings in values.items():
        for name, value in settings.items():
            if value != unchanged[section][name] and not _is_implied(config, section, name):
                lines.append(f"config.{section}.{name} = {_literal(value)}")
    return "\n".join([*lines, "", "run = nbt.train(config)"])


def as_json(config: Config) -> str:
    """All settings, as `config.json` holds them."""
    return json.dumps(config.model_dump(warnings=False), indent=2)


def _is_implied(config: Config, section: str, name: str) -> bool:
    """A ready strength stands for its list, and an own list for `custom`."""
    ready = config.augmentation.strength in STRENGTHS
    return section == "augmentation" and name == ("steps" if ready else "strength")


def _literal(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + "".join(f"    {entry!r},\n" for entry in value) + "]"
    return repr(value)
