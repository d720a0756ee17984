"""A catalog: the names on a menu, each pointing to where the thing lives, without importing it."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Entry:
    """One line of a menu. `at` is `module:name`; `help` says when to choose it; `source` is the paper or page."""

    name: str
    title: str
    at: str
    help: str = ""
    source: str = ""


class Catalog(Mapping[str, Entry]):
    """The choices of one menu, by name and in order."""

    def __init__(self, noun: str, *entries: Entry) -> None:
        self.noun = noun
        self._entries = {entry.name: entry for entry in entries}

    def __getitem__(self, name: str) -> Entry:
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def load(self, name: str) -> Any:
        """The thing itself; imports its module."""
        module, attribute = self[name].at.split(":")
        return getattr(importlib.import_module(module), attribute)
