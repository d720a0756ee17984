"""What all panels share: a field that describes itself, and assignments that answer in sentences."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from nbtrainer.catalog import Catalog
from nbtrainer.config import messages
from nbtrainer.deprecation import warn_old_name
from nbtrainer.errors import SettingError


def _as_text(value: Any) -> Any:
    return os.fspath(value) if isinstance(value, os.PathLike) else value


# settings are JSON: a path given as an object is kept as text
PathText = Annotated[str, BeforeValidator(_as_text)]


class Decoding(NamedTuple):
    """Of a setting that a prediction is decoded with: it may be changed afterwards, without predicting again.

    `candidates`: what is tried when thresholds are tuned on validation images, the moderate one first, which stays of
    equals; empty: it is not tuned. `decoders`: those that look at it; empty: all.
    """

    candidates: tuple[float, ...] = ()
    decoders: tuple[str, ...] = ()


class Metadata(NamedTuple):
    """What the front ends need of a field beyond its type: see `field`."""

    unit: str
    choices: Mapping[str, str]
    noun: str
    advanced: bool
    path: str
    sources: Mapping[str, str]
    helps: Mapping[str, str]
    choice_kinds: Mapping[str, tuple[str, ...]]
    choice_dims: Mapping[str, tuple[int, ...]]
    guidance: tuple[str, ...]
    old_names: tuple[str, ...]
    group: str
    decoding: Decoding | None
    only_with: Mapping[str, tuple[Any, ...]]
    aliases: Mapping[str, str]
    kinds: tuple[str, ...]


class Declaration(NamedTuple):
    """A setting of a section. `kinds`: the kinds of segmentation that have it; empty: all."""

    name: str
    info: FieldInfo
    kinds: tuple[str, ...] = ()


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
    choice_kinds: Mapping[str, tuple[str, ...]] | None = None,
    guidance: tuple[str, ...] = (),
    old_names: tuple[str, ...] = (),
    group: str = "",
    decoding: Decoding | None = None,
    only_with: Mapping[str, tuple[Any, ...]] | None = None,
    kinds: tuple[str, ...] = (),
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
        `"folder"` or `"file"` if it is one, so that front ends offer a chooser.
    choice_kinds
        Of choices that are no catalog, the kinds of segmentation that each suits; one that is not listed suits all.
    guidance
        What to think of before deciding, a paragraph each; the first words of each, up to a colon, are its heading.
    old_names
        Names that it had in earlier versions: files, dicts and code with them are still understood.
    group
        The heading that the form shows it under, within its section.
    decoding
        Of a threshold of a decoder and its like, what tuning and the explorer of thresholds need.
    only_with
        Other settings of the section, and the values of them that this one has an effect with.
    kinds
        The kinds of segmentation that it has an effect on, where that does not follow from its section; empty: all.
    **bounds
        `ge`, `gt`, `le`, `lt`, `min_length`, `max_length`, `default_factory`: as in pydantic.
    """
    titles: Mapping[str, str] = {}
    sources: Mapping[str, str] = {}
    helps: Mapping[str, str] = {}
    aliases: Mapping[str, str] = {}
    suited = dict(choice_kinds or {})
    dims: Mapping[str, tuple[int, ...]] = {}
    noun = "value"
    if isinstance(choices, Catalog):
        titles = dict(extra_choices or {}) | {name: entry.title for name, entry in choices.items()}
        sources = {name: entry.source for name, entry in choices.items() if entry.source}
        helps = {name: entry.help for name, entry in choices.items() if entry.help}
        suited = {name: entry.kinds for name, entry in choices.items() if entry.kinds}
        dims = {name: entry.dims for name, entry in choices.items() if entry.dims}
        noun, aliases = choices.noun, choices.aliases
    elif choices is not None:
        titles = choices
    metadata = Metadata(
        unit=unit,
        choices=titles,
        noun=noun,
        advanced=advanced,
        path=path,
        sources=sources,
        helps=helps,
        choice_kinds=suited,
        choice_dims=dims,
        guidance=guidance,
        old_names=old_names,
        group=group,
        decoding=decoding,
        only_with=only_with or {},
        aliases=aliases,
        kinds=kinds,
    )
    if "default_factory" in bounds:
        return Field(title=title, description=help, json_schema_extra={"metadata": metadata}, **bounds)  # type: ignore[dict-item]
    return Field(default, title=title, description=help, json_schema_extra={"metadata": metadata}, **bounds)  # type: ignore[dict-item]


def metadata_of(info: FieldInfo) -> Metadata:
    """What `field` stored about a setting."""
    extra = info.json_schema_extra
    assert isinstance(extra, dict)
    metadata = extra["metadata"]
    assert isinstance(metadata, Metadata)
    return metadata


def percentage(value: Any, unit: str) -> Any:
    """`20%` as the number 0.2, or as 20 where the `unit` of the setting is %; anything else as it is."""
    if not isinstance(value, str) or not value.strip().endswith("%"):
        return value
    try:
        number = float(value.strip().removesuffix("%").replace(",", "."))
    except ValueError:
        return value
    return number if unit == "%" else number / 100


def warn_renamed(section: type[Section], name: str, *, of: str = "") -> None:
    """Warn that a setting was given under the old `name`.

    `of`: the kind of segmentation whose setting is meant, where another is chosen that may have one of that name too.
    """
    where = section.where + "." if section.where else ""
    warn_old_name(f"{where}{name}", new=f"{where}{section.renamed()[name]}{of and f' of {of}'}")


def rename(values: Mapping[str, Any], new_names: Mapping[str, str]) -> dict[str, Any]:
    """`values` under the `new_names` of those that have one; where both names are given, the new one counts.

    >>> rename({"trials": 3, "overlap": 4}, {"trials": "max_attempts"})
    {'max_attempts': 3, 'overlap': 4}
    """
    older = {new_names[name]: value for name, value in values.items() if name in new_names}
    return older | {name: value for name, value in values.items() if name not in new_names}


class Section(BaseModel):
    """A panel of settings. Assigning validates at once and raises `UserError` in a sentence.

    Of an entry of a list that has several kinds: `tag` is the field that says which it is, `kinds` the kinds of segmentation
    that it suits (empty: all), `documented_in` the page of the docs that lists the entries instead of docs/settings.md.
    """

    model_config = ConfigDict(validate_assignment=True, extra="forbid", allow_inf_nan=False)
    where: ClassVar[str] = ""
    tag: ClassVar[str] = "kind"
    kinds: ClassVar[tuple[str, ...]] = ()
    documented_in: ClassVar[str] = ""

    @classmethod
    def renamed(cls) -> dict[str, str]:
        """The settings of this section that had other names once: by each old name, the one of today."""
        return {old: name for name, info in cls.model_fields.items() for old in metadata_of(info).old_names}

    @classmethod
    def declarations(cls) -> list[Declaration]:
        """The settings of this section, in order."""
        return [Declaration(name, info, metadata_of(info).kinds) for name, info in cls.model_fields.items()]

    @classmethod
    def with_new_names(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """`values` with the names of today; where both names are given, the new one counts."""
        return rename(values, cls.renamed())

    @model_validator(mode="before")
    @classmethod
    def _rename(cls, values: Any) -> Any:
        if not isinstance(values, Mapping) or not (old := cls.renamed().keys() & values.keys()):
            return values
        for name in sorted(old):
            warn_renamed(cls, name)
        return cls.with_new_names(values)

    if not TYPE_CHECKING:  # mypy shall still know which names there are

        def __getattr__(self, name: str) -> Any:
            if (new := type(self).renamed().get(name)) is None:
                return super().__getattr__(name)
            warn_renamed(type(self), name)
            return getattr(self, new)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in type(self).renamed():
            warn_renamed(type(self), name)
            name = type(self).renamed()[name]
        try:
            super().__setattr__(name, value)
        except ValidationError as error:
            raise SettingError.of(messages.findings(error, type(self), prefix=self.where)) from None

    @field_validator("*", mode="after")
    @classmethod
    def _is_on_the_menu(cls, value: Any, info: Any) -> Any:
        declared = cls.model_fields[info.field_name]
        metadata = metadata_of(declared)
        if metadata.aliases:
            value = _with_own_name(value, metadata.aliases)
        # a `Literal`, such as "auto" beside a list, is judged by the type itself
        named = value if isinstance(value, list) else [value] if declared.annotation is str else []
        for name in named:
            if metadata.choices and isinstance(name, str) and name not in metadata.choices:
                raise PydanticCustomError(
                    "not_on_the_menu",
                    "{noun}",
                    {"noun": metadata.noun, "name": name, "choices": list(metadata.choices)},
                )
        return value


def _with_own_name(value: Any, aliases: Mapping[str, str]) -> Any:
    """A choice, or a list of choices, by the names of the menu where it was given by another one."""
    if isinstance(value, list):
        return [_with_own_name(each, aliases) for each in value]
    return aliases.get(value, value) if isinstance(value, str) else value
