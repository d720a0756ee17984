"""The dashboard: drawn from a run's events only, so that a run of this kernel, of another or of yesterday looks the same."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

import ipywidgets as w
from IPython.display import display

from nbtrainer import api
from nbtrainer.runs import Run
from nbtrainer.ui import frontend, style
from nbtrainer.ui.dashboard.curves import Curves
from nbtrainer.ui.dashboard.previews import Preview
from nbtrainer.ui.dashboard.reports import Reports
from nbtrainer.ui.dashboard.run_state import RunState, figure_values
from nbtrainer.ui.dashboard.summary_html import legible, log_html, progress, tiles
from nbtrainer.ui.disposal import attach, dispose, say_closed
from nbtrainer.ui.errors import Errors
from nbtrainer.ui.widgets import Guard, create, set_trait, set_visible, text

_SAVE_LOG = "Keep the log and the table of losses and metrics as they are now, in the folder of the run"
_WELCOME = (
    '<div class="nbt-muted" style="padding: 24px 4px">Progress, curves, preview tiles and a log appear here once training '
    "starts. Training may take minutes, hours or days; you can stop at any time, and resume.</div>"
)


class Dashboard:
    """Shows a run, or the run in a folder, as the last expression of a cell: live while it runs, as it was once it has ended."""

    _is_closed = False

    def __init__(self, run: Run | str | os.PathLike[str]) -> None:
        self.run = run if isinstance(run, Run) else api.attach(run)
        errors = Errors()
        self.view = DashboardView(errors.guard)
        self.refresh_loop = frontend.driver(errors.guard(self.tick))
        self.view.watch(self.run)
        self.tick()
        sheet = create(w.HTML, value=style.sheet())
        loop_widget = [self.refresh_loop.widget] if self.refresh_loop.widget is not None else []
        content = create(w.VBox, children=[errors.box, self.view.box], classes=("nbt-board",))
        self._root = create(w.VBox, children=[sheet, content, *loop_widget], classes=("nbt",))

    def close(self) -> None:
        """Take the dashboard off the page, with all that it holds in the kernel and in the browser. The run goes on."""
        self._is_closed = True
        self.refresh_loop.close()
        dispose(self._root)

    def _ipython_display_(self) -> None:
        if self._is_closed:
            say_closed("This dashboard was closed. nbt.Dashboard(run) makes a new one.")
            return
        if not self.view.is_over:
            self.refresh_loop.start()
        frontend.prepare()
        display(self._root)

    def tick(self) -> None:
        if not self._is_closed and self.view.flush():
            self.refresh_loop.stop()


class DashboardView:
    """The widgets of the dashboard. `flush` brings them up to date; whoever calls it decides how often."""

    def __init__(self, guard: Guard) -> None:
        self.is_over = True
        self.status = ""
        self._run: Run | None = None
        self._lock = threading.Lock()
        self._drawn: tuple[Any, ...] = ()
        self.progress_bar = create(w.HTML)
        self.score_tiles = create(w.HTML, layout=w.Layout(margin="10px 2px"))
        self.loss_curves, self.metric_curves = Curves(), Curves()
        self.metric_menu = create(
            w.Dropdown, options=[("metric", "")], layout=w.Layout(width="190px"), tooltip="Which metric the curve shows"
        )
        self.metric_menu.observe(guard(lambda _: self._draw_metric()), "value")
        self.loss_menu = create(
            w.Dropdown,
            options=[("Loss", "loss")],
            layout=w.Layout(width="150px"),
            tooltip="The loss, or one of its terms",
        )
        self.loss_menu.observe(guard(lambda _: self._draw_loss()), "value")
        self.preview, self.reports = Preview(guard), Reports(guard)
        self.log = create(w.HTML)
        self.save_button = create(
            w.Button, description="Save log", icon="download", tooltip=_SAVE_LOG, classes=("nbt-quiet",)
        )
        self.save_button.on_click(guard(lambda _: self._save_log()))
        self.saved_line = create(w.HTML)
        self._figures_box = self._figures()
        self._welcome = create(w.HTML, value=_WELCOME)
        self._live = create(w.VBox, layout=w.Layout(display="none"))
        self._parts = [
            self.progress_bar,
            self.score_tiles,
            self._figures_box,
            self.preview.box,
            self.reports.box,
            self.log,
            create(w.HBox, children=[self.save_button, self.saved_line]),
        ]
        attach(self._live, *self._parts)
        self.box = create(w.VBox, children=[self._welcome, self._live])
        self.state = RunState()

    def watch(self, run: Run) -> None:
        """Show `run` from its beginning."""
        with self._lock:
            self._run, self.state, self._taken, self.is_over, self._drawn = run, RunState(), 0, False, ()
            set_visible(self._welcome, False)
            # bqplot complains in the browser when drawn into nothing: only now
            self._live.children = self._parts
            set_visible(self._live, True)

    def flush(self) -> bool:
        """Draw what is new; whether the run is over. A call that comes while another one draws does nothing: newest wins."""
        if self._run is None or not self._lock.acquire(blocking=False):
            return self.is_over
        try:
            # the status first: events that come after it are then at worst shown too early, never lost
            status = self._run.status
            happened = self._run.events
            for event in happened[self._taken :]:
                self.state.take(event)
            self._taken = len(happened)
            self.status = status
            self._draw()
            if status not in ("running", "paused") and not self.is_over:
                self.is_over = True
                self._send()
            return self.is_over
        finally:
            self._lock.release()

    def _save_log(self) -> None:
        """Keep the log and the table of losses and metrics as they are now, beside those that the run goes on to write."""
        assert self._run is not None
        sentences = self._run.save_log()
        table = self._run.save_log(sentences.with_suffix(".csv"))
        set_trait(self.saved_line, "value", text(f"saved: {sentences} and {table.name}", "nbt-small", "nbt-muted"))

    def _figures(self) -> w.HBox:
        legend = '<span class="nbt-small"><span class="nbt-training">— training</span> &nbsp;<span class="nbt-validation">– – validation</span></span>'
        marks = '<span class="nbt-small nbt-muted">● best &nbsp;··· baseline</span>'
        self.loss_title = create(w.HTML, value="<b>Loss</b>")
        loss_head = create(
            w.HBox,
            children=[self.loss_title, self.loss_menu, create(w.HTML, value=legend)],
            classes=("nbt-curve-head",),
        )
        metric_head = create(
            w.HBox, children=[self.metric_menu, create(w.HTML, value=marks)], classes=("nbt-curve-head",)
        )
        return create(
            w.HBox,
            children=[
                create(w.VBox, children=[loss_head, self.loss_curves.figure], classes=("nbt-curve",)),
                create(w.VBox, children=[metric_head, self.metric_curves.figure], classes=("nbt-curve",)),
            ],
            classes=("nbt-curves",),
        )

    def _draw(self) -> None:
        assert self._run is not None
        set_trait(self.progress_bar, "value", progress(self.state, self.status, time.time()))
        set_trait(self.score_tiles, "value", tiles(self.state))
        set_trait(self.log, "value", log_html(list(self.state.log)))
        self._draw_menus()
        drawn = (self._taken, self.metric_menu.value, self.loss_menu.value)
        if drawn != self._drawn:
            self._draw_loss()
            self._draw_metric()
            self.preview.show(self._run.directory, self.state.previews)
            self.reports.show(self._run.directory, self.state.reports)
            self._drawn = drawn

    def _draw_menus(self) -> None:
        _fill(self.metric_menu, [(legible(name), name) for name in self.state.metrics] or [("metric", "")])
        losses = [(legible(name), name) for name in self.state.loss_names]
        _fill(self.loss_menu, losses)
        # a loss without terms leaves nothing to choose
        set_visible(self.loss_menu, len(losses) > 1)
        set_visible(self.loss_title, len(losses) == 1)

    def _draw_loss(self) -> None:
        name = self.loss_menu.value or "loss"
        drawn = figure_values(self.state, name) | {"baseline": None}
        if name == "loss":  # known step by step; its terms once an epoch
            drawn["training"] = (self.state.loss_epochs, self.state.losses)
        self.loss_curves.draw(**drawn, epochs=self._epochs())

    def _draw_metric(self) -> None:
        if self.metric_menu.value:
            self.metric_curves.draw(**figure_values(self.state, self.metric_menu.value), epochs=self._epochs())

    def _epochs(self) -> float:
        planned = self.state.planned
        # with a time budget the last epoch may be far away: leave room, but let the curve fill the figure
        if planned is None:
            return 1.0
        steps_per_epoch = max(planned.steps_per_epoch, 1)
        reached = self.state.step / steps_per_epoch
        fraction = self.state.fraction
        return (
            min(float(planned.epochs), max(1.0, _round_up(reached / fraction)))
            if fraction > 0.02
            else float(planned.epochs)
        )

    def _send(self) -> None:
        """Send everything again: a server under load drops messages without a word."""
        for widget in (self.progress_bar, self.score_tiles, self.log, self.metric_menu, self.loss_menu):
            widget.send_state()
        for part in (self.loss_curves, self.metric_curves, self.preview, self.reports):
            part.send()


def _fill(menu: Any, options: list[tuple[str, str]]) -> None:
    """Give `menu` other options; what is chosen stays chosen, if it is still among them."""
    if list(menu.options) != options:
        chosen = menu.value
        menu.options = options
        set_trait(menu, "value", chosen if chosen in dict(options).values() else options[0][1])


def _round_up(epochs: float) -> float:
    """The next round number, so that the axis does not creep."""
    step = 10 ** max(len(str(int(epochs))) - 1, 0)
    return float(-(-epochs // step) * step)
