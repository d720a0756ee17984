"""The field of the regions of interest of a data set: how many there are, and the editor below it once it is opened."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from nbtrainer.config.describe import Setting
from nbtrainer.errors import UserError
from nbtrainer.ui.disposal import set_children
from nbtrainer.ui.form.field import Field
from nbtrainer.ui.widgets import Guard, create, set_trait, text

if TYPE_CHECKING:
    from nbtrainer.ui.data_views.roi_editor import Editor


class RegionsField(Field):
    """One line that says how many regions there are, and the editor below it once it is opened."""

    def __init__(
        self,
        setting: Setting,
        read: Callable[[], Any],
        write: Callable[[Any], None],
        *,
        default: Callable[[], Any],
        guard: Guard,
        open_editor: Callable[[RegionsField], Editor],
    ) -> None:
        self.editor: Editor | None = None
        self._open_editor = open_editor
        super().__init__(setting, read, write, default, guard)
        # what is wrong stands above the editor, where it is seen
        self.box.children = [child for child in self.box.children if child is not self._place] + [self._place]

    @property
    def dataset(self) -> int:
        """Which dataset the regions belong to."""
        return int(self.setting.path.partition("[")[2].partition("]")[0])

    def close(self) -> None:
        if self.editor is not None:
            self.editor.close()
            self.editor = None

    def toggle(self) -> None:
        """Open the editor, or close it."""
        if self.editor is not None:
            self.close()
            set_children(self._place, [])
        else:
            self.editor = self._open_editor(self)
            self._place.children = [self.editor.box]
        set_trait(self._button, "icon", "pencil" if self.editor is None else "times")
        self._display(self.value)

    def refuse(self, error: UserError) -> None:
        """Say what was wrong with something typed."""
        self._complain(error.findings[0])
        self._has_untaken = True

    def _lines(self) -> list[w.Widget]:
        title = create(w.HTML, value=text(self.setting.title), classes=("nbt-field-name",))
        self.count_line = create(w.HTML, layout=w.Layout(flex="1 1 auto"))
        self._button = create(w.Button, icon="pencil", tooltip="Draw regions on a picture, or type their corners")
        self._button.on_click(self._guard(lambda _: self.toggle()))
        self._place = create(w.VBox)
        return [self._row(title, self._button, self.count_line), self._place]

    def _display(self, value: Any) -> None:
        set_trait(self._button, "description", "Draw or type …" if self.editor is None else "Close")
        set_trait(self.count_line, "value", text(describe_regions(value), "nbt-muted", "nbt-small"))
        if self.editor is not None:
            self.editor.draw()


def describe_regions(regions: list[Any]) -> str:
    """How many regions there are, in words."""
    if not regions:
        return "none"
    left_out = sum(region.use == "ignore" for region in regions)
    words = "1 region" if len(regions) == 1 else f"{len(regions):,} regions"
    return f"{words}, {left_out:,} of them left out" if left_out else words
