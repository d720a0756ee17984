"""A catalog: the names on a menu, each pointing to where the thing lives, without importing it."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar


@dataclass(frozen=True)
class Entry:
    """One line of a menu. `at` is `module:name`; `help` says when to choose it; `source` is the paper or page.

    `kinds` are the kinds of segmentation that it suits, `dims` the dimensions; empty: all. `aliases`: what it is called
    elsewhere.
    """

    name: str
    title: str
    at: str
    help: str = ""
    source: str = ""
    kinds: tuple[str, ...] = ()
    dims: tuple[int, ...] = ()
    aliases: tuple[str, ...] = ()

    def suits(self, kind: str) -> bool:
        """Whether it can be used for this kind of segmentation."""
        return not self.kinds or kind in self.kinds


E = TypeVar("E", bound=Entry)


class Catalog(Mapping[str, E], Generic[E]):
    """The choices of one menu, by name and in order."""

    def __init__(self, noun: str, *entries: E) -> None:
        self.noun = noun
        self._entries = {entry.name: entry for entry in entries}

    def __getitem__(self, name: str) -> E:
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def name_of(self, name: str) -> str:
        """The name of the entry that `name` is an alias of; else `name` itself."""
        if name in self._entries:
            return name
        return next((entry.name for entry in self._entries.values() if name in entry.aliases), name)

    @property
    def aliases(self) -> dict[str, str]:
        """By each alias, the name of its entry."""
        return {alias: entry.name for entry in self._entries.values() for alias in entry.aliases}

    def load(self, name: str) -> Any:
        """The thing itself; imports its module."""
        module, attribute = self[name].at.split(":")
        return getattr(importlib.import_module(module), attribute)
