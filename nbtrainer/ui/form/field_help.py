"""What explains a setting in the form: help, range, default, guidance and links to sources."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

from nbtrainer.config.describe import Setting
from nbtrainer.ui.form.field_values import describe_value
from nbtrainer.ui.widgets import as_sentence


def tooltip(setting: Setting, default: Any) -> str:
    """Help, range, unit and `default` (of the preset in use) of a setting in one text."""
    if setting.kind == "entries":
        return setting.help
    limits = f"Allowed: {setting.range_in_words} {setting.unit}".rstrip() + "." if setting.range_in_words else ""
    return " ".join(filter(None, [setting.help, limits, f"Default: {describe_value(setting, default)}."]))


def guidance(setting: Setting) -> str:
    """What to think of before deciding, as HTML: the headings in one line, and what belongs to them once it is pressed."""
    parts = [paragraph.partition(": ") for paragraph in setting.guidance]
    headings = [heading for heading, _, _ in parts]
    words = "".join(
        f"<p><b>{html.escape(heading)}.</b> {html.escape(as_sentence(sentences))}</p>"
        for heading, _, sentences in parts
    )
    several = f"Before you choose: {', '.join(heading.lower() for heading in headings)}"
    summary = html.escape(several if len(headings) > 1 else headings[0])
    return f'<details class="nbt-small nbt-guide"><summary>{summary}</summary>{words}</details>'


def references(setting: Setting, suits: Callable[[str], bool]) -> str:
    """Links for all choices that suit, each with its title, as HTML."""
    named = [
        f"{html.escape(str(title))}:{sources(setting, name)}"
        for name, title in setting.choices.items()
        if isinstance(name, str) and suits(name) and sources(setting, name)
    ]
    return f'<div class="nbt-small nbt-muted">{" · ".join(named)}</div>' if named else ""


def sources(setting: Setting, choice: str) -> str:
    """Links to where `choice` comes from, as HTML; empty if nothing is known to link to."""
    with_source = []
    for source in filter(None, setting.choice_source.get(choice, "").split(";")):
        words, start, rest = source.strip().partition("https://")
        name = words.strip(" ,") or rest.partition("/")[0]
        if start:
            address = html.escape(start + rest, quote=True)
            with_source.append(f'<a href="{address}" target="_blank" rel="noopener">{html.escape(name)}</a>')
    return f' <span class="nbt-small nbt-source">{", ".join(with_source)}</span>' if with_source else ""
