"""The numbers of the classes of outlines: one for each, the same in every image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

ClassName = tuple[str, int | None]
"""A class as a file has it: its name, or number as text (`Outline.class_key`), and its number if the file has one."""

# a larger number in a name is no class: labels have 32 bits
_LARGEST = 2**31

UNNAMED = "unclassified"
"""What the class of outlines without one is called."""


def number_classes(
    classes: Iterable[ClassName], given: Sequence[str] = (), reserved: int | None = None
) -> dict[str, int]:
    """The number of each class, from 1.

    As `given` says: names in the order of their numbers, `name=number` where one is left out; other classes have none.
    Else as the files number them, if they agree about every name and number. Else by name, in alphabetical order,
    without the number `reserved`.
    """
    if given:
        return parse_classes(given)
    named: dict[str, set[int | None]] = {}
    for name, number in classes:
        named.setdefault(name, set()).add(number)
    numbers = [next(iter(own)) for own in named.values() if len(own) == 1]
    if len(numbers) == len(named) == len(set(numbers)) and all(number is not None and number > 0 for number in numbers):
        return dict(sorted(((name, next(iter(own)) or 0) for name, own in named.items()), key=lambda entry: entry[1]))
    # a name that is a number means that number
    taken = {name: int(name) for name in named if name.isascii() and name.isdigit() and 0 < int(name) < _LARGEST}
    used = {*taken.values(), reserved}
    free = (number for number in range(1, len(named) + len(used) + 1) if number not in used)
    others = {name: next(free) for name in sorted(set(named) - set(taken), key=lambda name: (name.casefold(), name))}
    return dict(sorted((taken | others).items(), key=lambda entry: entry[1]))


def parse_classes(given: Sequence[str]) -> dict[str, int]:
    """`["axon", "myelin=4", "other"]` as `{"axon": 1, "myelin": 4, "other": 5}`."""
    numbers: dict[str, int] = {}
    last = 0
    for text in given:
        name, sign, number = text.rpartition("=")
        has_number = bool(sign) and number.strip().isascii() and number.strip().isdigit()
        last = int(number) if has_number else last + 1
        name = name.strip() if has_number else text.strip()
        numbers["" if name == UNNAMED else name] = last
    return numbers


def format_classes(numbers: Mapping[str, int]) -> list[str]:
    """The reverse of `parse_classes`."""
    texts = []
    last = 0
    for name, number in sorted(numbers.items(), key=lambda entry: entry[1]):
        plain = name or UNNAMED
        texts.append(plain if number == last + 1 and "=" not in plain else f"{plain}={number}")
        last = number
    return texts
