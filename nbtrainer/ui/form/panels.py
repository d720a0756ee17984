"""The panels: sections of one line each until they are opened, with number, name, present value in words, and state."""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import NamedTuple

import ipywidgets as w

from nbtrainer.config import Config
from nbtrainer.config.describe import Setting, sections, settings
from nbtrainer.errors import Finding
from nbtrainer.ui import style
from nbtrainer.ui.form.field import Field
from nbtrainer.ui.form.field_values import describe_value
from nbtrainer.ui.widgets import Guard, create, set_trait, set_visible, text


class Plan(NamedTuple):
    """A panel as planned: the sections it holds, and its present value in words."""

    title: str
    sections: tuple[str, ...]
    summary: Callable[[Config], str]


_TITLES = {name: title for name, (title, _) in sections().items()}
ROWS = settings()


def row_of(path: str, *, kind: str) -> Setting:
    """The row of the setting at `path`: of kinds of segmentation that each have one of this name, that of `kind`."""
    rows = [row for row in ROWS if row.path == path]
    return next((row for row in rows if row.suits(kind)), rows[0])


def setting_text(config: Config, path: str) -> str:
    """The value of the setting at `path`, in words."""
    row = row_of(path, kind=config.task.kind)
    return describe_value(row, row.value_in(config))


def _data(config: Config) -> str:
    chosen = [dataset.images for dataset in config.data.datasets if dataset.images]
    names = ["/".join(PurePath(path).parts[-2:]) for path in chosen]
    return "no images yet" if not names else names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _model(config: Config) -> str:
    dim = f"{config.task.dim}D"
    return f"{dim}, {setting_text(config, 'model.name')}, {setting_text(config, 'compile.optimizer')}"


def _tiling(config: Config) -> str:
    return f"{' × '.join(str(side) for side in config.sampling.patch_size)} pixels, {config.sampling.method}"


def _training(config: Config) -> str:
    training = config.training
    length = f"{training.epochs:,} epochs" if training.iterations is None else f"{training.iterations:,} steps"
    budget = "" if training.max_minutes is None else f", at most {training.max_minutes:g} min"
    return f"{length}{budget}, batch {setting_text(config, 'training.batch_size')}"


def _augmentation(config: Config) -> str:
    turns = ", rotate and flip" if config.augmentation.rotate_and_flip else ""
    return f"{config.augmentation.strength}{turns}"


def _output(config: Config) -> str:
    root = PurePath(config.output.root)
    return "/".join(filter(None, [root.name or str(root), config.output.data_task, config.output.name or "run-…"]))


PLANS = (
    Plan(_TITLES["data"], ("data",), _data),
    Plan(f"{_TITLES['model']} & {_TITLES['compile'].lower()}", ("task", "model", "compile"), _model),
    Plan(_TITLES["augmentation"], ("augmentation",), _augmentation),
    Plan(_TITLES["sampling"], ("sampling",), _tiling),
    Plan(
        _TITLES["normalization"],
        ("normalization",),
        lambda config: setting_text(config, "normalization.method").partition(" (")[0],
    ),
    Plan(_TITLES["training"], ("training",), _training),
    Plan(_TITLES["output"], ("output",), _output),
)


# what is chosen first, and stands above the panels: see `nbtrainer.ui.form.task_field`
ABOVE = ("task.kind",)


def groups(section: str) -> list[tuple[str, list[Setting]]]:
    """The rows of a section under their headings, first those without one."""
    rows = [row for row in ROWS if row.section == section]
    titles = dict.fromkeys(["", *(row.group for row in rows)])
    return [(title, [row for row in rows if row.group == title]) for title in titles]


class Panel:
    """One panel. `extras` stand below the settings whose paths they are listed under, or at the end of a section.

    Its fields are made when it is first opened: hundreds of widgets at once would keep the page waiting.
    """

    def __init__(
        self,
        number: int,
        plan: Plan,
        make_field: Callable[[Setting], Field],
        extras: Mapping[str, list[w.Widget]],
        guard: Guard,
    ) -> None:
        self.number, self.plan = number, plan
        self.fields: list[Field] = []
        self.findings: list[Finding] = []
        self._make_field, self._extras = make_field, extras
        self.groups: list[tuple[w.HTML, list[Field]]] = []
        self._view = {"is_complete": False, "is_helping": False}
        self._config: Config | None = None
        self.is_open = False
        self._button = create(w.Button, description=f"{number}  {plan.title}", icon="caret-right")
        self._button.on_click(guard(lambda _: self.open(not self.is_open)))
        self.summary_line = create(w.HTML, layout=w.Layout(max_width=style.beside(plan.title)))
        self._head = create(w.HBox, children=[self._button, self.summary_line], classes=("nbt-panel-head",))
        self.body = create(w.VBox, classes=("nbt-panel-body",), layout=w.Layout(display="none"))
        self.box = create(w.VBox, children=[self._head, self.body])

    def open(self, is_open: bool = True) -> None:
        """Open the panel, or close it."""
        if is_open:
            self.build()
        self.is_open = is_open
        set_visible(self.body, is_open)
        set_trait(self._button, "icon", "caret-down" if is_open else "caret-right")
        set_trait(self._button, "tooltip", f"{'Close' if is_open else 'Open'} {self.plan.title}")
        (self._head.add_class if is_open else self._head.remove_class)("nbt-open")

    def holds(self, where: str) -> bool:
        """Whether the setting at `where` stands in this panel."""
        return where.partition(".")[0] in self.plan.sections

    def show_findings(self, findings: list[Finding]) -> None:
        """Say `findings` beside their fields, in the place of those said before; errors open the panel."""
        self.findings = findings
        if any(finding.level == "error" for finding in findings):
            self.open()
        if self.fields:
            for field in self.fields:
                field.show()
            # errors last: where a field has several findings, the worst is seen
            for finding in sorted(findings, key=lambda finding: finding.level == "error"):
                # of two kinds that have a setting of one name, the chosen one is meant
                fields = sorted(self.fields, key=lambda field: not field.suits_kind)
                any(field.show_findings(finding) for field in fields)
            self.show_view(**self._view)

    def drop_findings_of(self, field: Field) -> None:
        """`field` was entered: what a check said about it is old."""
        path = field.setting.path
        self.findings = [finding for finding in self.findings if not finding.where.startswith(path)]

    def show(self, config: Config) -> None:
        """Show what the config says: the line, and the fields that are not just being refused."""
        for field in self.fields:
            if field.finding is None:
                field.show()
        self._suit(config)
        refused = sum(field.finding is not None and field.finding.level == "error" for field in self._all_fields())
        errors = max(refused, sum(finding.level == "error" for finding in self.findings))
        warnings = sum(finding.level == "warning" for finding in self.findings)
        set_trait(
            self.summary_line,
            "value",
            _line(self.plan.summary(config), errors=errors, warnings=warnings, is_missing=self._is_missing(config)),
        )

    def show_view(self, *, is_complete: bool, is_helping: bool) -> None:
        """The simple or the complete view, with help under the fields or without."""
        self._view = {"is_complete": is_complete, "is_helping": is_helping}
        for field in self.fields:
            field.show_view(**self._view)
        self._show_heads()

    def _suit(self, config: Config) -> None:
        """Show what has an effect with this kind of segmentation, and beside the other settings."""
        self._config = config
        for field in self.fields:
            field.follow(config)
        self._show_heads()

    def _show_heads(self) -> None:
        """A head stands over something, or is not shown."""
        for head, fields in self.groups:
            set_visible(head, any(field.is_shown for field in fields))

    def refused_entries(self) -> list[Finding]:
        """What was typed here and not taken, each with the name of its field."""
        wrong = [field for field in self._all_fields() if field.is_refused]
        return [
            dataclasses.replace(field.finding, wrong=f"{field.setting.title}: {field.finding.wrong}")
            for field in wrong
            if field.finding
        ]

    def _all_fields(self) -> list[Field]:
        return [inner for field in self.fields for inner in (field, *getattr(field, "fields", []))]

    def _is_missing(self, config: Config) -> bool:
        return "data" in self.plan.sections and bool(missing(config))

    def build(self) -> None:
        """Make the fields, if they were not made yet."""
        if self.fields:
            return
        children: list[w.Widget] = []
        for section in self.plan.sections:
            if len(self.plan.sections) > 1:
                children.append(create(w.HTML, value=f'<div class="nbt-subhead">{html.escape(_TITLES[section])}</div>'))
            for title, rows in groups(section):
                made = [self._make_field(row) for row in rows]
                self.fields += made
                if title:
                    head = create(w.HTML, value=f'<div class="nbt-subhead">{html.escape(title)}</div>')
                    self.groups.append((head, made))
                    children.append(head)
                for field in made:
                    own = [] if field.setting.path in ABOVE else [field.box]
                    children += [*own, *self._extras.get(field.setting.path, [])]
            children += self._extras.get(section, [])
        self.body.children = children
        for field in self.fields:
            if self._config is not None:
                field.follow(self._config)
        self.show_view(**self._view)


def missing(config: Config) -> str:
    """What must be given before training can start, in a sentence; empty if nothing."""
    datasets = config.data.datasets
    if not datasets or not all(dataset.images for dataset in datasets):
        return "Choose a folder of images (1, Images), or use the sample images."
    return ""


def _line(summary: str, *, errors: int, warnings: int, is_missing: bool) -> str:
    state = text("✓", "nbt-fine")
    if errors:
        state = text(f"✕ {errors} wrong", "nbt-wrong")
    elif warnings:
        state = text(f"▲ {warnings} to look at", "nbt-look")
    elif is_missing:
        state = text("▲ needed", "nbt-look")
    return f'<div class="nbt-line" title="{html.escape(summary)}">{text(summary, "nbt-muted")}{state}</div>'
