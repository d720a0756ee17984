"""Intensities of an image before and after normalization, as two small histograms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bqplot
import ipywidgets as w
import numpy as np

from nbtrainer.config import Config
from nbtrainer.ui import style
from nbtrainer.ui.background import Api, LatestOnly, Pairs, RunInBackground
from nbtrainer.ui.dashboard.curves import round_ticks
from nbtrainer.ui.data_views.pair_table import name_of
from nbtrainer.ui.widgets import Guard, create, set_trait, set_visible, text


class HistogramView:
    """A button, and the histograms once it was pressed; edits renew them while they are in sight."""

    def __init__(self, config: Callable[[], Config], api: Api, work: RunInBackground, guard: Guard) -> None:
        self._config, self._api = config, api
        self._is_open = self._is_filling = False
        self._latest = LatestOnly(work)
        self.open_button = create(
            w.Button, icon="bar-chart", tooltip="Intensities of one image as they are, and as the network sees them"
        )
        self.open_button.on_click(guard(lambda _: self._toggle()))
        self.image_menu = create(
            w.Dropdown, layout=w.Layout(width="auto", flex="1 1 auto"), tooltip="Which image is measured"
        )
        self.image_menu.observe(guard(lambda _: None if self._is_filling else self.read()), "value")
        self.plots = {"before": _Plot("as stored", tone="muted"), "after": _Plot("normalized", tone="training")}
        pair = create(w.HBox, children=[plot.box for plot in self.plots.values()], classes=("nbt-curves",))
        self._drawing = create(w.VBox, children=[self.image_menu, pair], classes=("nbt-plain",))
        self._body = create(w.VBox, children=[self._latest.words, self._drawing])
        self.box = create(w.VBox, children=[self.open_button, self._body], classes=("nbt-histogram",))
        set_visible(self._drawing, False)
        self._show_button()

    def renew(self) -> None:
        """Settings have changed: measure again, if anybody looks."""
        if self._is_open:
            self.read()

    def forget(self) -> None:
        """Other data: close."""
        self._latest.forget()
        self._is_open = False
        self._show_button()

    def read(self) -> None:
        """Measure the image that is chosen."""
        config, number = self._config().validated(), self.image_menu.value or 0

        def measure() -> tuple[Pairs, int, dict[str, Any]]:
            rows = self._api.pairs(config)
            index = number if number < len(rows) else 0
            return rows, index, self._api.histogram(config, index) if rows else {}

        self._latest.start("measuring intensities", measure, lambda result: self._show(*result))

    def _show(self, rows: Pairs, index: int, histogram: dict[str, Any]) -> None:
        self._is_filling = True
        try:
            options = [(f"{number + 1}: {name_of(row)}", number) for number, row in enumerate(rows)]
            if list(self.image_menu.options) != options:
                self.image_menu.options = options
            set_trait(self.image_menu, "value", index if rows else None)
        finally:
            self._is_filling = False
        set_visible(self._drawing, bool(rows))
        for name, plot in self.plots.items():
            if name in histogram:
                plot.draw(*histogram[name])

    def _toggle(self) -> None:
        self._is_open = not self._is_open
        self._show_button()
        if self._is_open:
            self.read()
        else:
            self._latest.forget()

    def _show_button(self) -> None:
        set_trait(self.open_button, "description", "Hide histogram" if self._is_open else "Show histogram")
        set_visible(self._body, self._is_open)


class _Plot:
    """One histogram."""

    def __init__(self, title: str, *, tone: str) -> None:
        self._x = create(bqplot.LinearScale, min=0.0, max=1.0, allow_padding=False)
        y = create(bqplot.LinearScale, min=0.0, max=1.05, allow_padding=False)
        colour = style.colour(tone)
        self.area = create(
            bqplot.Lines,
            scales={"x": self._x, "y": y},
            x=[],
            y=[],
            colors=[colour],
            fill="bottom",
            fill_colors=[colour],
            fill_opacities=[0.25],
            stroke_width=1.2,
        )
        muted = {"color": style.colour("muted"), "label_color": style.colour("muted")}
        self._axis = create(bqplot.Axis, scale=self._x, grid_lines="none", grid_color=style.colour("grid"), **muted)
        figure = create(
            bqplot.Figure,
            marks=[self.area],
            axes=[self._axis],
            animation_duration=0,
            fig_margin={"top": 4, "bottom": 24, "left": 14, "right": 18},
            layout=w.Layout(height=style.HISTOGRAM_HEIGHT, width="100%", min_width="0"),
        )
        self._name = title
        self._title = create(w.HTML)
        self.box = create(w.VBox, children=[self._title, figure], classes=("nbt-small-curve",))

    def draw(self, counts: Any, edges: Any) -> None:
        """Draw the outline of a histogram: `counts` between `edges`, the largest 1."""
        heights, bounds = np.asarray(counts, dtype=float), np.asarray(edges, dtype=float)
        low, high = float(bounds[0]), float(bounds[-1])
        ticks = round_ticks(low, high, 5)
        decimals = max(0, -int(np.floor(np.log10(ticks[1] - ticks[0]) + 1e-9)))
        self._axis.tick_format = f",.{decimals}f"
        self._axis.tick_values = ticks[(ticks >= low) & (ticks <= high)]
        with self._x.hold_sync():
            self._x.min, self._x.max = low, high
        with self.area.hold_sync():
            # steps: two points for every bar
            self.area.x, self.area.y = np.repeat(bounds, 2)[1:-1], np.repeat(heights, 2)
        span = f"{self._name}, {bounds[0]:,.4g} to {bounds[-1]:,.4g}"
        set_trait(self._title, "value", text(span, "nbt-small", "nbt-muted"))
