"""What the type of a setting says: which widget it needs, its members, its bounds."""

from __future__ import annotations

import types
import typing
from typing import Any, Literal

from nbtrainer.config.section import Section

FieldKind = Literal["bool", "int", "float", "text", "path", "choice", "numbers", "texts", "choices", "entries"]


def kind_of(members: list[Any], choices: Any, path: str) -> tuple[FieldKind, list[type[Section]]]:
    lists = [member for member in members if typing.get_origin(member) is list]
    if lists:
        models = [m for m in members_of(typing.get_args(lists[0])[0]) if isinstance(m, type) and issubclass(m, Section)]
        texts = typing.get_args(lists[0])[0] is str
        return ("entries" if models else "choices" if choices else "texts" if texts else "numbers"), models
    if path:
        return "path", []
    if choices or any(typing.get_origin(m) is Literal and m != Literal["auto"] for m in members):
        return "choice", []
    for kind, python in (("bool", bool), ("int", int), ("float", float)):
        if python in members:
            return kind, []  # type: ignore[return-value]
    return "text", []


def members_of(annotation: Any) -> list[Any]:
    """The types that a value may have: unions and annotations unpacked."""
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        return [member for part in typing.get_args(annotation) for member in members_of(part)]
    if origin is typing.Annotated:
        return members_of(typing.get_args(annotation)[0])
    return [annotation]


def item_types(annotation: Any) -> list[Any]:
    return [
        m
        for part in members_of(annotation)
        if typing.get_origin(part) is list
        for m in members_of(typing.get_args(part)[0])
    ]


def item_metadata(annotation: Any) -> list[Any]:
    metadata: list[Any] = []
    for member in members_of(annotation):
        if typing.get_origin(member) is list:
            item = typing.get_args(member)[0]
            if typing.get_origin(item) is typing.Annotated:
                for extra in typing.get_args(item)[1:]:
                    metadata += getattr(extra, "metadata", [])
    return metadata


def number_metadata(annotation: Any) -> list[Any]:
    """The bounds of a number that stands beside `auto` in a union, where it has bounds of its own."""
    if typing.get_origin(annotation) not in (typing.Union, types.UnionType):
        return []
    annotated = [member for member in typing.get_args(annotation) if typing.get_origin(member) is typing.Annotated]
    infos = [info for member in annotated for info in typing.get_args(member)[1:]]
    return [constraint for info in infos for constraint in getattr(info, "metadata", [])]


def allows_auto(members: list[Any]) -> bool:
    return any(typing.get_origin(member) is Literal and typing.get_args(member) == ("auto",) for member in members)


def literals_in(members: list[Any]) -> dict[Any, str]:
    """The values of a `Literal` that has no titles of its own; `auto` beside another type is no choice but `empty`."""
    literals = [m for m in members if typing.get_origin(m) is Literal and typing.get_args(m) != ("auto",)]
    return {value: str(value) for member in literals for value in typing.get_args(member)}


def tag_of(entry: type[Section]) -> str:
    return str(entry.model_fields[entry.tag].default) if entry.tag in entry.model_fields else ""
