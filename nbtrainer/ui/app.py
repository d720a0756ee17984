"""The app: form, buttons and dashboard in one; the one object a notebook shows."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import ipywidgets as w
from IPython.display import display

from nbtrainer import api
from nbtrainer.config import Config, presets
from nbtrainer.runs import Run
from nbtrainer.runs.signals import stop_before_the_end
from nbtrainer.ui import frontend, style
from nbtrainer.ui.background import API
from nbtrainer.ui.dashboard.dashboard import DashboardView
from nbtrainer.ui.dashboard.resume_banner import ResumeBanner
from nbtrainer.ui.disposal import dispose, say_closed
from nbtrainer.ui.errors import Errors
from nbtrainer.ui.form.actions import Actions
from nbtrainer.ui.form.checking import Checking
from nbtrainer.ui.form.code_view import CodeView
from nbtrainer.ui.form.compare_settings import nearest_preset
from nbtrainer.ui.form.form import Form
from nbtrainer.ui.form.panels import missing
from nbtrainer.ui.head import Head
from nbtrainer.ui.predict.threshold_explorer import ThresholdExplorer
from nbtrainer.ui.widgets import create, set_trait, set_visible, text
from nbtrainer.ui.work_queue import WorkQueue


class TrainerApp:
    """Set up a training, start it, watch it, stop it.

    There is one app in a kernel: making another shows the first, with the new preset or config unless a run is going on.

    Parameters
    ----------
    preset
        Name of the preset to begin with.
    config
        Settings to begin with; they are edited in place.
    """

    _only: TrainerApp | None = None
    _is_closed = False

    def __new__(cls, preset: str | Config | None = None, config: Config | None = None) -> TrainerApp:
        return cls._only if cls._only is not None else super().__new__(cls)

    def __init__(self, preset: str | Config | None = None, config: Config | None = None) -> None:
        if isinstance(preset, Config):  # TrainerApp(config) means what it says
            preset, config = None, preset
        starts = Config.preset(preset) if config is None and preset else config
        stop_before_the_end()  # here, because a run is started in a thread, where signals cannot be listened to
        if TrainerApp._only is None:
            starts = starts if starts is not None else Config.preset("binary_2d")
            self._build(starts, preset or nearest_preset(starts))
            TrainerApp._only = self
        elif self.is_busy:
            if starts is not None:
                self._show_message(
                    "A run is going on: this is the app that shows it. New settings can be loaded when it has ended."
                )
        elif starts is not None:
            self._load(starts, preset or nearest_preset(starts))

    @property
    def config(self) -> Config:
        """The settings as they stand in the form."""
        return self.form.config

    @property
    def run(self) -> Run | None:
        """The run that is shown, or None before the first."""
        return self._run

    @property
    def is_busy(self) -> bool:
        """Whether data are being checked or a run is going on."""
        return self.work.words != "" or (self._run is not None and self._run.status in ("running", "paused"))

    def close(self) -> None:
        """Take the app off the page, with all that it holds in the kernel and in the browser. A run that is going on goes on."""
        self._is_closed = True
        self.work.close()
        self.refresh_loop.close()
        dispose(self._root)
        if TrainerApp._only is self:
            TrainerApp._only = None

    def _ipython_display_(self) -> None:
        if self._is_closed:
            say_closed("This app was closed. nbt.TrainerApp() makes a new one.")
            return
        frontend.prepare()
        display(self._root)
        if self.is_busy or not self.dashboard.is_over:
            self.refresh_loop.start()

    # building

    def _build(self, config: Config, preset: str) -> None:
        self.api = API
        self._run: Run | None = None
        self._ticking = threading.Lock()
        self.errors = Errors()
        guard = self.errors.guard
        self.refresh_loop = frontend.driver(guard(self.tick))
        self.work = WorkQueue(self.refresh_loop, lambda findings: self.checking.show(findings), self.errors.show)
        self.head = Head(guard, preset, self._preset_chosen, lambda **view: self.form.show_view(**view))
        self._code = CodeView(guard, lambda: self.config, lambda: self.head.preset)
        self.actions = Actions(
            guard, go=self._go, check=self._check, stop=self._stop, resume=self._resume, code=self._code.toggle
        )
        self.dashboard = DashboardView(guard)
        base = self._base(preset)
        self.form = Form(
            config, base=base, guard=guard, on_edit=self._follow_edit, api=self.api, work=self.run_in_background
        )
        self.checking = Checking(
            self.api,
            self.form,
            self.work,
            guard,
            show_message=self._show_message,
            on_edit=self._follow_edit,
            on_work=self._refresh,
            show_run=self.show_run,
        )
        self.findings = self.checking.findings
        self.threshold_explorer = ThresholdExplorer(self.api, self.run_in_background, guard)
        self.resume_banner = ResumeBanner(guard, self.show_run, self._resume_run)
        self.message = create(w.HTML, layout=w.Layout(display="none", padding="6px 10px"))
        self._lay_out()
        self._refresh()
        root = config.resolve(config.output.root)
        self.run_in_background("", lambda: self._look_for_runs(root))

    def _lay_out(self) -> None:
        left = create(
            w.VBox,
            children=[self.form.box, self.findings.box, self.actions.box, self._code.box],
            classes=("nbt-form",),
        )
        right = create(w.VBox, children=[self.dashboard.box, self.threshold_explorer.box], classes=("nbt-board",))
        columns = create(w.HBox, children=[left, right], classes=("nbt-columns",))
        sheet = create(w.HTML, value=style.sheet(), layout=w.Layout(height="0", margin="0"))
        loop_widget = [self.refresh_loop.widget] if self.refresh_loop.widget is not None else []
        self._root = create(
            w.VBox,
            children=[
                sheet,
                self.head.box,
                self.errors.box,
                self.resume_banner.box,
                self.message,
                columns,
                *loop_widget,
            ],
            classes=("nbt",),
        )

    # loading

    def _base(self, preset: str) -> Config:
        return Config.preset(preset) if preset else Config()

    def _load(self, config: Config, preset: str) -> None:
        self.head.show_preset(preset)
        self.form.load(config, base=self._base(preset))
        self.findings.show_message([])
        self._show_message("")
        self._follow_edit()

    def _preset_chosen(self, preset: str) -> None:
        """A preset says how to train, not on what: what the user said of data, results and machine stays."""
        config = Config.preset(preset)
        config.take_data_of(self.config, self.form.base)
        self._load(config, preset)
        self._show_message(presets()[preset].description)

    # what buttons do

    def _follow_edit(self) -> None:
        self.findings.mark_stale()
        self._code.redraw()
        self._refresh()

    def _go(self) -> None:
        if not self.is_busy:
            self.checking.check_and_start()

    def _check(self) -> None:
        if not self.work.words:
            self.checking.check()

    def _stop(self) -> None:
        if self._run is not None:
            self._run.stop()
            self._refresh()

    def _resume(self) -> None:
        if self._run is not None and not self.is_busy:
            self._resume_run(self._run.directory)

    def _resume_run(self, directory: Path) -> None:
        def resume() -> Callable[[], None]:
            run = api.resume(directory)
            return lambda: self.show_run(run)

        self.run_in_background("getting the run back …", resume)

    def _look_for_runs(self, root: Path) -> Callable[[], None]:
        run = self.resume_banner.newest(root)
        return lambda: self.resume_banner.show(run) if self._run is None else None

    # what comes back

    def run_in_background(self, words: str, task: Callable[[], Callable[[], None]]) -> None:
        """Do `task` in a thread; what it returns is called by the next tick, because only ticks may touch the page."""
        self.work.start(words, task)
        self._refresh()

    def tick(self) -> None:
        """A few times a second: show what threads brought, and what the run did."""
        # in Colab answers to the page may overlap: one at a time, and none waits for another
        if self._is_closed or not self._ticking.acquire(blocking=False):
            return
        try:
            self.work.show_results()
            self.dashboard.flush()
            self.threshold_explorer.flush()
            self._refresh()
            with self.work.lock:
                if self.work.is_done and self.dashboard.is_over:
                    self.refresh_loop.stop()
        finally:
            self._ticking.release()

    def show_run(self, run: Run) -> None:
        self._run = run
        self.threshold_explorer.use(run.directory)
        self.resume_banner.dismiss()
        with self.work.lock:
            self.dashboard.watch(run)
            self.refresh_loop.start()
        self.dashboard.flush()
        self._refresh()

    def _refresh(self) -> None:
        """Say what can be done now, and what is missing."""
        status = self.dashboard.status
        runs = status in ("running", "paused")
        needed = missing(self.config)
        go = self.work.words or ("A run is going on: stop it first, or wait until it has ended." if runs else needed)
        state = self.dashboard.state
        words = self.work.words or needed
        if runs:
            words = "Stop once: after the next validation. Twice: now. Nothing is lost either way."
        elif self._run is not None and not self.work.words:
            words = f"Model, curves and previews are in {_as_seen_from_here(self._run.directory)}."
            if status == "failed":
                words = f"The run failed: {self._run.error} {words}"
        elif not words:
            words = "Go checks data and settings, then trains. It may take minutes, hours or days; progress is shown."
        self.actions.can(
            go=go,
            check=self.work.words or needed,
            stop="" if runs else "There is nothing to stop: no run is going on.",
            is_stopping=runs and state.is_stopping,
            resume=status == "stopped" and not self.work.words,
            words=words,
        )
        self.findings.can_fix(not self.work.words)

    def _show_message(self, words: str) -> None:
        set_trait(self.message, "value", text(words, "nbt-muted"))
        set_visible(self.message, bool(words))


def _as_seen_from_here(path: Path) -> str:
    """`path` relative to the working directory if it lies in it: shorter, and what the notebook's own code would say."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
