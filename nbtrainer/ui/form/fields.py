"""A widget for each kind of setting: it shows what the config says, and answers a wrong value beside it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

import ipywidgets as w

from nbtrainer.config.describe import Setting
from nbtrainer.ui.disposal import set_children
from nbtrainer.ui.form.field import Field
from nbtrainer.ui.form.field_help import sources
from nbtrainer.ui.form.field_values import format_value, parse_value, when_empty
from nbtrainer.ui.widgets import Guard, create, set_trait, set_visible, text

# how finely a slider moves a number that is no whole one
SLIDER_STEP = 0.01


class TextField(Field):
    """A number, text, path or list of numbers, typed: numbers too, so that a wrong one is answered and not swallowed."""

    def _lines(self) -> list[w.Widget]:
        self.widget = create(
            w.Text,
            continuous_update=False,
            placeholder=when_empty(self.setting),
            classes=("nbt-unset",),
            **self._label(),
        )
        self.widget.observe(self._callback(lambda: parse_value(self.setting, self.widget.value)), "value")
        return [self._row(self.widget)]

    def _display(self, value: Any) -> None:
        set_trait(self.widget, "value", format_value(self.setting, value))


class SliderField(Field):
    """A number between two bounds, moved; a new value counts while it is still moved."""

    def _lines(self) -> list[w.Widget]:
        row = self.setting
        step = 1 if row.integer else SLIDER_STEP
        # what must be above a bound cannot be the bound
        low = row.minimum if row.minimum is not None else (row.above or 0) + step
        high = row.maximum if row.maximum is not None else (row.below or 0) - step
        kind = w.IntSlider if row.integer else w.FloatSlider
        shape = {"readout_format": "d" if row.integer else ".2f"}
        self.widget = create(kind, min=low, max=high, step=step, **shape, **self._label())
        self.widget.observe(self._callback(lambda: self.widget.value), "value")
        return [self._row(self.widget)]

    def _display(self, value: Any) -> None:
        set_trait(self.widget, "value", value)


class PathField(TextField):
    """A path: typed, or chosen behind the small button."""

    def _lines(self) -> list[w.Widget]:
        lines = super()._lines()
        self._chooser: Any = None
        button = create(w.Button, icon="folder-open-o", tooltip=f"{self.setting.title}: choose", classes=("nbt-icon",))
        button.on_click(self._guard(lambda _: self._toggle_chooser()))
        lines[0].children = [lines[0].children[0], button, *lines[0].children[1:]]
        self._place = create(w.VBox, layout=w.Layout(display="none"))
        return [*lines, self._place]

    def _toggle_chooser(self) -> None:
        if self._chooser is None:
            self._chooser = self._choose()
            self._place.children = [self._chooser]
            set_visible(self._place, True)
        else:
            set_visible(self._place, self._place.layout.display == "none")

    def _choose(self) -> Any:
        from ipyfilechooser import FileChooser  # reads the folder when made: only once somebody asks

        start = os.path.expanduser(self.value or "")
        while start and not os.path.isdir(start):
            start = os.path.dirname(start)
        chooser = FileChooser(
            start or os.getcwd(),
            show_only_dirs=self.setting.path_kind == "folder",
            select_default=False,
            layout=w.Layout(
                width="500px"
            ),  # its own default is one object for all choosers, and would end with the first
        )

        def chosen(_: Any = None) -> None:
            picked = chooser.selected if self.setting.path_kind == "file" else chooser.selected_path
            set_visible(self._place, False)
            if picked:
                self.enter(picked)

        chooser.register_callback(self._guard(chosen))
        chooser._show_dialog()  # the field's own button was pressed to open it: one press is enough
        return chooser


class SwitchField(Field):
    """On or off."""

    def _lines(self) -> list[w.Widget]:
        self.widget = create(w.Checkbox, indent=True, **self._label())
        self.widget.observe(self._callback(lambda: self.widget.value), "value")
        return [self._row(self.widget)]

    def _display(self, value: Any) -> None:
        set_trait(self.widget, "value", bool(value))


class ChoiceField(Field):
    """One of a menu."""

    def _lines(self) -> list[w.Widget]:
        self.widget = create(w.Dropdown, options=self._options(self.value), value=self.value, **self._label())
        self.widget.observe(self._callback(lambda: self.widget.value), "value")
        return [self._row(self.widget)]

    def _display(self, value: Any) -> None:
        options = self._options(value)
        if list(self.widget.options) != options:
            self.widget.options = options
        set_trait(self.widget, "value", value)

    def _options(self, chosen: Any) -> list[tuple[str, Any]]:
        """What suits the task, and what is chosen, whether it does or not."""
        return [
            (f"{title} ({obstacle})" if (obstacle := self._choice_obstacle(value)) else title, value)
            for value, title in self.setting.choices.items()
            if value == chosen or self._choice_suits(value)
        ]


CHOOSE = "choose …"


class ChoicesField(Field):
    """Several of a menu: + adds one, - removes one; none of them means what an empty field means.

    `meaning` says what `auto` amounts to, so that adding one to it keeps the others.
    """

    meaning: Callable[[], Iterable[str]] = staticmethod(lambda: ())

    def _lines(self) -> list[w.Widget]:
        self.widget = create(w.Dropdown, **self._label())
        self.add_button = create(
            w.Button, icon="plus", tooltip=f"{self.setting.title}: add the one chosen here", classes=("nbt-icon",)
        )
        self.add_button.on_click(self._guard(lambda _: self._add_chosen()))
        self.widget.observe(self._guard(lambda _: self._can_add()), "value")
        self.chosen_box = create(w.VBox, classes=("nbt-under",))
        return [self._row(self.widget, self.add_button), self.chosen_box]

    def _add_chosen(self) -> None:
        name = self.widget.value
        if name:
            self.enter(list(dict.fromkeys([*(self._chosen() or self._meant()), name])))
            set_trait(self.widget, "value", "")

    def _can_add(self) -> None:
        set_trait(self.add_button, "disabled", not self.widget.value)

    def _chosen(self) -> list[str]:
        return list(self.value) if isinstance(self.value, list) else []

    def _meant(self) -> list[str]:
        return list(self.meaning()) if self.value == "auto" else []

    def _display(self, value: Any) -> None:
        chosen, meant = self._chosen(), self._meant()
        left = [
            (title, name)
            for name, title in self.setting.choices.items()
            if name not in chosen and name not in meant and self._choice_suits(name)
        ]
        options = [(CHOOSE, ""), *left]
        if list(self.widget.options) != options:
            self.widget.options = options
            set_trait(self.widget, "value", "")
        set_trait(self.widget, "disabled", not left)
        self._can_add()
        titles = ", ".join(str(self.setting.choices.get(name, name)) for name in meant)
        words = f"auto: {titles or 'chosen to suit the task'}" if self.setting.empty == "auto" else "none"
        nothing = [] if chosen else [create(w.HTML, value=text(words, "nbt-muted", "nbt-small"))]
        set_children(self.chosen_box, [self._line(name) for name in chosen] or nothing)

    def _line(self, name: str) -> w.HBox:
        title = self.setting.choices.get(name, name)
        remove = create(w.Button, icon="minus", tooltip=f"Remove {title}", classes=("nbt-icon", "nbt-quiet"))
        remove.on_click(self._guard(lambda _: self.remove(name)))
        obstacle = self._choice_obstacle(name)
        remark = text(f" ▲ {obstacle}", "nbt-look", "nbt-small") if obstacle else ""
        words = create(w.HTML, value=text(title) + remark + sources(self.setting, name))
        return create(w.HBox, children=[remove, words], layout=w.Layout(align_items="center"))

    def remove(self, name: str) -> None:
        left = [other for other in self._chosen() if other != name]
        self.enter(left or ("auto" if self.setting.empty == "auto" else []))


def field_for(
    setting: Setting, read: Callable[[], Any], write: Callable[[Any], None], default: Callable[[], Any], guard: Guard
) -> Field:
    """The field that suits the kind of `setting`; lists of entries are in `nbtrainer.ui.form.list_field`."""
    kinds: dict[str, type[Field]] = {
        "bool": SwitchField,
        "int": TextField,
        "float": TextField,
        "text": TextField,
        "numbers": TextField,
        "texts": TextField,
        "path": PathField,
        "choice": ChoiceField,
        "choices": ChoicesField,
    }
    return kinds[setting.kind](setting, read, write, default, guard)
