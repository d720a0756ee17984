"""Every setting as a row that form, command line and docs read: no other table of names or defaults exists."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from nbtrainer.config import messages
from nbtrainer.config.annotations import (
    FieldKind,
    allows_auto,
    item_metadata,
    item_types,
    kind_of,
    literals_in,
    members_of,
    number_metadata,
    tag_of,
)
from nbtrainer.config.config import Config
from nbtrainer.config.section import Section, metadata_of
from nbtrainer.config.transforms import Transform


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One setting.

    `kind`: a switch, a number, text, a path, one choice, a list of numbers, of texts, of choices, or of
    entries with settings of their own (`entries`: the rows of each kind of entry, by its name).
    `kinds`: the kinds of segmentation that it has an effect on; empty: all.
    `group`: the heading that the form shows it under. `guidance`: what to think of before deciding, paragraphs with a heading up to the first colon.
    `choice_kinds`, `choice_dims`: those that a choice suits; one that is not listed suits all.
    `only_with`: other settings of its section, and the values of them that it has an effect with.
    `entry_kinds`: those that a kind of entry suits; `entry_tag`: the field that says which kind an entry is; `documented_in`:
    the page of the docs that lists them.
    `empty`: what an empty field stands for: `"auto"`, `None`, or nothing (the field must be filled).
    """

    path: str
    title: str
    help: str
    unit: str
    kind: FieldKind
    default: Any
    minimum: float | None
    maximum: float | None
    above: float | None
    below: float | None
    lengths: tuple[int | None, int | None]
    integer: bool
    choices: dict[Any, str]
    choice_help: dict[str, str]
    choice_source: dict[str, str]
    empty: Literal["auto", "none", ""]
    advanced: bool
    path_kind: str
    kinds: tuple[str, ...] = ()
    choice_kinds: dict[str, tuple[str, ...]] = field(default_factory=dict)
    choice_dims: dict[str, tuple[int, ...]] = field(default_factory=dict)
    guidance: tuple[str, ...] = ()
    group: str = ""
    only_with: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    entries: dict[str, list[Setting]] = field(default_factory=dict)
    entry_titles: dict[str, str] = field(default_factory=dict)
    entry_helps: dict[str, str] = field(default_factory=dict)
    entry_kinds: dict[str, tuple[str, ...]] = field(default_factory=dict)
    entry_tag: str = "kind"
    documented_in: str = ""

    @property
    def section(self) -> str:
        return self.path.partition(".")[0]

    @property
    def name(self) -> str:
        return self.path.rpartition(".")[2]

    def suits(self, kind: str) -> bool:
        """Whether it has an effect on this kind of segmentation."""
        return not self.kinds or kind in self.kinds

    def has_effect(self, config: Config) -> bool:
        """Whether it has an effect as `config` is: with its kind of segmentation, and beside the other settings."""
        return self.suits(config.task.kind) and not self.obstacle(config)

    def obstacle(self, config: Config) -> str:
        """The name of the setting of its section beside whose value it has no effect; empty if it has."""
        used = {name: config.value_in_use(f"{self.section}.{name}") for name in self.only_with}
        return next((name for name, values in self.only_with.items() if used[name] not in values), "")

    def value_in(self, config: Config) -> Any:
        """Its value in `config`: what it would be with a kind that has it, if the chosen one has not."""
        if self.section != "task" or self.suits(config.task.kind):
            return getattr(getattr(config, self.section), self.name)
        return config.task.value_for(self.kinds[0], name=self.name)

    def choice_obstacle(self, choice: Any, kind: str, *, dim: int) -> str:
        """Why `choice` cannot be used for this kind of segmentation in so many dimensions; empty if it can."""
        if kind not in (self.choice_kinds.get(choice) or (kind,)):
            return "not for this kind of segmentation"
        return "" if dim in self.choice_dims.get(choice, (dim,)) else f"not for {dim}D"

    def entry_suits(self, tag: str, *, kind: str) -> bool:
        """Whether an entry of this kind can be used for this kind of segmentation."""
        return not self.entry_kinds.get(tag) or kind in self.entry_kinds[tag]

    @property
    def range_in_words(self) -> str:
        """`1 to 100`, `above 0`, ... or an empty string."""
        low = (
            f"above {_short(self.above)}"
            if self.above is not None
            else ""
            if self.minimum is None
            else _short(self.minimum)
        )
        high = (
            f"below {_short(self.below)}"
            if self.below is not None
            else ""
            if self.maximum is None
            else _short(self.maximum)
        )
        if low and high:
            return f"{low} to {high}"
        return f"{low} or more" if low and self.minimum is not None else low or (f"up to {high}" if high else "")


def settings(model: type[Section] = Config, prefix: str = "") -> list[Setting]:
    """The rows of every setting of `model`, in order of declaration."""
    return list(_walk(model, prefix))


def sections() -> dict[str, tuple[str, str]]:
    """Title and description of every section of `Config`, in order."""
    by_name = {}
    for name, info in Config.model_fields.items():
        assert isinstance(info.annotation, type)
        by_name[name] = (info.title or name, (info.annotation.__doc__ or "").strip())
    return by_name


def reference_page() -> str:
    """The reference of all settings as a page of Markdown."""
    lines = [
        "# Settings",
        "",
        "Made from `nbtrainer/config` by `python -m nbtrainer.config.describe`; do not edit.",
        "",
    ]
    rows = settings()
    for section, (title, description) in sections().items():
        lines += [
            f"## {section}: {title}",
            "",
            description,
            "",
            "| setting | default | values | meaning |",
            "|---|---|---|---|",
        ]
        for row in (row for row in rows if row.section == section):
            lines.append(_table_row(row))
        for row in (row for row in rows if row.section == section):
            lines += _tables_of_entries(row)
            lines += _guidance(row)
        lines.append("")
    return "\n".join(lines)


def _guidance(row: Setting) -> Iterator[str]:
    if row.guidance:
        yield from ("", f"Before you choose `{row.path}`:", "")
        for heading, _, words in (paragraph.partition(": ") for paragraph in row.guidance):
            yield f"- **{heading}**: {words}"


def _tables_of_entries(row: Setting) -> Iterator[str]:
    if row.documented_in:
        yield from (
            "",
            f"Entries of `{row.path}`, as in `{{{_example(row)}}}`: see [{row.documented_in}]({row.documented_in}).",
        )
        return
    for kind, fields in row.entries.items():
        named = f' with `"{row.entry_tag}": "{kind}"`' if kind else ""
        yield from (
            "",
            f"Entries of `{row.path}`{named}: {row.entry_helps[kind]}",
            "",
            "| field | default | values | meaning |",
            "|---|---|---|---|",
        )
        yield from (_table_row(inner) for inner in fields)
        for inner in fields:
            yield from _tables_of_entries(inner)


def _walk(model: type[Section], prefix: str) -> Iterator[Setting]:
    for name, info, kinds in model.declarations():
        annotation = info.annotation
        path = f"{prefix}{name}"
        if isinstance(annotation, type) and issubclass(annotation, Section):
            yield from _walk(annotation, f"{path}.")
        elif name != model.tag or not prefix.endswith("]."):
            yield _row(path, info, kinds)


def _row(path: str, info: FieldInfo, kinds: tuple[str, ...]) -> Setting:
    metadata = metadata_of(info)
    members = members_of(info.annotation)
    kind, models = kind_of(members, metadata.choices, metadata.path)
    default = info.get_default(call_default_factory=True)
    bounds: dict[str, Any] = {}
    item_bounds: dict[str, Any] = {}
    own = [*info.metadata, *number_metadata(info.annotation)]
    for constraint in [*own, *item_metadata(info.annotation)]:
        target = bounds if constraint in own else item_bounds
        for key in ("ge", "gt", "le", "lt", "min_length", "max_length"):
            if getattr(constraint, key, None) is not None:
                target[key] = getattr(constraint, key)
    limits = item_bounds if kind == "numbers" else bounds
    by_kind = {tag_of(entry): entry for entry in models}
    return Setting(
        path=path,
        title=info.title or path,
        help=info.description or "",
        unit=metadata.unit,
        kind=kind,
        default=None if default is PydanticUndefined else default,
        minimum=limits.get("ge"),
        maximum=limits.get("le"),
        above=limits.get("gt"),
        below=limits.get("lt"),
        lengths=(bounds.get("min_length"), bounds.get("max_length")),
        integer=any(member is int for member in [*members, *item_types(info.annotation)]),
        choices=dict(metadata.choices) or literals_in(members),
        choice_help=dict(metadata.helps),
        choice_source=dict(metadata.sources),
        empty="none" if type(None) in members else "auto" if allows_auto(members) else "",
        advanced=metadata.advanced,
        path_kind=metadata.path,
        kinds=kinds,
        choice_kinds=dict(metadata.choice_kinds),
        choice_dims=dict(metadata.choice_dims),
        guidance=metadata.guidance,
        group=metadata.group,
        only_with=dict(metadata.only_with),
        entries={tag: settings(entry, f"{path}[].") for tag, entry in by_kind.items()},
        entry_titles={tag: entry.model_fields[entry.tag].title or tag if tag else "" for tag, entry in by_kind.items()},
        entry_helps={tag: _entry_help(entry) for tag, entry in by_kind.items()},
        entry_kinds={tag: entry.kinds for tag, entry in by_kind.items()},
        entry_tag=models[0].tag if models else "kind",
        documented_in=models[0].documented_in if models else "",
    )


def _entry_help(entry: type[Section]) -> str:
    """What an entry is for; of a change, also whether it suits thin outlines and flat images."""
    sentences = [(entry.__doc__ or "").strip()]
    if issubclass(entry, Transform):
        sentences += ["Safe for outlines one pixel wide."] if entry.is_safe else []
        sentences += ["Only for volumes."] if 2 not in entry.dims else []
    return " ".join(sentences)


def _table_row(row: Setting) -> str:
    default = "" if row.kind == "entries" else f"`{row.default!r}`" if row.default != "" else "empty"
    values = ", ".join(f"`{name}`" for name in row.choices) or " ".join(filter(None, [row.range_in_words, row.unit]))
    sources = " ".join(f"[{name}]({_url(source)})" for name, source in row.choice_source.items() if _url(source))
    kinds = f"Of the kind {messages.join_or(row.kinds)}." if row.kinds else ""
    conditions = [f"Only where `{name}` is {_allowed(values)}." for name, values in row.only_with.items()]
    meaning = " ".join(filter(None, [f"{row.title}. {row.help}", kinds, *conditions, sources]))
    return f"| `{row.path.rpartition('[].')[2]}` | {default} | {values} | {meaning} |"


def _allowed(values: tuple[Any, ...]) -> str:
    return messages.join_or("empty" if value == [] else value for value in values)


def _example(row: Setting) -> str:
    """The first kind of entry with the defaults of its fields, as JSON."""
    tag, fields = next(iter(row.entries.items()))
    return ", ".join([f'"{row.entry_tag}": "{tag}"', *(f'"{inner.name}": {inner.default}' for inner in fields)])


def _url(source: str) -> str:
    return next((word for word in source.replace(",", " ").split() if word.startswith("http")), "")


def _short(number: float | None) -> str:
    return "" if number is None else f"{number:,}" if float(number).is_integer() is False else f"{int(number):,}"


if __name__ == "__main__":
    print(reference_page())
