"""Making and changing widgets: refuses what this version of the library would swallow, sends only what differs."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import ipywidgets as w

from nbtrainer.errors import Finding

Made = TypeVar("Made", bound=w.Widget)
Guard = Callable[[Callable[..., None]], Callable[..., None]]


def create(kind: type[Made], *, tooltip: str = "", classes: Iterable[str] = (), **traits: Any) -> Made:
    """A widget of `kind`; a trait that this version of the library does not have raises instead of being lost.

    `tooltip` goes to wherever this version keeps it: ipywidgets 7 calls it `description_tooltip`.
    """
    known = set(kind.class_trait_names())
    if tooltip:
        traits["tooltip" if "tooltip" in known else "description_tooltip"] = tooltip
    unknown = sorted(set(traits) - known)
    if unknown:
        raise TypeError(f"{kind.__name__} has no trait {', '.join(unknown)}")
    if classes:
        # with the widget: `add_class` sends a message of its own, and a server drops those of a burst that is too long
        traits["_dom_classes"] = tuple(classes)
    return kind(**traits)


def set_trait(widget: w.Widget, name: str, value: Any) -> None:
    """Set a trait of `widget` only if it changes, so that nothing is sent for nothing."""
    if getattr(widget, name) != value:
        setattr(widget, name, value)


def set_visible(widget: w.Widget, is_shown: bool) -> None:
    """Show or hide `widget`."""
    set_trait(widget.layout, "display", None if is_shown else "none")


def text(words: str, *classes: str) -> str:
    """`words`, escaped, as an element with `classes`."""
    return f'<span class="{" ".join(classes)}">{html.escape(words)}</span>'


def sentences(finding: Finding) -> str:
    """What is wrong and what to do, as sentences; where it is, the place of the words says."""
    return " ".join(as_sentence(part) for part in (finding.wrong, finding.remedy) if part)


def as_sentence(sentence: str) -> str:
    sentence = sentence[:1].upper() + sentence[1:]
    return sentence if sentence.endswith((".", "?", "!")) else f"{sentence}."
