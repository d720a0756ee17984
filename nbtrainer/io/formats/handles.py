"""Open files and readers, of which a process may have about 1,000: the last ones used stay open, the others are opened again."""

from __future__ import annotations

import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

T = TypeVar("T")

MOST_OPEN = 128

_open: OrderedDict[Hashable, Handle[Any]] = OrderedDict()
# the collector may put something away in the middle of this
_lock = threading.RLock()


class Handle(Generic[T]):
    """Something open. It is closed when it was put away and nobody who borrowed it holds it any more."""

    def __init__(self, thing: T, close: Callable[[T], object]) -> None:
        self.thing = thing
        # for readers that only one thread may use at a time
        self.lock = threading.Lock()
        weakref.finalize(self, close, thing)


def borrow(key: Hashable, open_again: Callable[[], Handle[T]]) -> Handle[T]:
    """The handle kept under `key`, or what `open_again` gives; to be held for as long as it is used, no longer."""
    with _lock:
        handle = _open.get(key)
        if handle is not None:
            _open.move_to_end(key)
            return handle
    return keep(key, open_again())


def keep(key: Hashable, handle: Handle[T]) -> Handle[T]:
    """Keep `handle` open under `key`, and put those away that were not used for longest."""
    old = []
    with _lock:
        _open[key] = handle
        _open.move_to_end(key)
        while len(_open) > MOST_OPEN:
            old.append(_open.popitem(last=False))
    return handle  # what is old is closed here, outside of the lock


def put_away(key: Hashable) -> None:
    """Close what is kept under `key` when nobody uses it any more."""
    with _lock:
        handle = _open.pop(key, None)
    del handle


def put_all_away() -> None:
    """Close all that nobody uses."""
    with _lock:
        old = list(_open.values())
        _open.clear()
    del old


def _after_fork() -> None:
    global _lock
    _lock = threading.RLock()  # one that another thread held in the parent would never open in the child


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
