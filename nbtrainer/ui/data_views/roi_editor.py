"""The editor of the regions of interest of one data set: drawn on a picture, or typed; the field holds them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ipywidgets as w

from nbtrainer.config import Config
from nbtrainer.config.dataset import Region
from nbtrainer.errors import UserError
from nbtrainer.io.formats import stem
from nbtrainer.ui.background import Api, LatestOnly, Pairs, RunInBackground, png
from nbtrainer.ui.data_views import roi_geometry as outline
from nbtrainer.ui.data_views.canvas import SIDE, Canvas
from nbtrainer.ui.data_views.pair_table import name_of
from nbtrainer.ui.data_views.roi_field import RegionsField
from nbtrainer.ui.data_views.roi_geometry import Point
from nbtrainer.ui.data_views.roi_images import config_for_drawing, full_shape, images_of
from nbtrainer.ui.data_views.roi_list import RegionList
from nbtrainer.ui.data_views.roi_tools import POLYGON, RECTANGLE, SELECT, RegionTools
from nbtrainer.ui.disposal import dispose
from nbtrainer.ui.widgets import Guard, create, set_visible


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
        self._snapshot = config_for_drawing(config, field.dataset)
        self._sketch = outline.Sketch()
        self._drawn: Any = None
        self.reading = LatestOnly(work)
        self.canvas = Canvas(guard, self.click, self.drag, self.move_corner, self.move_middle)
        self.region_list = RegionList(guard, self.choose, self.change, self.remove, self.type)
        self.tools = RegionTools(
            guard,
            on_mode=self._switch_mode,
            on_close_polygon=self.finish,
            on_delete=self._delete_chosen,
            on_turn=self._turn,
            on_meaning=self._describe,
        )
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
        if self.tools.mode == POLYGON:
            if self._sketch.add(point, self.canvas.reach):
                self.finish()
            self._show_sketch()
        elif self.tools.mode == RECTANGLE:
            begun = self._sketch.points
            if begun:
                self._sketch = outline.Sketch()
                self.drag(begun[0], point)
            else:
                self._sketch.add(point, 0)
            self._show_sketch()
        else:
            visible = self._visible()
            hit = outline.hit([outline.corners(region.points, self.canvas.shape) for _, region in visible], point)
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
        self._move(lambda region: outline.move_corner(region, index, to, self.canvas.shape))

    def move_middle(self, to: Point) -> None:
        """The region that is taken was dragged by its middle."""
        self._move(lambda region: outline.move_region(region, to, self.canvas.shape))

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
            points = outline.parse_points(words)
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
        now = (regions, self._chosen, self._position, self.given_outlines, self.canvas.shape, self.tools.mode)
        if now == self._drawn:
            return
        self._drawn = (list(regions), *now[1:])
        chosen = None if self._chosen is None else regions[self._chosen]
        self.region_list.show(self._visible(), self._chosen, len(regions))
        self.tools.show_region(chosen)
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
        self.tools.show_image(f"{name} ({self._position + 1:,} of {len(self.images):,})", len(self.images) > 1)

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
        picture = create(w.VBox, children=[self.tools.turn_bar, self.canvas.figure], classes=("nbt-picture",))
        beside = create(w.VBox, children=[*self.tools.rows, self.region_list.box], classes=("nbt-beside",))
        self._stage = create(
            w.HBox, children=[picture, beside], classes=("nbt-stage",), layout=w.Layout(display="none")
        )
        return create(
            w.VBox, children=[self.reading.words, self._stage], classes=("nbt-editor", "nbt-opened", "nbt-plain")
        )

    def _switch_mode(self) -> None:
        mode = self.tools.mode
        self._sketch = outline.Sketch()
        self._show_sketch()
        self.canvas.listen(drags=mode == RECTANGLE and not self.tools.by_two_clicks)
        self.tools.show_mode()
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
            "image": self.image if self.tools.is_for_this_image else "",
            "use": self.tools.use,
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

    def _turn(self, step: int) -> None:
        self.show_image(self._position + step)

    def _describe(self) -> None:
        """The region that is taken gets the meaning that the menus say."""
        if self._chosen is not None:
            self.change(self._chosen, image=self.image if self.tools.is_for_this_image else "", use=self.tools.use)

    def _delete_chosen(self) -> None:
        if self._chosen is not None:
            self.remove(self._chosen)

    def _show_sketch(self) -> None:
        self.canvas.sketch(self._sketch.points)
        self.tools.can_close_polygon(len(self._sketch.points) >= 3)

    def _draw_outlines(self) -> None:
        tones, names = outline.by_tone(self._visible(), self._chosen, self.canvas.shape)
        tones["given"] = self.given_outlines
        self.canvas.draw(tones, names, handles=self.tools.mode == SELECT)
