"""A field for each threshold of a model, as the form has it, with the value that is tried."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from nbtrainer.config.describe import Setting
from nbtrainer.config.task import TaskSettings
from nbtrainer.ui.disposal import set_children
from nbtrainer.ui.form.field import Field
from nbtrainer.ui.form.fields import SliderField, field_for
from nbtrainer.ui.form.panels import row_of
from nbtrainer.ui.widgets import Guard, create, set_visible, text

if TYPE_CHECKING:
    from nbtrainer.inference.preview import PredictionPreview  # brings torch

_NOTHING = "This model has no threshold that could be moved."


class ThresholdFields:
    """`on_move` is called when a threshold was moved or all were set back."""

    def __init__(self, guard: Guard, on_move: Callable[[], None]) -> None:
        self._guard, self._on_move = guard, on_move
        self.fields: dict[str, Field] = {}
        self._values = TaskSettings()
        self._own: dict[str, Any] = {}
        self.box = create(w.VBox)

    def show(self, preview: PredictionPreview) -> None:
        """Fields for the thresholds of the model that made `preview`, at the values that are in it."""
        self._own = preview.adjustable
        self._values = TaskSettings(kind=preview.task.name)
        for name, value in self._own.items():
            setattr(self._values, name, value)
        self.fields = {name: self._field(name, preview) for name in self._own}
        boxes = [field.box for field in self.fields.values()]
        set_children(self.box, boxes or [create(w.HTML, value=text(_NOTHING, "nbt-muted", "nbt-small"))])
        self.show_in_use(preview.in_use())

    def show_in_use(self, names: Sequence[str]) -> None:
        """Show the fields of those that have an effect, and those in which something is wrong."""
        for name, field in self.fields.items():
            set_visible(field.box, name in names or field.finding is not None)

    def values(self) -> dict[str, Any]:
        """The thresholds as they stand."""
        return {name: getattr(self._values, name) for name in self.fields}

    def changes(self) -> dict[str, Any]:
        """Those that differ from the model's."""
        return {name: value for name, value in self.values().items() if value != self._own[name]}

    def reset(self) -> None:
        """Back to those of the model."""
        for name, value in self._own.items():
            setattr(self._values, name, value)
            self.fields[name].show()
        if self.fields:
            self._on_move()

    def forget(self) -> None:
        """There is no model: no threshold differs from it."""
        self.fields, self._own = {}, {}

    def _field(self, name: str, preview: PredictionPreview) -> Field:
        row = row_of(f"task.{name}", kind=preview.task.name)
        if row.kind == "choice":
            row = dataclasses.replace(
                row, choices={value: row.choices[value] for value in preview.choices(name, row.choices)}
            )
        own = self._own[name]
        made = field_of_threshold(row)(
            row,
            lambda: getattr(self._values, name),
            lambda value: setattr(self._values, name, value),
            lambda: own,
            self._guard,
        )
        made.show_view(is_complete=True, is_helping=False)
        made.on_settled = self._on_move
        return made


def field_of_threshold(row: Setting) -> Callable[..., Field]:
    """A slider for a number between two bounds, else the field that the form has."""
    low = row.minimum if row.minimum is not None else row.above
    high = row.maximum if row.maximum is not None else row.below
    return SliderField if row.kind in ("int", "float") and low is not None and high is not None else field_for
