"""Decoded images in memory: those of all sets of a process together, within one budget."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import NamedTuple

from nbtrainer.data.views import View

Key = tuple[int, int]
"""The number of a set, and of an image in it."""


class _CachedImage(NamedTuple):
    views: tuple[View, View]
    size: int
    is_large: bool


class Cache:
    """Images and labels, up to `limit` bytes together.

    Small ones give way to others, those longest not asked for first. Large ones stay, as decoding them again costs most;
    those that no longer fit are not kept at all. Threads may ask at the same time.
    """

    def __init__(self, limit: int = 2 * 1024**3) -> None:
        self.limit = limit
        self.held = 0
        """Bytes that are kept now."""
        self._entries: OrderedDict[Key, _CachedImage] = OrderedDict()
        self._large = 0
        self._lock = threading.Lock()

    def get(self, key: Key) -> tuple[View, View] | None:
        """What is kept under `key`, if anything."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            self._entries.move_to_end(key)
            return entry.views

    def admits(self, size: int) -> bool:
        """Whether an image of `size` bytes may be kept."""
        with self._lock:
            return self._large + size <= self.limit

    def put(self, key: Key, views: tuple[View, View], size: int, is_large: bool) -> None:
        """Keep `views` of `size` bytes, for which others may have to go."""
        with self._lock:
            self._drop(key)
            self._entries[key] = _CachedImage(views, size, is_large)
            self.held += size
            self._large += size * is_large
            old = [other for other, entry in self._entries.items() if not entry.is_large and other != key]
            while self.held > self.limit and old:
                self._drop(old.pop(0))

    def forget(self, owner: int) -> None:
        """Give up what is kept of set `owner`."""
        with self._lock:
            for key in [key for key in self._entries if key[0] == owner]:
                self._drop(key)

    def _drop(self, key: Key) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.held -= entry.size
            self._large -= entry.size * entry.is_large
