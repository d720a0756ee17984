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
    kept_ids = {id(part) for root in keep for part in children_of(root)}
    for widget in widgets:
        for part in children_of(widget):
            if id(part) not in kept_ids:
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


def children_of(widget: w.Widget) -> Iterator[w.Widget]:
    """`widget`, every widget that one of its traits leads to, and those attached to them, each once."""
    waiting: list[Any] = [widget]
    seen: set[int] = set()
    while waiting:
        child = waiting.pop()
        if isinstance(child, w.Widget):
            if id(child) in seen:
                continue
            seen.add(id(child))
            yield child
            # asking for a trait that has no value yet would make one
            waiting += [getattr(child, name) for name in child.trait_names(sync=True) if child.trait_has_value(name)]
            waiting += _ATTACHED.get(child, ())
        elif isinstance(child, dict):
            waiting += child.values()
        elif isinstance(child, list | tuple):
            waiting += child
