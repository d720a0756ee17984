"""Closed means gone: no widget in ipywidgets' registry, no thread, nothing that keeps the app in memory."""

import contextlib
import gc
import queue
import threading
import time
import warnings
import weakref

import ipywidgets as w
import pytest
from journals import begun, epoch, write_run

from nbtrainer.config import Config
from nbtrainer.errors import Finding
from nbtrainer.runs import attach, events
from nbtrainer.ui.app import TrainerApp
from nbtrainer.ui.dashboard.dashboard import Dashboard
from nbtrainer.ui.disposal import attach as attach_widgets
from nbtrainer.ui.disposal import dispose, set_children
from nbtrainer.ui.errors import Errors
from nbtrainer.ui.form.form import Form


def open_widgets():
    """What ipywidgets keeps: 7 and 8 have it under one name, which 8 would rather not have."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return set(w.Widget.widgets.values())


def settle(app):
    """Wait until nothing is done beside the page."""
    ends = time.monotonic() + 60
    while app.work.jobs:
        assert time.monotonic() < ends, "it did not end in time"
        time.sleep(0.02)


@pytest.fixture
def run(tmp_path):
    return attach(write_run(tmp_path / "runs", [*begun(), *epoch(1, 0.5, 1.0), events.Stopped(step=10)]).path)


def used_app(run):
    """An app of which everything was opened once."""
    app = TrainerApp("binary_2d")
    form = app.form
    form.use_samples()
    form.show_view(is_complete=True, is_helping=True)
    for panel in form.panels:
        panel.open()
    for view in (form.pairs, form.histogram, form.gallery.disclosure, form.patch_map.disclosure):
        view.open_button.click()
        settle(app)
    images = form.field("data.datasets").fields
    images[0]._toggle_chooser()
    regions = next(field for field in images if field.setting.name == "regions")
    regions.toggle()
    settle(app)
    regions.editor.tools.mode_switch.value = "Rectangle"
    form.field("training.epochs").widget.value = "many"
    app.actions.as_code.click()
    app.threshold_explorer.open_button.click()
    app.show_run(run)
    app.actions.check.click()
    settle(app)
    return app


def test_a_closed_app_leaves_no_widget_no_thread_and_no_memory(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    import ipyfilechooser  # noqa: F401 - it makes a widget when it is imported

    before = open_widgets()

    app = used_app(run)
    assert len(open_widgets() - before) > 1000
    gone = weakref.ref(app)
    app.close()
    del app
    gc.collect()

    assert open_widgets() == before
    assert not [thread for thread in threading.enumerate() if thread.name == "nbtrainer-display"]
    assert gone() is None


def test_a_closed_dashboard_leaves_no_widget_and_no_thread(tmp_path):
    running = attach(write_run(tmp_path / "runs", [*begun(), *epoch(1, 0.5, 1.0)]).path)
    before = open_widgets()
    dashboard = Dashboard(running)
    dashboard.refresh_loop.start()

    dashboard.close()
    gone = weakref.ref(dashboard)
    del dashboard
    gc.collect()

    assert open_widgets() == before
    assert not [thread for thread in threading.enumerate() if thread.name == "nbtrainer-display"]
    assert gone() is None


def test_a_closed_app_begins_nothing_any_more(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    app = TrainerApp("binary_2d")
    settle(app)
    app.close()
    before = open_widgets()

    app.run_in_background("checking", lambda: lambda: app.show_run(run))
    app.tick()

    assert app.run is None
    assert not app.is_busy
    assert open_widgets() == before


def test_what_was_closed_says_so_when_it_is_shown_again(run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for shown, words in (
        (TrainerApp("binary_2d"), "This app was closed"),
        (Dashboard(run), "This dashboard was closed"),
    ):
        shown.close()
        shown.close()
        before = open_widgets()

        shown._ipython_display_()

        assert words in capsys.readouterr().out
        assert open_widgets() == before


def test_what_is_replaced_in_the_form_is_gone_too():
    form = Form(Config.preset("binary_2d"), base=Config.preset("binary_2d"), guard=Errors().guard, on_edit=lambda: None)
    form.use_samples()
    for panel in form.panels:
        panel.open()

    def go_round():
        for name in ("omnipose", "easyreg"):
            form.load(Config.preset(name), base=Config.preset(name))
        form.field("data.datasets").enter([{}, {}, {}])
        form.field("data.datasets").enter([{}])
        form.field("compile.metrics").enter(["dice", "iou"])
        form.field("compile.metrics").enter("auto")
        form.field("training.batch_size").widget.value = "0"
        form.show_findings([Finding(where="sampling.patch_size", wrong="100 does not fit", remedy="Try 96 or 104")])
        form.load(Config.preset("binary_2d"), base=Config.preset("binary_2d"))

    go_round()
    before = len(open_widgets())
    go_round()

    assert len(open_widgets()) == before


def test_what_a_box_gets_again_stays_open():
    kept, dropped = w.HTML("kept"), w.HTML("dropped")
    around = w.HBox([kept])
    box = w.VBox([around, dropped])
    aside = w.HTML("aside")
    attach_widgets(dropped, aside)

    set_children(box, [kept])

    remaining = open_widgets()
    assert {kept, kept.layout, box} <= remaining
    assert not {around, dropped, dropped.layout, aside, aside.layout} & remaining
    dispose(box)
    dispose(box)
    assert not {box, kept, kept.layout} & open_widgets()


class LookedAtTwice(queue.SimpleQueue):
    """A queue of which two threads see that it is not empty before either takes something."""

    def __init__(self):
        super().__init__()
        self._both = threading.Barrier(2)

    def empty(self):
        is_empty = super().empty()
        with contextlib.suppress(threading.BrokenBarrierError):
            self._both.wait(2)
        return is_empty


def test_beats_that_overlap_never_wait_for_each_other(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    app = TrainerApp("binary_2d")
    settle(app)
    shown = []
    app.work.results = LookedAtTwice()
    app.work.jobs += 1
    app.work.results.put(("", lambda: shown.append("news")))
    beats = [threading.Thread(target=app.tick, daemon=True) for _ in range(2)]
    for beat in beats:
        beat.start()
    for beat in beats:
        beat.join(10)

    assert not any(beat.is_alive() for beat in beats)
    assert shown == ["news"]
    app.close()
