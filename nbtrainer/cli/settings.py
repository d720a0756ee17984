"""Settings as the command line takes them: a file or preset, and `section.field=value` behind it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbtrainer.errors import SettingError

if TYPE_CHECKING:
    from nbtrainer.config import Config


def read_config(source: Path, settings: list[str] | None) -> Config:
    """The settings in a file, or of the preset of that name, with `settings` (`section.field=value`) changed."""
    from nbtrainer.config import Config, presets

    config = Config.preset(str(source)) if str(source) in presets() and not source.exists() else Config.load(source)
    # the kind of segmentation first: it decides which settings the others are
    for path, value in sorted(map(parse_assignment, settings or []), key=lambda each: each[0] != "task.kind"):
        config.set(path, value)
    return config


def parse_assignment(text: str, *, form: str = "section.field=value, as in training.epochs=20") -> tuple[str, Any]:
    """`section.field=value`, the value read as JSON where it is JSON."""
    path, sign, value = text.partition("=")
    if not sign:
        raise SettingError(text, "this is no setting", f"Write {form}")
    try:
        return path, json.loads(value)
    except json.JSONDecodeError:
        return path, value
