"""The tools of the editor of regions: what is drawn and how, what a region means, which image is shown."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

import ipywidgets as w

from nbtrainer.config.dataset import Region
from nbtrainer.ui.widgets import Guard, create, set_trait, set_visible, text

SELECT, RECTANGLE, POLYGON = "Select", "Rectangle", "Polygon"
_HINTS = {
    SELECT: "Press Rectangle or Polygon to draw. A region that is clicked can be dragged: its corners, or all of it by "
    "the diamond in its middle.",
    RECTANGLE: "Drag from one corner to the other.",
    POLYGON: "Click corner after corner; a double click, the first corner or Close ends it.",
}
_TWO_CLICKS = "Click one corner, then the opposite one."


class RegionTools:
    """Buttons and menus; each callback says what was pressed: another mode, the polygon closed, the region deleted,

    another image (`on_turn(step)`), or another meaning of the region that is taken.
    """

    def __init__(
        self,
        guard: Guard,
        *,
        on_mode: Callable[[], None],
        on_close_polygon: Callable[[], None],
        on_delete: Callable[[], None],
        on_turn: Callable[[int], None],
        on_meaning: Callable[[], None],
    ) -> None:
        self._guard, self._on_meaning, self._is_showing = guard, on_meaning, False
        self.mode_switch = create(
            w.ToggleButtons,
            options=[SELECT, RECTANGLE, POLYGON],
            value=SELECT,  # bqplot takes a brush that is there before the figure for one without a size
            classes=("nbt-modes",),
        )
        # with bqplot-gl installed nothing in a bqplot figure can be dragged
        is_dragging_dead = importlib.util.find_spec("bqplot_gl") is not None
        self.two_clicks_switch = create(
            w.Checkbox, value=is_dragging_dead, description="by two clicks", indent=False, layout=w.Layout(width="auto")
        )
        for switch in (self.mode_switch, self.two_clicks_switch):
            switch.observe(guard(lambda _: on_mode()), "value")
        self.close_polygon_button = self._button(
            "Close", icon="check", tooltip="Close the polygon", press=on_close_polygon
        )
        self.delete_button = self._button(
            "Delete", icon="trash-o", tooltip="Delete the region that is taken", press=on_delete
        )
        self.image_line, self._hint = create(w.HTML), create(w.HTML)
        self._turners = [
            self._button("", icon="chevron-left", tooltip="Previous image", press=lambda: on_turn(-1)),
            self._button("", icon="chevron-right", tooltip="Next image", press=lambda: on_turn(1)),
        ]
        self.turn_bar = create(
            w.HBox, children=[self._turners[0], self.image_line, self._turners[1]], classes=("nbt-bar-of-tools",)
        )
        self.rows = self._lay_out()

    def _lay_out(self) -> list[w.Widget]:
        wide = w.Layout(width="170px")
        self.scope_menu = create(
            w.Dropdown,
            options=[("for this image", True), ("for all images of the set", False)],
            value=True,
            layout=wide,
            tooltip="Which images the region belongs to",
        )
        self.use_menu = create(
            w.Dropdown,
            options=[("use only this", "use"), ("leave this out", "ignore")],
            layout=wide,
            tooltip="What the region means",
        )
        for menu in (self.scope_menu, self.use_menu):
            menu.observe(self._guard(lambda _: None if self._is_showing else self._on_meaning()), "value")
        tools = create(
            w.HBox,
            children=[self.mode_switch, self.two_clicks_switch, self.close_polygon_button, self.delete_button],
            classes=("nbt-bar-of-tools",),
        )
        meaning = create(w.HBox, children=[self.use_menu, self.scope_menu], classes=("nbt-bar-of-tools",))
        return [tools, self._hint, meaning]

    @property
    def mode(self) -> str:
        """`SELECT`, `RECTANGLE` or `POLYGON`."""
        return str(self.mode_switch.value)

    @property
    def by_two_clicks(self) -> bool:
        """Whether a rectangle is drawn by two clicks instead of dragging."""
        return bool(self.two_clicks_switch.value)

    @property
    def is_for_this_image(self) -> bool:
        """Whether a region belongs to the image that is shown, or to all of the set."""
        return bool(self.scope_menu.value)

    @property
    def use(self) -> str:
        """`use`: nothing but the region is used; `ignore`: it is left out."""
        return str(self.use_menu.value)

    def show_mode(self) -> None:
        """Show what the mode needs, and how it is used."""
        set_visible(self.two_clicks_switch, self.mode == RECTANGLE)
        set_visible(self.close_polygon_button, self.mode == POLYGON)
        hint = _TWO_CLICKS if self.mode == RECTANGLE and self.by_two_clicks else _HINTS[self.mode]
        set_trait(self._hint, "value", text(hint, "nbt-muted", "nbt-small"))

    def show_region(self, region: Region | None) -> None:
        """Show the meaning of the region that is taken."""
        set_trait(self.delete_button, "disabled", region is None)
        if region is None:
            return
        self._is_showing = True
        try:
            set_trait(self.scope_menu, "value", bool(region.image))
            set_trait(self.use_menu, "value", region.use)
        finally:
            self._is_showing = False

    def show_image(self, words: str, can_turn: bool) -> None:
        """Say which image is shown."""
        set_trait(self.image_line, "value", text(words, "nbt-small"))
        for button in self._turners:
            set_trait(button, "disabled", not can_turn)

    def can_close_polygon(self, is_able: bool) -> None:
        """Let the polygon be closed, once it has corners enough."""
        set_trait(self.close_polygon_button, "disabled", not is_able)

    def _button(self, name: str, *, icon: str, tooltip: str, press: Callable[[], None]) -> w.Button:
        button = create(w.Button, description=name, icon=icon, tooltip=tooltip, classes=() if name else ("nbt-icon",))
        button.on_click(self._guard(lambda _: press()))
        return button
