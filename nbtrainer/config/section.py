"""What all panels share: a field that describes itself, and assignments that answer in sentences."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from nbtrainer.catalog import Catalog
from nbtrainer.config import messages
from nbtrainer.errors import UserError


def _as_text(value: Any) -> Any:
    return os.fspath(value) if isinstance(value, os.PathLike) else value


# settings are JSON: a path given as an object is kept as text
PathText = Annotated[str, BeforeValidator(_as_text)]


class Shown(NamedTuple):
    """What the faces need of a field beyond its type: see `field`."""

    unit: str
    choices: Mapping[str, str]
    noun: str
    advanced: bool
    path: str
    sources: Mapping[str, str]
    helps: Mapping[str, str]
    kinds: tuple[str, ...]
    choice_kinds: Mapping[str, tuple[str, ...]]
    guidance: tuple[str, ...]


def field(
    default: Any = ...,
    *,
    title: str,
    help: str = "",
    unit: str = "",
    choices: Catalog[Any] | Mapping[str, str] | None = None,
    extra_choices: Mapping[str, str] | None = None,
    advanced: bool = False,
    path: str = "",
    kinds: tuple[str, ...] = (),
    choice_kinds: Mapping[str, tuple[str, ...]] | None = None,
    guidance: tuple[str, ...] = (),
    **bounds: Any,
) -> Any:
    """A setting, declared once: form, command line, messages and docs all read it from here.

    Parameters
    ----------
    default
        Its value unless set; a list or model is given as `default_factory`.
    title, help, unit
        What it is called, a sentence on what it does and when to change it, and its unit.
    choices
        The names it may take: a catalog, or names with their titles.
    extra_choices
        Names besides those of a catalog, with their titles; they stand first.
    advanced
        Kept out of the simple view.
    path
        `"folder"` or `"file"` if it is one, so that faces offer a chooser.
    kinds
        The kinds of segmentation that it has an effect on; empty: all.
    choice_kinds
        Of choices that are no catalog, the kinds of segmentation that each suits; one that is not listed suits all.
    guidance
        What to think of before deciding, a paragraph each; the first words of each, up to a colon, are its heading.
    **bounds
        `ge`, `gt`, `le`, `lt`, `min_length`, `max_length`, `default_factory`: as in pydantic.
    """
    titles: Mapping[str, str] = {}
    sources: Mapping[str, str] = {}
    helps: Mapping[str, str] = {}
    suited = dict(choice_kinds or {})
    noun = "value"
    if isinstance(choices, Catalog):
        titles = dict(extra_choices or {}) | {name: entry.title for name, entry in choices.items()}
        sources = {name: entry.source for name, entry in choices.items() if entry.source}
        helps = {name: entry.help for name, entry in choices.items() if entry.help}
        suited = {name: entry.kinds for name, entry in choices.items() if entry.kinds}
        noun = choices.noun
    elif choices is not None:
        titles = choices
    shown = Shown(unit, titles, noun, advanced, path, sources, helps, kinds, suited, guidance)
    if "default_factory" in bounds:
        return Field(title=title, description=help, json_schema_extra={"shown": shown}, **bounds)  # type: ignore[dict-item]
    return Field(default, title=title, description=help, json_schema_extra={"shown": shown}, **bounds)  # type: ignore[dict-item]


def shown_of(info: FieldInfo) -> Shown:
    """What `field` stored about a setting."""
    extra = info.json_schema_extra
    assert isinstance(extra, dict)
    shown = extra["shown"]
    assert isinstance(shown, Shown)
    return shown


def percentage(value: Any, unit: str) -> Any:
    """`20%` as the number 0.2, or as 20 where the `unit` of the setting is %; anything else as it is."""
    if not isinstance(value, str) or not value.strip().endswith("%"):
        return value
    try:
        number = float(value.strip().removesuffix("%").replace(",", "."))
    except ValueError:
        return value
    return number if unit == "%" else number / 100


class Section(BaseModel):
    """A panel of settings. Assigning validates at once and raises `UserError` in a sentence."""

    model_config = ConfigDict(validate_assignment=True, extra="forbid", allow_inf_nan=False)
    where: ClassVar[str] = ""

    def __setattr__(self, name: str, value: Any) -> None:
        try:
            super().__setattr__(name, value)
        except ValidationError as error:
            raise UserError.of(messages.findings(error, type(self), prefix=self.where)) from None

    @field_validator("*", mode="after")
    @classmethod
    def _is_on_the_menu(cls, value: Any, info: Any) -> Any:
        declared = cls.model_fields[info.field_name]
        shown = shown_of(declared)
        # a `Literal`, such as "auto" beside a list, is judged by the type itself
        named = value if isinstance(value, list) else [value] if declared.annotation is str else []
        for name in named:
            if shown.choices and isinstance(name, str) and name not in shown.choices:
                raise PydanticCustomError(
                    "not_on_the_menu",
                    "{noun}",
                    {"noun": shown.noun, "name": name, "choices": list(shown.choices)},
                )
        return value
