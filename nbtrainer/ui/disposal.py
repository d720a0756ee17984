"""The end of widgets: ipywidgets keeps each in a registry, and its model in the page, until it is closed by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from weakref import WeakKeyDictionary

import ipywidgets as w
from IPython.display import display

_ATTACHED: WeakKeyDictionary[w.Widget, list[w.Widget]] = WeakKeyDictionary()


def attach(owner: w.Widget, *widgets: w.Widget) -> None:
    """Let `widgets`, which are not always on the page, end with `owner`."""
    _ATTACHED.setdefault(owner, []).extend(widgets)


def dispose(*widgets: w.Widget, keep: Iterable[w.Widget] = ()) -> None:
    """Close `widgets` with everything they are made of: children, layouts, styles, marks, scales.

    What `keep` is made of stays. Closing twice does no harm.
    """
    kept = {id(part) for root in keep for part in parts(root)}
    for widget in widgets:
        for part in parts(widget):
            if id(part) not in kept:
                part.unobserve_all()  # a callback holds the view that it belongs to
                part.close()


def say_closed(words: str) -> None:
    """Show `words` in the place of widgets that are gone."""
    display({"text/plain": words}, raw=True)


def set_children(box: w.Box, children: Iterable[w.Widget]) -> None:
    """Give `box` other children, and dispose of those that it had and that are not among them."""
    old, new = tuple(box.children), tuple(children)
    if old != new:
        box.children = new
        dispose(*old, keep=new)


def parts(widget: w.Widget) -> Iterator[w.Widget]:
    """`widget`, every widget that one of its traits leads to, and those attached to them, each once."""
    waiting: list[Any] = [widget]
    seen: set[int] = set()
    while waiting:
        found = waiting.pop()
        if isinstance(found, w.Widget):
            if id(found) in seen:
                continue
            seen.add(id(found))
            yield found
            # asking for a trait that has no value yet would make one
            waiting += [getattr(found, name) for name in found.trait_names(sync=True) if found.trait_has_value(name)]
            waiting += _ATTACHED.get(found, ())
        elif isinstance(found, dict):
            waiting += found.values()
        elif isinstance(found, list | tuple):
            waiting += found
