"""pydantic's errors, translated into sentences for the person who filled in the form."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel, ValidationError

from nbtrainer.errors import Finding

if TYPE_CHECKING:
    from nbtrainer.config.section import Section  # which imports this module


def findings(error: ValidationError, model: type[BaseModel], prefix: str = "") -> list[Finding]:
    """The findings that `error`, raised by validating `model`, amounts to; `prefix` stands before each place."""
    by_place: dict[str, Finding] = {}
    words: dict[str, str] = {}
    for detail in error.errors(include_url=False):
        where = setting_path(prefix, detail["loc"])
        finding = _finding(where, detail, model)
        # a union reports one error for each of its members: keep the one that says most
        if where not in by_place or detail["type"] not in ("literal_error", "none_required"):
            by_place[where] = finding
        if detail["type"] == "literal_error":
            words[where] = str(detail["ctx"]["expected"]).replace("'", "")
    return [_with_words(finding, words.get(finding.where, "")) for finding in by_place.values()]


def _with_words(finding: Finding, words: str) -> Finding:
    """`finding`, which asks for a number or a list, and the `words` that may stand in its place, as auto does."""
    if not words or not finding.remedy.startswith(_GIVE):
        return finding
    return replace(finding, remedy=f"{finding.remedy}, or {words}")


def setting_path(prefix: str, location: Iterable[int | str]) -> str:
    """`("data", "datasets", 0, "images")` as `data.datasets[0].images`."""
    where = prefix
    after_index = False
    for part in location:
        if isinstance(part, int):
            where += f"[{part}]"
        elif after_index and part in _TAGS:
            after_index = False  # a field of the entry may be called as a tag of another list
            continue
        elif _is_a_type(part):
            continue
        else:
            where += f".{part}" if where else part
        after_index = isinstance(part, int)
    return where or "config"


def nearest(name: str, names: Iterable[str]) -> str:
    """The one of `names` that was probably meant by `name`, or an empty string."""
    close = difflib.get_close_matches(str(name).lower(), [str(other) for other in names], n=1, cutoff=0.5)
    return close[0] if close else ""


def join_or(names: Iterable[Any]) -> str:
    """`a, b or c`."""
    listed = [str(name) for name in names]
    return listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} or {listed[-1]}"


_GIVE = ("Give a whole number", "Give a number", "Give a list")
_TAGS: set[str] = set()
# of entries that do not say which they are, by the field that does
_EXAMPLES = {"kind": '{"kind": "flip"}', "loss": '{"loss": "dice", "weight": 1}'}


def register_tags(tags: Iterable[str]) -> None:
    """Names of models with a `kind`: pydantic puts them into the place of an error, a reader does not want them."""
    _TAGS.update(tags)


def _is_a_type(part: str) -> bool:
    return (
        "[" in part
        or part in ("int", "float", "str", "bool")
        or part.startswith(("literal", "list", "function-", "constrained-"))
    )


def _finding(where: str, detail: Any, model: type[BaseModel]) -> Finding:
    kind, value, context = detail["type"], detail.get("input"), detail.get("ctx", {})
    if kind in ("extra_forbidden", "no_such_attribute"):
        parent, _, name = where.rpartition(".")
        close = nearest(name, _field_names(model, detail["loc"]))
        suggestion = f"{parent}.{close}" if parent else close
        remedy = f"Did you mean {suggestion}?" if close else f"Known are {join_or(_field_names(model, detail['loc']))}"
        suggestions = (suggestion,) if close else ()
        return Finding(where=where, wrong="this setting is unknown", remedy=remedy, suggestions=suggestions)
    if kind == "not_on_the_menu":
        if context["name"] == "auto":
            return Finding(
                where=where, wrong="'auto' is no choice here", remedy=f"Choose {join_or(context['choices'])}"
            )
        close = nearest(context["name"], context["choices"])
        guess = f"Did you mean {close}? " if close else ""
        wrong = f"the {context['noun']} {context['name']!r} is unknown"
        remedy = f"{guess}Choose {join_or(context['choices'])}"
        suggestions = (_with_name(value, old=context["name"], new=close),) if close else ()
        return Finding(where=where, wrong=wrong, remedy=remedy, suggestions=suggestions)
    wrong, remedy = sentence(kind, value, context)
    return Finding(where=where, wrong=wrong, remedy=remedy, suggestions=_nearest_values(kind, value, context))


def _with_name(value: Any, *, old: str, new: str) -> Any:
    """The choice `new`; in a list of choices, the list with `new` for `old`."""
    return tuple(new if name == old else name for name in value) if isinstance(value, list) else new


def _nearest_values(kind: str, value: Any, context: dict[str, Any]) -> tuple[Any, ...]:
    """The bound that a number lies beyond, or the whole number next to it; empty for anything else."""
    bound = {"greater_than_equal": "ge", "less_than_equal": "le"}.get(kind)
    if bound is not None:
        limit = context[bound]
        return (int(limit) if float(limit).is_integer() else limit,)
    is_fraction = kind == "int_from_float" and isinstance(value, float) and math.isfinite(value)
    return (round(value),) if is_fraction else ()


def sentence(kind: str, value: Any, context: Mapping[str, Any]) -> tuple[str, str]:
    """What is wrong with `value`, and what to do; `kind` and `context` are the `type` and `ctx` of an error of pydantic."""
    text = repr(value) if isinstance(value, str) else str(value)
    tag, expected = (str(context.get(name, "")).replace("'", "") for name in ("discriminator", "expected_tags"))
    close = nearest(str(context.get("tag", "")), expected.split(", "))
    guess = f"Did you mean {close}? " if close else ""
    limits = {
        "greater_than_equal": (f"{text} is too small", f"Give {_short(context.get('ge'))} or more"),
        "greater_than": (f"{text} is too small", f"Give more than {_short(context.get('gt'))}"),
        "less_than_equal": (f"{text} is too large", f"Give {_short(context.get('le'))} or less"),
        "less_than": (f"{text} is too large", f"Give less than {_short(context.get('lt'))}"),
        "too_short": (
            f"the list has too few entries ({context.get('actual_length')})",
            f"Give at least {context.get('min_length')}",
        ),
        "too_long": (
            f"the list has too many entries ({context.get('actual_length')})",
            f"Give at most {context.get('max_length')}",
        ),
        "finite_number": (f"{text} is not a number to calculate with", "Give a finite number"),
        "missing": ("this is missing", "Give a value"),
        "int_from_float": (
            f"{text} is not a whole number",
            f"Try {round(value)}" if isinstance(value, float) and math.isfinite(value) else "Give a whole number",
        ),
        "none_required": (f"{text} does not fit here", "Leave it empty or give a value of the right kind"),
        "union_tag_invalid": (
            f"the {tag} {context.get('tag')!r} is unknown",
            f"{guess}Choose {expected}",
        ),
        "union_tag_not_found": (f"this entry does not say its {tag}", f"Give it, as in {_EXAMPLES.get(tag, '')}"),
    }
    if kind in limits:
        return limits[kind]
    if kind == "string_too_long":
        return "this is too long", f"Use at most {context.get('max_length')} characters"
    for start, noun in (
        ("int", "a whole number"),
        ("float", "a number"),
        ("bool", "true or false"),
        ("string", "text"),
        ("list", 'a list, as in ["one", "other"]'),
    ):
        if kind.startswith(start):
            return f"{text} is not {noun}", f"Give {noun}"
    if kind.startswith(("model", "dict")):
        return f"{text} is not a group of settings", 'Give its fields by name, as in {"name": value}'
    if kind == "literal_error":
        return f"{text} is not known here", f"Choose {str(context.get('expected', '')).replace(chr(39), '')}"
    return str(context.get("wrong", context.get("reason", f"{text} does not fit here"))), str(context.get("remedy", ""))


def _short(bound: Any) -> str:
    if isinstance(bound, int | float) and float(bound).is_integer():
        return f"{int(bound):,}"
    return str(bound)


def _field_names(model: type[BaseModel], location: Iterable[int | str]) -> list[str]:
    """Names of the fields beside the one at `location` below `model`."""
    import typing

    current: Any = model
    for part in list(location)[:-1]:
        members = [current, *typing.get_args(current)]
        nested = [member for member in members if isinstance(member, type) and issubclass(member, BaseModel)]
        if isinstance(part, int):
            continue
        named = [m.model_fields[part].annotation for m in nested if part in m.model_fields]
        tagged = [m for m in _models_in(current) if str(getattr(m.model_fields.get(m.tag), "default", "")) == part]
        current = named[0] if named else tagged[0] if tagged else current
    names: list[str] = []
    for section in _models_in(current):
        # more than its fields where it has several kinds
        names += [each.name for each in section.declarations() if each.name not in names]
    return names


def _models_in(annotation: Any) -> list[type[Section]]:
    import typing

    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [cast("type[Section]", annotation)]
    return [model for member in typing.get_args(annotation) for model in _models_in(member)]
