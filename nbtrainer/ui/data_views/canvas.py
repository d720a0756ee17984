"""A picture to draw on: tells where was clicked and dragged, in pixels of the image, and knows nothing of regions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import bqplot
import ipywidgets as w
import numpy as np

from nbtrainer.ui import style
from nbtrainer.ui.data_views.roi_geometry import Point, Shape, close_outlines, middle
from nbtrainer.ui.disposal import attach, dispose
from nbtrainer.ui.widgets import Guard, create, set_trait

# longest side of the figure; the page makes it smaller where there is less room
SIDE = 560
_OPACITIES = {"region": 0.10, "left-out": 0.30, "given": 0.05, "chosen": 0.15}


class Canvas:
    """A figure with an image, outlines in several tones, and handles on one of them.

    Parameters
    ----------
    guard
        Wraps callbacks, so that their errors are shown.
    clicked, dragged
        Called with a point, and with two opposite corners.
    corner_moved, middle_moved
        Called with the number of a handle's corner and where it went; with where the middle went.
    """

    def __init__(
        self,
        guard: Guard,
        clicked: Callable[[Point], None],
        dragged: Callable[[Point, Point], None],
        corner_moved: Callable[[int, Point], None],
        middle_moved: Callable[[Point], None],
    ) -> None:
        self.shape: Shape = (1, 1)
        self._x = create(bqplot.LinearScale, min=0.0, max=1.0, allow_padding=False)
        self._y = create(bqplot.LinearScale, min=0.0, max=1.0, reverse=True, allow_padding=False)
        scales = {"x": self._x, "y": self._y}
        self._image = create(bqplot.Image, image=create(w.Image, format="png"), scales=scales)
        self._image.on_element_click(guard(lambda _, message: clicked(_click_position(message))))
        line: dict[str, Any] = {"scales": scales, "x": [], "y": [], "fill": "inside"}
        self._tones = {
            tone: create(
                bqplot.Lines,
                colors=[style.colour(tone)],
                stroke_width=width,
                line_style=dash,
                **line,
            )
            for tone, width, dash in (
                ("region", 1.6, "solid"),
                ("left-out", 1.6, "solid"),
                ("given", 1.6, "dashed"),
                ("chosen", 2.6, "solid"),
            )
        }
        self._sketch = create(
            bqplot.Lines, scales=scales, x=[], y=[], colors=[style.colour("chosen")], stroke_width=2.0
        )
        dot: dict[str, Any] = {"scales": scales, "x": [], "y": [], "colors": [style.colour("chosen")]}
        dot |= {"stroke": style.colour("handle"), "default_size": 70}
        self._begun = create(bqplot.Scatter, **dot)
        self.corner_handles = create(bqplot.Scatter, marker="square", enable_move=True, **dot)
        self._middle = create(bqplot.Scatter, marker="diamond", enable_move=True, **dot | {"default_size": 110})
        self.corner_handles.on_drag_end(
            guard(lambda _, message: corner_moved(int(message["index"]), _drop_position(message)))
        )
        self._middle.on_drag_end(guard(lambda _, message: middle_moved(_drop_position(message))))
        self._names = create(
            bqplot.Label,
            scales=scales,
            x=[],
            y=[],
            text=[],
            colors=[style.colour("handle")],
            default_size=12,
            font_weight="bold",
            x_offset=5,
            y_offset=14,
        )
        self._brush = create(bqplot.interacts.BrushSelector, x_scale=self._x, y_scale=self._y)
        self._brush.observe(guard(lambda change: self._finish_drag(change["new"], dragged)), "brushing")
        # bqplot from 0.13 on shows buttons to zoom, which an image to draw on does not need
        plain: dict[str, Any] = (
            {"display_toolbar": False} if "display_toolbar" in bqplot.Figure.class_trait_names() else {}
        )
        self.figure = create(
            bqplot.Figure,
            marks=[
                self._image,
                *self._tones.values(),
                self._names,
                self._sketch,
                self._begun,
                self._middle,
                self.corner_handles,
            ],
            animation_duration=0,
            fig_margin={"top": 0, "bottom": 0, "left": 0, "right": 0},
            padding_x=0,
            padding_y=0,
            layout=w.Layout(max_width="100%", min_width="0", margin="0"),
            classes=("nbt-canvas",),
            **plain,
        )
        attach(self.figure, self._brush)

    @property
    def reach(self) -> float:
        """How near a click must come to a corner to mean it, in pixels of the image."""
        return 10 * max(self.shape) / SIDE

    def show(self, picture: bytes, shape: Shape) -> None:
        """Show a picture of an image of `shape`."""
        self.shape = shape
        height, width = shape
        old = self._image.image
        with self._image.hold_sync():
            # a new one: a change of the old one's bytes does not reach the figure
            self._image.image = create(w.Image, format="png", value=picture)
            # a pixel is a square around its middle
            self._image.x, self._image.y = np.array([-0.5, width - 0.5]), np.array([height - 0.5, -0.5])
        dispose(old)
        for scale, length in ((self._x, width), (self._y, height)):
            with scale.hold_sync():
                scale.min, scale.max = -0.5, length - 0.5
        with self.figure.hold_sync():
            ratio = width / height
            # one after the other: the least may never exceed the most
            self.figure.min_aspect_ratio, self.figure.max_aspect_ratio = min(ratio, self.figure.max_aspect_ratio), ratio
            self.figure.min_aspect_ratio = ratio
        by = SIDE / max(shape)
        set_trait(self.figure.layout, "width", f"{max(round(width * by), 60)}px")
        set_trait(self.figure.layout, "height", f"{max(round(height * by), 60)}px")

    def listen(self, drags: bool) -> None:
        """Wait for a rectangle to be dragged, or else for clicks."""
        set_trait(self.figure, "interaction", self._brush if drags else None)

    def draw(
        self, tones: Mapping[str, Sequence[Sequence[Point]]], names: Sequence[tuple[Point, str]], handles: bool
    ) -> None:
        """Draw outlines by tone (`region`, `left-out`, `given`, `chosen`), with `handles` on what is chosen."""
        for tone, mark in self._tones.items():
            outlines = tones.get(tone, [])
            # one for each: bqplot repeats the colours of lines, but not those of what they enclose
            count = max(len(outlines), 1)
            set_trait(mark, "fill_opacities", [_OPACITIES[tone]] * count)
            set_trait(mark, "fill_colors", [style.colour(tone)] * count)
            _set(mark, *(close_outlines(outlines) if outlines else ([], [])))
        chosen = tones.get("chosen", []) if handles else []
        self._place(self.corner_handles, [point for outline in chosen for point in outline])
        self._place(self._middle, [middle(outline) for outline in chosen])
        with self._names.hold_sync():
            self._names.text = np.array([name for _, name in names], dtype=str)
            _set(self._names, [x for (_, x), _ in names], [y for (y, _), _ in names])

    def sketch(self, points: Sequence[Point]) -> None:
        """Draw what is only begun."""
        _set(self._sketch, [x for _, x in points], [y for y, _ in points])
        self._place(self._begun, points)

    def send(self) -> None:
        """Send the handles again: one that was dragged to where it may not go must jump back."""
        for mark in (self.corner_handles, self._middle):
            mark.send_state(["x", "y"])

    def _place(self, mark: Any, points: Sequence[Point]) -> None:
        _set(mark, [x for _, x in points], [y for y, _ in points])

    def _finish_drag(self, is_brushing: bool, dragged: Callable[[Point, Point], None]) -> None:
        x, y = self._brush.selected_x, self._brush.selected_y
        if is_brushing or x is None or y is None or len(x) != 2 or len(y) != 2:
            return
        self._brush.selected_x = self._brush.selected_y = None
        dragged((float(y[0]), float(x[0])), (float(y[1]), float(x[1])))


def _click_position(message: Any) -> Point:
    return float(message["data"]["click_y"]), float(message["data"]["click_x"])


def _drop_position(message: Any) -> Point:
    return float(message["point"]["y"]), float(message["point"]["x"])


def _set(mark: Any, x: Any, y: Any) -> None:
    with mark.hold_sync():  # one message: x and y never differ in length
        mark.x, mark.y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
