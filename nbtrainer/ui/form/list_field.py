"""A list of entries with settings of their own, such as data sets and augmentation steps: + adds one, - removes one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as w

from nbtrainer.config import Config
from nbtrainer.config.describe import Setting
from nbtrainer.errors import Finding
from nbtrainer.ui.disposal import set_children
from nbtrainer.ui.form.field import Field
from nbtrainer.ui.form.fields import CHOOSE, field_for
from nbtrainer.ui.widgets import Guard, create, set_trait, set_visible, text

# makes the field of a setting, as `field_for` does
Maker = Callable[[Setting, Callable[[], Any], Callable[[Any], None], Callable[[], Any], Guard], Field]


class EntriesField(Field):
    """The list: a menu of kinds if there are several, the entries below each other.

    `editors` make the fields of lists within an entry, by name of the setting.
    """

    def __init__(
        self,
        setting: Setting,
        read: Callable[[], Any],
        write: Callable[[Any], None],
        default: Callable[[], Any],
        *,
        guard: Guard,
        editors: Mapping[str, Maker] | None = None,
    ) -> None:
        self._editors = editors or {}
        self.entries: list[_Entry] = []
        self._view = {"is_complete": False, "is_helping": False}
        self._config: Config | None = None
        super().__init__(setting, read, write, default, guard)

    def show_view(self, *, is_complete: bool, is_helping: bool) -> None:
        self._view = {"is_complete": is_complete, "is_helping": is_helping}
        super().show_view(is_complete=is_complete, is_helping=is_helping)
        for entry in self.entries:
            entry.show_view(**self._view)

    def follow(self, config: Config) -> None:
        self._config = config
        super().follow(config)
        for field in self.fields:
            field.follow(config)

    def show_findings(self, finding: Finding) -> bool:
        if any(field.show_findings(finding) for entry in self.entries for field in entry.fields):
            return True
        return super().show_findings(finding)

    @property
    def fields(self) -> list[Field]:
        """The fields of all entries, in order."""
        return [field for entry in self.entries for field in entry.fields]

    def _lines(self) -> list[w.Widget]:
        kinds = self._kinds()
        self.entries_box = create(w.VBox)
        add = create(w.Button, icon="plus", tooltip=f"{self.setting.title}: add one")
        if not kinds:
            add.description = "Add a set"
            add.on_click(self._guard(lambda _: self.enter([*self.value, {}])))
            return [self.entries_box, self._row(add)]
        self.kind_menu = create(w.Dropdown, options=[(CHOOSE, ""), *kinds], **self._label())
        add.add_class("nbt-icon")
        add.disabled = True
        add.on_click(self._guard(lambda _: self.add_entry()))
        self.kind_menu.observe(self._guard(lambda _: set_trait(add, "disabled", not self.kind_menu.value)), "value")
        return [self.entries_box, self._row(self.kind_menu, add)]

    def _kinds(self) -> list[tuple[str, str]]:
        """Title and name of each kind of entry that suits the kind of segmentation."""
        suits = self.setting.entry_suits
        return [
            (title, kind)
            for kind, title in self.setting.entry_titles.items()
            if kind and (not self._task_kind or suits(kind, kind=self._task_kind))
        ]

    def add_entry(self) -> None:
        if self.kind_menu.value:
            self.enter([*self.value, {self.setting.entry_tag: self.kind_menu.value}])
            set_trait(self.kind_menu, "value", "")

    @property
    def _is_in_use(self) -> bool:
        return bool(self.value)

    def _display(self, value: Any) -> None:
        options = [(CHOOSE, ""), *self._kinds()]
        if len(options) > 1 and list(self.kind_menu.options) != options:
            self.kind_menu.options = options
        if [id(entry.values) for entry in self.entries] != [id(values) for values in value]:
            for entry in self.entries:
                entry.close()
            self.entries = [self._entry(index, values) for index, values in enumerate(value)]
            set_children(self.entries_box, [entry.box for entry in self.entries])
            for entry in self.entries:
                entry.show_view(**self._view)
            if self._config is not None:
                for field in self.fields:
                    field.follow(self._config)
        for entry in self.entries:
            for field in entry.fields:
                if field.finding is None:
                    field.show()

    def _entry(self, index: int, values: Any) -> _Entry:
        def touched() -> None:
            # the list is assigned again, so that what depends on it (the strength) follows
            self._write(list(self.value))
            self.on_settled()

        return _Entry(
            self.setting,
            index,
            values,
            touched=touched,
            remove=lambda: self.remove(index),
            guard=self._guard,
            editors=self._editors,
        )

    def _redisplay(self) -> None:
        super()._redisplay()
        self._redisplay_box()
        if "" in self.setting.entries:  # a list of the user's own things has no default to go back to
            set_visible(self.reset_button, False)
            self.box.remove_class("nbt-changed")

    def remove(self, index: int) -> None:
        self.enter([values for position, values in enumerate(self.value) if position != index])


class _Entry:
    """One entry: its name, a button that removes it, a field for each of its settings."""

    def __init__(
        self,
        setting: Setting,
        index: int,
        values: Any,
        *,
        touched: Callable[[], None],
        remove: Callable[[], None],
        guard: Guard,
        editors: Mapping[str, Maker],
    ) -> None:
        self.values, self._editors = values, editors
        kind = getattr(values, setting.entry_tag, "")
        title = setting.entry_titles[kind] or f"Set {index + 1}"
        button = create(w.Button, icon="minus", tooltip=f"Remove {title}", classes=("nbt-icon", "nbt-quiet"))
        button.on_click(guard(lambda _: remove()))
        rows = [dataclasses.replace(row, path=f"{setting.path}[{index}].{row.name}") for row in setting.entries[kind]]
        rows = [row for row in rows if row.kind != "entries" or row.name in editors]
        self.fields = [self._field(row, guard) for row in rows]
        for field in self.fields:
            field.on_settled = touched
        name = create(w.HTML, value=text(title, "nbt-entry-name"), tooltip=setting.entry_helps[kind])
        head = create(w.HBox, children=[button, name], layout=w.Layout(align_items="center"))
        explained = text(setting.entry_helps[kind], "nbt-muted", "nbt-small")
        self.help_text = create(w.HTML, value=explained, classes=("nbt-under",), layout=w.Layout(display="none"))
        self.box = create(
            w.VBox, children=[head, self.help_text, *(field.box for field in self.fields)], classes=("nbt-entry",)
        )

    def close(self) -> None:
        for field in self.fields:
            field.close()

    def show_view(self, *, is_complete: bool, is_helping: bool) -> None:
        set_visible(self.help_text, is_helping)
        for field in self.fields:
            field.show_view(is_complete=is_complete, is_helping=is_helping)

    def _field(self, row: Setting, guard: Guard) -> Field:
        # a path has no default to go back to
        default = (lambda: getattr(self.values, row.name)) if row.kind == "path" else (lambda: row.default)
        return self._editors.get(row.name, field_for)(
            row,
            lambda: getattr(self.values, row.name),
            lambda value: setattr(self.values, row.name, value),
            default,
            guard,
        )
