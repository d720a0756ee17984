"""Curves: training solid, validation dashed, the best point marked, the baseline dotted; never more points than a page can draw."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import bqplot
import ipywidgets as w
import numpy as np

from nbtrainer.ui import style
from nbtrainer.ui.widgets import create

MOST_POINTS = 1500


def thin(x: Sequence[float], y: Sequence[float], most: int = MOST_POINTS) -> tuple[np.ndarray, np.ndarray]:
    """At most `most` of the points of a line that look like all of them.

    The line is cut into buckets of equal counts; of each, the lowest and highest point stay, in order, so that no spike is lost.
    The first and last point of the line stay. Points without a finite value are left out. `most` is at least 4.
    """
    across, up = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    finite = np.isfinite(up)
    across, up = across[finite], up[finite]
    if len(up) <= most:
        return across, up
    edges = np.linspace(1, len(up) - 1, (most - 2) // 2 + 1).astype(int)
    kept_indices = {0, len(up) - 1}
    for low, high in itertools.pairwise(edges):
        bucket = up[low:high]
        kept_indices |= {low + int(bucket.argmin()), low + int(bucket.argmax())}
    chosen = np.array(sorted(kept_indices))
    return across[chosen], up[chosen]


def round_ticks(low: float, high: float, count: int) -> np.ndarray:
    """About `count` round numbers, evenly spaced, the first at most `low` and the last at least `high`."""
    width = high - low if high > low else max(abs(high), 1.0) * 0.1
    rough = width / max(count - 1, 1)
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    first, last = np.floor(low / step + 1e-9), np.ceil(high / step - 1e-9)
    return np.round(np.arange(first, max(last, first + 1) + 1) * step, 12)


class Curves:
    """One figure over epochs."""

    def __init__(self) -> None:
        self._x = create(bqplot.LinearScale, min=0.0, max=1.0, allow_padding=False)
        self._y = create(bqplot.LinearScale, min=0.0, max=1.0, allow_padding=False)
        scales = {"x": self._x, "y": self._y}
        common: dict[str, Any] = {"scales": scales, "x": [], "y": [], "stroke_width": 1.6}
        self.training = create(bqplot.Lines, colors=[style.colour("training")], **common)
        self.validation = create(bqplot.Lines, colors=[style.colour("validation")], line_style="dashed", **common)
        self.baseline = create(bqplot.Lines, colors=[style.colour("muted")], line_style="dotted", **common)
        self.best = create(
            bqplot.Scatter, scales=scales, x=[], y=[], colors=[style.colour("validation")], default_size=48
        )
        axis: dict[str, Any] = {
            "grid_color": style.colour("grid"),
            "color": style.colour("muted"),
            "label_color": style.colour("muted"),
        }
        self._across = create(bqplot.Axis, scale=self._x, grid_lines="none", **axis)
        # bqplot before 0.13 wants the orientation too; since then the side says it
        upright = {"orientation": "vertical"} if "orientation" in bqplot.Axis.class_trait_names() else {}
        self._up = create(bqplot.Axis, scale=self._y, side="left", **upright, **axis)
        self.figure = create(
            bqplot.Figure,
            marks=[self.baseline, self.training, self.validation, self.best],
            axes=[self._across, self._up],
            animation_duration=0,
            fig_margin={"top": 8, "bottom": 26, "left": 46, "right": 12},
            layout=w.Layout(height=style.CURVE_HEIGHT, width="100%", min_width="0"),
        )

    def draw(
        self,
        training: tuple[Sequence[float], Sequence[float]],
        *,
        validation: tuple[Sequence[float], Sequence[float]],
        best: tuple[float, float] | None,
        baseline: float | None,
        epochs: float,
    ) -> None:
        """Draw the lines over an axis that reaches to `epochs`."""
        lines = [thin(*training), thin(*validation)]
        reach = float(max(epochs, 1))
        heights = np.concatenate([*(up for _, up in lines), [] if baseline is None else [baseline]])
        self._set_axis(self._x, self._across, 0.0, reach, 6)
        if len(heights):
            self._set_axis(self._y, self._up, float(heights.min()), float(heights.max()), 5)
        _set(self.training, *lines[0])
        _set(self.validation, *lines[1])
        _set(self.baseline, *(([], []) if baseline is None else ([0.0, reach], [baseline] * 2)))
        _set(self.best, *(([], []) if best is None else ([best[0]], [best[1]])))

    def _set_axis(self, scale: Any, axis: Any, low: float, high: float, count: int) -> None:
        """Round ends and round ticks; bqplot's own are neither when the ends are not."""
        values = round_ticks(low, high, count)
        if axis.tick_values is not None and np.array_equal(np.asarray(axis.tick_values), values):
            return
        decimals = max(0, -int(np.floor(np.log10(values[1] - values[0]) + 1e-9)))
        axis.tick_format = f",.{decimals}f"
        axis.tick_values = values
        with scale.hold_sync():
            # a little room, so that a point on the edge is whole
            room = 0.03 * float(values[-1] - values[0])
            scale.min, scale.max = float(values[0]), float(values[-1]) + room

    def send(self) -> None:
        """Send everything again: the page may have missed something."""
        for mark in (self.training, self.validation, self.baseline, self.best):
            mark.send_state()


def _set(mark: Any, x: Sequence[float] | np.ndarray, y: Sequence[float] | np.ndarray) -> None:
    across, up = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if np.array_equal(np.asarray(mark.x), across) and np.array_equal(np.asarray(mark.y), up):
        return
    with mark.hold_sync():  # one message: x and y never differ in length
        mark.x, mark.y = across, up
