"""The regions of interest of one dataset: drawn on a picture, or typed; the field holds them, the editor changes them."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ipywidgets as w

from nbtrainer.config import Config
from nbtrainer.config.dataset import Region
from nbtrainer.config.describe import Setting
from nbtrainer.errors import UserError
from nbtrainer.io.formats import stem
from nbtrainer.ui.background import Api, LatestOnly, Pairs, RunInBackground, png
from nbtrainer.ui.data_views import roi_geometry as outline
from nbtrainer.ui.data_views.canvas import SIDE, Canvas
from nbtrainer.ui.data_views.pair_table import name_of
from nbtrainer.ui.data_views.roi_geometry import Point
from nbtrainer.ui.data_views.roi_list import RegionList
from nbtrainer.ui.disposal import dispose, set_children
from nbtrainer.ui.form.field import Field
from nbtrainer.ui.widgets import Guard, create, set_trait, set_visible, text

SELECT, RECTANGLE, POLYGON = "Select", "Rectangle", "Polygon"
_HINTS = {
    SELECT: "Press Rectangle or Polygon to draw. A region that is clicked can be dragged: its corners, or all of it by "
    "the diamond in its middle.",
    RECTANGLE: "Drag from one corner to the other.",
    POLYGON: "Click corner after corner; a double click, the first corner or Close ends it.",
}
_TWO_CLICKS = "Click one corner, then the opposite one."


class RegionsField(Field):
    """One line that says how many regions there are, and the editor below it once it is opened."""

    def __init__(
        self,
        setting: Setting,
        read: Callable[[], Any],
        write: Callable[[Any], None],
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
        set_trait(self.count_line, "value", text(counted(value), "nbt-muted", "nbt-small"))
        if self.editor is not None:
            self.editor.draw()


class Editor:
    """Edits the regions of `field` on pictures of its dataset.

    Every change is entered through the field, so that the form validates it, counts it and can set it back.
    """

    def __init__(self, field: RegionsField, config: Config, api: Api, work: RunInBackground, guard: Guard) -> None:
        self._field, self._api, self._guard = field, api, guard
        self.images: list[tuple[int, dict[str, Any]]] = []
        self._position = 0
        self._chosen: int | None = None
        self.given_outlines: list[list[Point]] = []
        self._snapshot = as_drawn_on(config, field.dataset)
        self._sketch = outline.Sketch()
        self._drawn: Any = None
        self.reading = LatestOnly(work)
        self.canvas = Canvas(guard, self.click, self.drag, self.move_corner, self.move_middle)
        self.region_list = RegionList(guard, self.choose, self.change, self.remove, self.type)
        self.box = self._lay_out()
        self._switch_mode()
        self._read()

    @property
    def image(self) -> str:
        """File name of the image that is shown."""
        return Path(self.images[self._position][1]["image"]).name if self.images else ""

    @property
    def chosen(self) -> int | None:
        """Number of the region that is taken, or None."""
        return self._chosen

    def close(self) -> None:
        """End; what is still on its way is not wanted."""
        self.reading.forget()
        dispose(self.box)

    # what the mouse does

    def click(self, point: Point) -> None:
        """A click on the picture: what it means, the mode says."""
        if self.mode_switch.value == POLYGON:
            if self._sketch.add(point, self.canvas.reach):
                self.finish()
            self._show_sketch()
        elif self.mode_switch.value == RECTANGLE:
            begun = self._sketch.points
            if begun:
                self._sketch = outline.Sketch()
                self.drag(begun[0], point)
            else:
                self._sketch.add(point, 0)
            self._show_sketch()
        else:
            visible = self._visible()
            hit = outline.hit([self._around(region) for _, region in visible], point)
            self.choose(None if hit is None else visible[hit][0])

    def drag(self, one: Point, other: Point) -> None:
        """A rectangle from corner to corner."""
        points = outline.rectangle(one, other, self.canvas.shape)
        if points is not None:
            self._add("rectangle", points)

    def finish(self) -> None:
        """Close the polygon that is being drawn."""
        points = outline.polygon(self._sketch.points, self.canvas.shape)
        self._sketch = outline.Sketch()
        self._show_sketch()
        if points is not None:
            self._add("polygon", points)

    def move_corner(self, index: int, to: Point) -> None:
        """A corner of the region that is taken was dragged."""
        self._move(lambda region: outline.with_corner(region, index, to, self.canvas.shape))

    def move_middle(self, to: Point) -> None:
        """The region that is taken was dragged by its middle."""
        self._move(lambda region: outline.moved_region(region, to, self.canvas.shape))

    # what the list and the buttons do

    def choose(self, index: int | None) -> None:
        """Take region `index` of the dataset."""
        self._chosen = index
        self.draw()

    def change(self, index: int, **values: Any) -> None:
        """Change name, corners, image or meaning of region `index`."""
        regions = list(self._field.value)
        regions[index] = {**regions[index].model_dump(), **values}
        self._field.enter(regions)

    def remove(self, index: int) -> None:
        """Delete region `index`."""
        self._chosen = None
        self._field.enter([region for position, region in enumerate(self._field.value) if position != index])

    def type(self, words: str, index: int | None = None) -> bool:
        """Corners as text: of region `index`, or of a new one. Whether they could be read."""
        if not words.strip() and index is None:
            self._field.show()
            return False
        try:
            points = outline.typed_points(words)
        except UserError as error:
            self._field.refuse(error)
            return False
        if index is None:
            self._add(outline.shape_of(points), points)
        else:
            self.change(index, shape=outline.shape_of(points), points=points)
        return True

    def draw(self) -> None:
        """Show what the config says."""
        regions = self._field.value
        if self._chosen is not None and self._chosen >= len(regions):
            self._chosen = None
        now = (regions, self._chosen, self._position, self.given_outlines, self.canvas.shape, self.mode_switch.value)
        if now == self._drawn:
            return
        self._drawn = (list(regions), *now[1:])
        chosen = None if self._chosen is None else regions[self._chosen]
        self.region_list.show(self._visible(), self._chosen, len(regions))
        set_trait(self._delete, "disabled", chosen is None)
        self._showing = True
        try:
            if chosen is not None:
                set_trait(self.scope_menu, "value", bool(chosen.image))
                set_trait(self.use_menu, "value", chosen.use)
        finally:
            self._showing = False
        self._draw_outlines()

    # pictures

    def _read(self) -> None:
        config = self._snapshot

        def show(rows: Pairs) -> None:
            self.images = images_of(rows, self._field.dataset)
            self.show_image(0)

        self.reading.start("reading the images", lambda: self._api.pairs(config), show)

    def show_image(self, position: int) -> None:
        """Show another image."""
        if not self.images:
            return
        self._position = position % len(self.images)
        index, row = self.images[self._position]
        self._sketch = outline.Sketch()
        self._show_sketch()
        name = name_of(row).partition(" (")[0]
        set_trait(
            self.image_line, "value", text(f"{name} ({self._position + 1:,} of {len(self.images):,})", "nbt-small")
        )
        for button in self._turners:
            set_trait(button, "disabled", len(self.images) < 2)

        def read() -> tuple[bytes, tuple[int, ...], list[list[Point]]]:
            pixels, scale = self._api.thumbnail(self._snapshot, index, size=SIDE, outlines=True, whole=True)
            shape = full_shape(row, pixels.shape, scale)
            # regions of files, and random ones: the snapshot has no others
            given = [outline.corners(region.corners, shape) for region in self._api.regions(self._snapshot, index)]
            return png(pixels), shape, given

        def show(picture: tuple[bytes, tuple[int, ...], list[list[Point]]]) -> None:
            self.canvas.show(*picture[:2])
            self.given_outlines = picture[2]
            set_visible(self._stage, True)
            self._drawn = None
            self.draw()

        self.reading.start("opening the image", read, show)

    # layout and small things

    def _lay_out(self) -> w.VBox:
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
        self.close_polygon_button = self._button("Close", "check", "Close the polygon", self.finish)
        self._delete = self._button("Delete", "trash-o", "Delete the region that is taken", self._delete_chosen)
        self._hint = create(w.HTML)
        self.image_line = create(w.HTML)
        self._turners = [
            self._button("", "chevron-left", "Previous image", lambda: self.show_image(self._position - 1)),
            self._button("", "chevron-right", "Next image", lambda: self.show_image(self._position + 1)),
        ]
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
        self._showing = False
        for switch in (self.mode_switch, self.two_clicks_switch):
            switch.observe(self._guard(lambda _: self._switch_mode()), "value")
        self.scope_menu.observe(
            self._guard(lambda _: self._describe(image=self.image if self.scope_menu.value else "")), "value"
        )
        self.use_menu.observe(self._guard(lambda _: self._describe(use=self.use_menu.value)), "value")
        turn = create(
            w.HBox, children=[self._turners[0], self.image_line, self._turners[1]], classes=("nbt-bar-of-tools",)
        )
        tools = create(
            w.HBox,
            children=[self.mode_switch, self.two_clicks_switch, self.close_polygon_button, self._delete],
            classes=("nbt-bar-of-tools",),
        )
        meaning = create(w.HBox, children=[self.use_menu, self.scope_menu], classes=("nbt-bar-of-tools",))
        picture = create(w.VBox, children=[turn, self.canvas.figure], classes=("nbt-picture",))
        beside = create(w.VBox, children=[tools, self._hint, meaning, self.region_list.box], classes=("nbt-beside",))
        self._stage = create(
            w.HBox, children=[picture, beside], classes=("nbt-stage",), layout=w.Layout(display="none")
        )
        return create(
            w.VBox, children=[self.reading.words, self._stage], classes=("nbt-editor", "nbt-opened", "nbt-plain")
        )

    def _button(self, name: str, icon: str, tooltip: str, press: Callable[[], None]) -> w.Button:
        button = create(w.Button, description=name, icon=icon, tooltip=tooltip, classes=() if name else ("nbt-icon",))
        button.on_click(self._guard(lambda _: press()))
        return button

    def _switch_mode(self) -> None:
        mode = self.mode_switch.value
        self._sketch = outline.Sketch()
        self._show_sketch()
        self.canvas.listen(drags=mode == RECTANGLE and not self.two_clicks_switch.value)
        set_visible(self.two_clicks_switch, mode == RECTANGLE)
        set_visible(self.close_polygon_button, mode == POLYGON)
        hint = _TWO_CLICKS if mode == RECTANGLE and self.two_clicks_switch.value else _HINTS[mode]
        set_trait(self._hint, "value", text(hint, "nbt-muted", "nbt-small"))
        if mode != SELECT:
            self.canvas.figure.add_class("nbt-drawing")
            self.choose(None)
        else:
            self.canvas.figure.remove_class("nbt-drawing")

    def _visible(self) -> list[tuple[int, Region]]:
        """The regions that hold for the image that is shown, with their numbers."""
        names = ("", self.image, stem(Path(self.image)))
        return [(index, region) for index, region in enumerate(self._field.value) if region.image in names]

    def _add(self, shape: str, points: list[list[float]]) -> None:
        regions = list(self._field.value)
        taken = {region.name for region in regions}
        name = next(name for number in range(1, len(regions) + 2) if (name := f"region {number}") not in taken)
        new = {
            "shape": shape,
            "points": points,
            "name": name,
            "image": self.image if self.scope_menu.value else "",
            "use": self.use_menu.value,
        }
        self._field.enter([*regions, new])
        if len(self._field.value) > len(regions):
            self.choose(len(regions))

    def _move(self, change: Callable[[Region], Region]) -> None:
        if self._chosen is None:
            return
        regions = list(self._field.value)
        regions[self._chosen] = change(regions[self._chosen])
        self._drawn = None
        self._field.enter(regions)
        self.canvas.send()

    def _describe(self, **values: str) -> None:
        if self._chosen is not None and not self._showing:
            self.change(self._chosen, **values)

    def _delete_chosen(self) -> None:
        if self._chosen is not None:
            self.remove(self._chosen)

    def _show_sketch(self) -> None:
        self.canvas.sketch(self._sketch.points)
        set_trait(self.close_polygon_button, "disabled", len(self._sketch.points) < 3)

    def _around(self, region: Region) -> list[Point]:
        return outline.corners(region.points, self.canvas.shape)

    def _draw_outlines(self) -> None:
        tones: dict[str, list[list[Point]]] = {"region": [], "left-out": [], "chosen": []}
        names = []
        for index, region in self._visible():
            around = self._around(region)
            if not around:
                continue
            tone = "chosen" if index == self._chosen else "region" if region.use == "use" else "left-out"
            tones[tone].append(around)
            names.append((around[0], region.name))
        tones["given"] = self.given_outlines
        self.canvas.draw(tones, names, handles=self.mode_switch.value == SELECT)


def counted(regions: list[Any]) -> str:
    """How many regions there are, in words."""
    if not regions:
        return "none"
    left_out = sum(region.use == "ignore" for region in regions)
    words = "1 region" if len(regions) == 1 else f"{len(regions):,} regions"
    return f"{words}, {left_out:,} of them left out" if left_out else words


def as_drawn_on(config: Config, dataset: int) -> Config:
    """A copy in which images of `dataset` are whole and as large as their files, without the regions drawn in the form."""
    copy = config.validated()
    copy.data.datasets[dataset].regions = []
    copy.update(data={"validation_fraction": 0.0, "resize": [], "diameter": 0.0})
    return copy


def images_of(rows: Pairs, dataset: int) -> list[tuple[int, dict[str, Any]]]:
    """The images of a dataset with their numbers in the table, each once, however many parts of it are used."""
    by_source: dict[tuple[str, str], tuple[int, dict[str, Any]]] = {}
    for index, row in enumerate(rows):
        if row["dataset"] == dataset:
            by_source.setdefault((row["image"], name_of(row).partition(" (")[0]), (index, row))
    return list(by_source.values())


def full_shape(row: dict[str, Any], picture: tuple[int, ...], scale: float) -> tuple[int, int]:
    """Height and width of the image that a picture of the shape `picture` was made from."""
    plane = tuple(row.get("shape", ()))[-2:]
    estimated = (round(picture[0] * scale), round(picture[1] * scale))
    # a row may be about a part of the image
    fits = len(plane) == 2 and all(abs(a - b) <= max(scale, 1) for a, b in zip(plane, estimated, strict=True))
    return (int(plane[0]), int(plane[1])) if fits else estimated
