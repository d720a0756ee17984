"""Values of settings as text: what is typed, what is shown, and what a finding suggests instead."""

from __future__ import annotations

import re
from typing import Any

from nbtrainer.config.describe import Setting
from nbtrainer.config.section import percentage
from nbtrainer.errors import Finding


def parse_value(setting: Setting, words: str) -> Any:
    """What was typed, as a value for the config; what cannot be read is passed on as it is, to be refused in a sentence."""
    words = words.strip()
    if setting.kind in ("text", "path"):
        return words
    if setting.kind == "numbers":
        return [_number(part) for part in re.split(r"[\s,;×x]+", words.strip("[]() ")) if part]
    if setting.kind == "texts":
        return [part.strip() for part in words.split(",") if part.strip()]
    if not words or words.lower() == setting.empty:
        return {"auto": "auto", "none": None, "": ""}[setting.empty]
    return _number(percentage(words, setting.unit) if setting.kind == "float" else words)


def format_value(setting: Setting, value: Any) -> str:
    """A value as it stands in its field; `parse_value` reads it back."""
    if value is None or (value == "auto" and setting.empty == "auto"):
        return ""
    if isinstance(value, list):
        return ", ".join(format_value(setting, item) for item in value)
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def when_empty(setting: Setting) -> str:
    """What an empty field stands for: as its help says it, else `auto`, `not set` or nothing."""
    match = re.search(r"\bEmpty: (.+?)\.*$", setting.help)
    return match[1] if match else {"auto": "auto", "none": "not set", "": ""}[setting.empty]


def describe_value(setting: Setting, value: Any) -> str:
    """A value for people: the title of a choice, on or off, `auto`."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, str | int) and value in setting.choices:
        return setting.choices[value]
    if setting.kind == "choices" and isinstance(value, list):
        return ", ".join(str(setting.choices.get(name, name)) for name in value) or "none"
    if setting.kind == "entries":
        return f"{len(value)} in the list"
    return format_value(setting, value) or {"auto": "auto", "none": "not set", "": "empty"}[setting.empty]


def suggested_values(setting: Setting, value: Any, finding: Finding) -> list[Any]:
    """What `finding` suggests instead of `value`, as values of `setting`, within its bounds."""
    index = re.fullmatch(re.escape(setting.path) + r"\[(\d+)\]", finding.where)
    if index is None and finding.where != setting.path:
        return []
    values = []
    for suggestion in finding.suggestions:
        if index is not None:
            position = int(index[1])
            values.append([*value[:position], suggestion, *value[position + 1 :]])
        elif isinstance(suggestion, tuple):
            values.append(list(suggestion))
        else:
            values.append(_clip_to_bounds(setting, suggestion))
    return values


def _clip_to_bounds(setting: Setting, value: Any) -> Any:
    """A number no smaller and no larger than the bounds of `setting`; anything else as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    low, high = setting.minimum, setting.maximum
    bounded = low if low is not None and value < low else high if high is not None and value > high else value
    return int(bounded) if setting.integer else bounded


def _number(words: Any) -> Any:
    if not isinstance(words, str):
        return words
    for kind in (int, float):
        try:
            return kind(words)
        except ValueError:
            continue
    return words
