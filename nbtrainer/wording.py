"""Parts of sentences for users: counts with their noun, lists, and the first of many names."""

from __future__ import annotations

from collections.abc import Iterable


def count_noun(number: int, noun: str) -> str:
    """A number with its noun.

    >>> count_noun(1, "image"), count_noun(1200, "image")
    ('1 image', '1,200 images')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def first_of_many(names: Iterable[object], most: int = 3) -> str:
    """The first `most` of `names`, and how many more there are.

    >>> first_of_many("abcde"), first_of_many("ab")
    ('a, b, c and 2 more', 'a, b')
    """
    listed = [str(name) for name in names]
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more


def join_and(names: Iterable[object]) -> str:
    """All of `names`.

    >>> join_and("abc"), join_and("a"), join_and("")
    ('a, b and c', 'a', '')
    """
    *first, last = [str(name) for name in names] or [""]
    return f"{', '.join(first)} and {last}" if first else last
