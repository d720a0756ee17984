"""The app: form, buttons and dashboard in one; the one object a notebook shows."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from pathlib import Path

import ipywidgets as w
from IPython.display import display

from nbtrainer import api
from nbtrainer.config import Config, presets
from nbtrainer.config.task.settings import OTHER_KINDS
from nbtrainer.errors import Finding, UserError
from nbtrainer.runs import Run
from nbtrainer.runs.signals import stop_before_the_end
from nbtrainer.ui import frontend, style
from nbtrainer.ui.background import API
from nbtrainer.ui.dashboard.dashboard import DashboardView
from nbtrainer.ui.dashboard.resume_banner import ResumeBanner
from nbtrainer.ui.disposal import dispose, say_closed
from nbtrainer.ui.errors import Errors
from nbtrainer.ui.form.actions import Actions
from nbtrainer.ui.form.code_view import CodeView
from nbtrainer.ui.form.findings import FindingsList, pictures_of
from nbtrainer.ui.form.form import Form
from nbtrainer.ui.form.panels import missing
from nbtrainer.ui.predict.threshold_explorer import ThresholdExplorer
from nbtrainer.ui.widgets import create, set_trait, set_visible, text

OWN = "(your settings)"
_CHECKING = "checking your data …"


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
        return self._working != "" or (self._run is not None and self._run.status in ("running", "paused"))

    def close(self) -> None:
        """Take the app off the page, with all that it holds in the kernel and in the browser. A run that is going on goes on."""
        with self._lock:
            self._is_closed = True
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
        self._working = ""
        self._results: queue.SimpleQueue[tuple[str, Callable[[], None]]] = queue.SimpleQueue()
        self._jobs = 0
        self._lock = threading.RLock()  # so that the driver is not stopped just when there is something to do again
        self._ticking = threading.Lock()
        self.errors = Errors()
        guard = self.errors.guard
        self.refresh_loop = frontend.driver(guard(self.tick))
        self._code = CodeView(guard, lambda: self.config, lambda: self.preset_menu.value)
        self.actions = Actions(guard, self._go, self._check, self._stop, self._resume, self._code.toggle)
        self.dashboard = DashboardView(guard)
        self.form = Form(config, self._base(preset), guard, self._edited, self.api, self.run_in_background)
        self.findings = FindingsList(guard, self._place_of, self._open_panel, self._fix_title, self._fix)
        self.threshold_explorer = ThresholdExplorer(self.api, self.run_in_background, guard)
        self.resume_banner = ResumeBanner(guard, self.show_run, self._resume_run)
        self._pick_preset(preset, config)
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
                self._head(),
                self.errors.box,
                self.resume_banner.box,
                self.message,
                columns,
                *loop_widget,
            ],
            classes=("nbt",),
        )

    def _head(self) -> w.HBox:
        guard = self.errors.guard
        self._view = create(
            w.Dropdown,
            options=[("Simple view", False), ("All settings", True)],
            layout=w.Layout(width="120px"),
            tooltip="How many settings are shown",
        )
        self._helps = create(
            w.ToggleButton,
            value=False,
            description="Help",
            icon="question-circle",
            tooltip="Explain every setting under its field",
        )
        for switch in (self._view, self._helps):
            switch.observe(guard(lambda _: self.form.show_view(self._view.value, self._helps.value)), "value")
        name = create(w.HTML, value='<span class="nbt-name">nbtrainer</span>')
        self._about = create(w.HTML, layout=w.Layout(flex="1 1 100%", display="none"))
        return create(
            w.HBox, children=[name, self.preset_menu, self._view, self._helps, self._about], classes=("nbt-head",)
        )

    def _pick_preset(self, preset: str, config: Config) -> None:
        self._presets = presets()
        options = [(f"Preset: {known.title}", name) for name, known in self._presets.items()]
        self.preset_menu = create(
            w.Dropdown,
            options=[(f"Preset: {OWN}", ""), *options],
            value=preset,
            layout=w.Layout(width="340px"),
            tooltip="Ready settings to begin with",
        )
        self._is_loading = False
        self.preset_menu.observe(self.errors.guard(lambda _: self._preset_chosen()), "value")

    # loading

    def _base(self, preset: str) -> Config:
        return Config.preset(preset) if preset else Config()

    def _load(self, config: Config, preset: str) -> None:
        self._is_loading = True
        try:
            set_trait(self.preset_menu, "value", preset)
        finally:
            self._is_loading = False
        self.form.load(config, self._base(preset))
        self.findings.show_message([])
        self._show_message("")
        self._edited()

    def _preset_chosen(self) -> None:
        """A preset says how to train, not on what: what the user said of data, results and machine stays."""
        if self._is_loading or not self.preset_menu.value:
            return
        config = Config.preset(self.preset_menu.value)
        config.take_data_of(self.config, self.form.base)
        self._load(config, self.preset_menu.value)
        self._show_message(self._presets[self.preset_menu.value].description)

    # what buttons do

    def _edited(self) -> None:
        self.findings.mark_stale()
        self._code.redraw()
        self._refresh()

    def _go(self) -> None:
        if self.is_busy:
            return
        self._show_message("")
        if self._is_refusing():
            return
        # a copy: the form stays open for edits, which belong to the next run
        config = self.config.validated()
        self.run_in_background(_CHECKING, lambda: self._check_and_start(config))

    def _check(self) -> None:
        if not self._working and not self._is_refusing():
            self._start_check()

    def _start_check(self) -> None:
        config = self.config.validated()
        self.run_in_background(_CHECKING, lambda: self._found(config, fine=True))

    def _is_refusing(self) -> bool:
        """Whether something was typed that the config did not take; it is listed."""
        refused = self.form.refused()
        if refused:
            self.findings.show_message(refused)
        return bool(refused)

    def _fix(self, finding: Finding) -> None:
        """Mend what was found, on a copy: the form stays open, and what was edited meanwhile is kept."""
        if self._working:
            return
        before = self.config.validated()
        after = self.config.validated()

        def fix() -> Callable[[], None]:
            sentence = self.api.fix(after, finding)
            return lambda: self._fixed(before, after, sentence)

        self.run_in_background("mending …", fix)

    def _fix_title(self, finding: Finding) -> str:
        return self.api.fix_title(finding)

    def _fixed(self, before: Config, after: Config, sentence: str) -> None:
        take_changes(self.config, before, after)
        self.form.load(self.config, self.form.base)
        self._show_message(sentence)
        self._edited()
        self._start_check()

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

    def _check_and_start(self, config: Config) -> Callable[[], None]:
        """Runs beside the page; returns what is to be shown then."""
        findings = self.api.check(config)
        if any(finding.level == "error" for finding in findings):
            return self._with_pictures(findings, config)
        if self._is_closed:
            return lambda: None
        run = api.start(config)
        show = self._with_pictures(findings, config)

        def started() -> None:
            show()
            self.show_run(run)

        return started

    def _found(self, config: Config, fine: bool) -> Callable[[], None]:
        """Runs beside the page, like what follows."""
        return self._with_pictures(self.api.check(config), config, fine)

    def _with_pictures(self, findings: list[Finding], config: Config, fine: bool = False) -> Callable[[], None]:
        pictures = pictures_of(findings, config, self.api)

        def show() -> None:
            self.form.show_findings(findings)
            self.findings.show_message(findings, pictures, fine)

        return show

    def _look_for_runs(self, root: Path) -> Callable[[], None]:
        run = self.resume_banner.newest(root)
        return lambda: self.resume_banner.show(run) if self._run is None else None

    # what comes back

    def run_in_background(self, words: str, task: Callable[[], Callable[[], None]]) -> None:
        """Do `task` in a thread; what it returns is called by the next tick, because only ticks may touch the page."""

        def work() -> None:
            try:
                result = task()
            except UserError as error:
                findings = error.findings
                result = lambda: self._show_findings(findings)  # noqa: E731
            except Exception as error:  # shown in the page, whatever it is
                broke = error
                result = lambda: self.errors.show(broke)  # noqa: E731
            self._results.put((words, result))
            self.refresh_loop.hurry()

        with self._lock:
            if self._is_closed:
                return
            self._working = words or self._working
            self._jobs += 1
            self.refresh_loop.start()
        threading.Thread(target=work, name="nbtrainer-work", daemon=True).start()
        self._refresh()

    def tick(self) -> None:
        """A few times a second: show what threads brought, and what the run did."""
        # in Colab answers to the page may overlap: one at a time, and none waits for another
        if self._is_closed or not self._ticking.acquire(blocking=False):
            return
        try:
            self._show_results()
            self.dashboard.flush()
            self.threshold_explorer.flush()
            self._refresh()
            with self._lock:
                if not self._jobs and self.dashboard.is_over:
                    self.refresh_loop.stop()
        finally:
            self._ticking.release()

    def _show_results(self) -> None:
        """Show what threads brought, and what is brought while this is done."""
        while True:
            try:
                words, show = self._results.get_nowait()
            except queue.Empty:
                return
            try:
                show()
            finally:
                self._jobs -= 1
                # what was shown may have begun the next work
                self._working = "" if words and self._working == words else self._working

    def _show_findings(self, findings: list[Finding]) -> None:
        self.form.show_findings(findings)
        self.findings.show_message(findings)

    def _place_of(self, finding: Finding) -> str:
        panel = self.form.panel_of(finding)
        return f"{panel.number} {panel.plan.title}" if panel is not None else ""

    def _open_panel(self, finding: Finding) -> None:
        panel = self.form.panel_of(finding)
        if panel is not None:
            panel.open()

    def show_run(self, run: Run) -> None:
        self._run = run
        self.threshold_explorer.use(run.directory)
        self.resume_banner.dismiss()
        with self._lock:
            self.dashboard.watch(run)
            self.refresh_loop.start()
        self.dashboard.flush()
        self._refresh()

    def _refresh(self) -> None:
        """Say what can be done now, and what is missing."""
        status = self.dashboard.status
        runs = status in ("running", "paused")
        needed = missing(self.config)
        go = self._working or ("A run is going on: stop it first, or wait until it has ended." if runs else needed)
        state = self.dashboard.state
        words = self._working or needed
        if runs:
            words = "Stop once: after the next validation. Twice: now. Nothing is lost either way."
        elif self._run is not None and not self._working:
            words = f"Model, curves and previews are in {_as_seen_from_here(self._run.directory)}."
            if status == "failed":
                words = f"The run failed: {self._run.error} {words}"
        elif not words:
            words = "Go checks data and settings, then trains. It may take minutes, hours or days; progress is shown."
        self.actions.can(
            go=go,
            check=self._working or needed,
            stop="" if runs else "There is nothing to stop: no run is going on.",
            is_stopping=runs and state.is_stopping,
            resume=status == "stopped" and not self._working,
            words=words,
        )
        self.findings.can_fix(not self._working)

    def _show_message(self, words: str) -> None:
        set_trait(self.message, "value", text(words, "nbt-muted"))
        set_visible(self.message, bool(words))


def take_changes(config: Config, before: Config, after: Config) -> None:
    """Give `config` what differs between `before` and `after`, and leave the rest as it is."""
    old, new = before.model_dump(), after.model_dump()
    for section, settings in new.items():
        group = getattr(config, section)
        for name, value in settings.items():
            # a setting that only the new kind of segmentation has was at its default before, or kept among `other_kinds`
            if name not in old[section] or value != old[section][name]:
                setattr(group, name, value)
        if old[section].keys() - settings.keys() >= {OTHER_KINDS}:
            setattr(group, OTHER_KINDS, {})


def nearest_preset(config: Config) -> str:
    """The preset that `config` differs least from, apart from data and output; empty if the defaults are nearer."""

    def differences(other: Config) -> int:
        mine, theirs = config.model_dump(warnings=False), other.model_dump()
        return sum(
            mine[section].get(name) != theirs[section].get(name)
            for section in mine.keys() - {"data", "output"}
            for name in mine[section].keys() | theirs[section].keys()
        )

    counts = {"": differences(Config())} | {name: differences(Config.preset(name)) for name in presets()}
    return min(counts, key=lambda name: (counts[name], name != ""))


def _as_seen_from_here(path: Path) -> str:
    """`path` relative to the working directory if it lies in it: shorter, and what the notebook's own code would say."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
