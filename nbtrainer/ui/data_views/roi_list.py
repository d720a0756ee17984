"""The list beside the picture: each region with its name and its corners as text, and a line to type a new one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import ipywidgets as w

from nbtrainer.config.dataset import Region
from nbtrainer.ui.data_views.roi_geometry import written_points
from nbtrainer.ui.disposal import set_children
from nbtrainer.ui.widgets import Guard, create, set_trait, text

# each is four widgets; more of them would keep the page waiting
MOST_LINES = 40


class Typed(Protocol):
    """Takes corners as text, of region `index` or of a new one; whether they could be read."""

    def __call__(self, words: str, index: int | None = None) -> bool: ...


class RegionList:
    """Shows regions and tells what was done to them, by their number in the dataset."""

    def __init__(
        self,
        guard: Guard,
        choose: Callable[[int | None], None],
        change: Callable[..., None],
        remove: Callable[[int], None],
        type: Typed,
    ) -> None:
        self._guard, self._choose, self._change, self._remove, self._type = guard, choose, change, remove, type
        self.lines: dict[int, _Line] = {}
        self._list = create(w.VBox)
        self.other_images_line = create(w.HTML)
        self.new_field = create(
            w.Text,
            placeholder="or type corners here: y x, y x",
            continuous_update=False,
            layout=w.Layout(width="100%"),
            tooltip="Two corners make a rectangle, three or more a polygon; in pixels, y before x",
            classes=("nbt-unset",),
        )
        self.new_field.observe(guard(lambda _: self._add()), "value")
        self.box = create(
            w.VBox, children=[self._list, self.new_field, self.other_images_line], classes=("nbt-regions",)
        )

    def show(self, regions: list[tuple[int, Region]], chosen: int | None, count: int) -> None:
        """Show `regions` with their numbers, of `count` in the whole dataset."""
        listed = regions[:MOST_LINES]
        if [index for index, _ in listed] != list(self.lines):
            self.lines = {
                index: _Line(
                    self._guard,
                    index=index,
                    choose=self._choose,
                    change=self._change,
                    remove=self._remove,
                    type=self._type,
                )
                for index, _ in listed
            }
            set_children(self._list, [line.box for line in self.lines.values()])
        for index, region in listed:
            self.lines[index].show(region, index == chosen)
        hidden = count - len(regions)
        words = [f"and {len(regions) - MOST_LINES:,} more on this image"] if len(regions) > MOST_LINES else []
        words += [f"{hidden:,} on other images"] if hidden else []
        set_trait(self.other_images_line, "value", text("; ".join(words), "nbt-muted", "nbt-small"))

    def _add(self) -> None:
        if self._type(self.new_field.value):
            self.new_field.value = ""


class _Line:
    """One region."""

    def __init__(
        self,
        guard: Guard,
        *,
        index: int,
        choose: Callable[[int | None], None],
        change: Callable[..., None],
        remove: Callable[[int], None],
        type: Typed,
    ) -> None:
        self._showing = False
        self._take = create(w.Button, icon="circle-o", tooltip="Take this region", classes=("nbt-icon", "nbt-quiet"))
        self.name_field = create(w.Text, continuous_update=False, placeholder="name", classes=("nbt-region-name",))
        self.points_field = create(w.Text, continuous_update=False, tooltip="Corners: y x, y x")
        self._all = create(w.HTML)
        drop = create(w.Button, icon="minus", tooltip="Remove this region", classes=("nbt-icon", "nbt-quiet"))
        self._take.on_click(guard(lambda _: choose(index)))
        drop.on_click(guard(lambda _: remove(index)))
        self._observe(guard, self.name_field, lambda: change(index, name=self.name_field.value.strip()))
        self._observe(guard, self.points_field, lambda: type(self.points_field.value, index))
        self.box = create(
            w.HBox, children=[self._take, self.name_field, self.points_field, self._all, drop], classes=("nbt-region",)
        )

    def show(self, region: Region, is_chosen: bool) -> None:
        self._showing = True
        try:
            set_trait(self.name_field, "value", region.name)
            set_trait(self.points_field, "value", written_points(region.points))
        finally:
            self._showing = False
        set_trait(self._take, "icon", "dot-circle-o" if is_chosen else "circle-o")
        words = [*([] if region.image else ["all images"]), *(["left out"] if region.use == "ignore" else [])]
        set_trait(self._all, "value", text(", ".join(words), "nbt-muted", "nbt-small"))

    def _observe(self, guard: Guard, field: w.Text, act: Callable[[], Any]) -> None:
        field.observe(guard(lambda _: None if self._showing else act()), "value")
