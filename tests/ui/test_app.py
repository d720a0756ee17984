"""The app without a browser: one a kernel, Go, Stop, what is missing, and errors that are shown."""

import subprocess
import sys
import time

import pytest
from journals import begun, epoch, write_run
from small_api import SmallApi

from nbtrainer.config import Config
from nbtrainer.errors import Finding
from nbtrainer.runs import attach, events
from nbtrainer.ui.app import TrainerApp
from nbtrainer.ui.form.compare_settings import nearest_preset


@pytest.fixture
def app(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = TrainerApp("binary_2d")
    yield made
    if made.run is not None:
        made.run.stop(now=True)
        made.run.wait(60)
    made.close()


def until(condition, seconds=60.0):
    """Wait for what another thread does."""
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.02)


def words_of(widget):
    """Everything that is written in a box."""
    box = getattr(widget, "box", widget)
    return getattr(box, "value", "") + "".join(words_of(child) for child in getattr(box, "children", ()))


def test_the_form_stands_without_torch():
    code = "import nbtrainer, sys; nbtrainer.TrainerApp(); assert 'torch' not in sys.modules, 'torch was imported'"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stderr.count("Error") == 0


def test_a_second_app_is_the_first_with_the_new_preset(app):
    second = TrainerApp("epyseg")

    assert second is app
    assert app.config == Config.preset("epyseg") or app.config.training.epochs == 100
    assert app.head.preset_menu.value == "epyseg"


def test_a_second_app_during_a_run_shows_the_first_and_says_so(app, tmp_path):
    app.show_run(attach(write_run(tmp_path / "runs", [*begun(), *epoch(1, 0.5, 1.0)]).path))

    second = TrainerApp("epyseg")

    assert second is app
    assert app.config.training.epochs == Config.preset("binary_2d").training.epochs
    assert "A run is going on" in app.message.value
    app._run = None


def test_after_close_a_new_app_can_be_made(app):
    app.close()

    assert TrainerApp._only is None


def test_the_config_that_is_given_is_edited_in_place(app):
    config = Config.preset("binary_2d")
    TrainerApp(config=config)

    app.form.field("training.epochs").enter(3)

    assert app.config is config
    assert config.training.epochs == 3
    assert app.head.preset_menu.value == "binary_2d"


def test_go_is_disabled_until_there_are_images_and_says_why(app):
    assert app.actions.go.disabled
    assert "Choose a folder of images" in app.actions.go.tooltip
    assert "Choose a folder of images" in app.actions.hint.value

    app.form.use_samples()

    assert not app.actions.go.disabled


@pytest.mark.feature(131)
def test_it_is_said_that_training_may_take_hours_or_days_before_it_begins(app):
    app.form.use_samples()

    assert "It may take minutes, hours or days; progress is shown." in app.actions.hint.value
    assert "Training may take minutes, hours or days" in words_of(app.dashboard)


def test_choosing_a_preset_keeps_data_and_output(app):
    app.form.use_samples()
    app.form.field("output.name").enter("mine")

    app.head.preset_menu.value = "epyseg"

    assert app.config.training.epochs == 100
    assert app.config.output.name == "mine"
    assert app.config.data.datasets[0].images.endswith("images")


def test_a_preset_that_trains_with_every_image_does_not_take_the_validation_share_from_the_next(app):
    app.form.use_samples()

    for name in ("omnipose", "plantbio_instance_2d", "epyseg", "semantic_2d"):
        app.head.preset_menu.value = name
        assert app.config.data.validation_fraction == Config.preset(name).data.validation_fraction

    app.form.field("data.validation_fraction").enter(0.4)
    for name in ("omnipose", "", "binary_2d"):
        app.head.preset_menu.value = name
        assert app.config.data.validation_fraction == 0.4


def test_go_lists_what_the_check_finds_and_does_not_start(app):
    app.form.use_samples()
    app.form.field("model.pretrained").enter("gone.pt")

    app.actions.go.click()
    until(lambda: not app.is_busy)

    assert app.run is None
    assert "There is no file or folder" in words_of(app.findings)
    assert "There is no file or folder" in app.form.field("model.pretrained").message.value


def test_go_refuses_while_a_wrong_value_stands_in_a_field(app):
    app.form.use_samples()
    app.form.field("training.epochs").widget.value = "many"

    app.actions.go.click()

    assert not app.is_busy
    assert "Epochs: &#x27;many&#x27; is not a whole number" in words_of(app.findings)


def test_check_looks_without_starting_and_says_that_nothing_is_wrong(app, small_config):
    TrainerApp(config=small_config)
    app.actions.check.click()
    until(lambda: not app.is_busy)

    assert app.run is None
    assert "to look at" in app.findings.summary_line.value  # there are few images
    assert "There are only 3 images" in words_of(app.findings)

    app.config.training.epochs = 2
    app.form.field("training.epochs").enter(4)
    assert "There are only 3 images" in words_of(app.findings)
    assert "Settings have changed since" in app.findings.summary_line.value


def test_check_can_not_be_pressed_without_images(app):
    assert app.actions.check.disabled
    assert "Choose a folder of images" in app.actions.check.tooltip


def test_fix_mends_the_settings_keeps_what_was_edited_meanwhile_and_checks_again(app, nuclei):
    app.form.field("data.datasets").enter([nuclei])
    bad = Finding(where=f"{nuclei['labels']}/nuclei_00.tif", wrong="it is a colour image", fix="colours")
    app.checking.api = SmallApi([bad])
    config = app.config
    app.actions.check.click()
    until(lambda: not app.is_busy)
    assert "<b>nuclei_00.tif</b>: It is a colour image" in words_of(app.findings)
    assert "data:image/png" in words_of(app.findings)
    (button,) = app.findings.fix_buttons
    assert button.description == "Leave it out"

    button.click()
    config.training.epochs = 7
    until(lambda: not app.is_busy)

    assert app.config is config
    assert config.data.datasets[0].exclude == ["nuclei_00.tif"]
    assert config.training.epochs == 7
    assert "nuclei_00.tif is left out." in app.message.value
    assert "Nothing is wrong" in words_of(app.findings)
    assert app.checking.api.asked[-2:] == ["fix colours", "check"]


@pytest.mark.feature(129, 130)
def test_go_trains_stop_turns_into_stop_now_and_resume_goes_on(app, small_config, tmp_path):
    small_config.training.epochs = 10_000
    TrainerApp(config=small_config)

    app.actions.go.click()
    until(lambda: app.run is not None and app.dashboard.state.step > 0)
    until(lambda: "A run is going on" in app.actions.go.tooltip)
    assert app.actions.go.disabled
    assert not app.actions.stop.disabled

    app.actions.stop.click()
    until(lambda: app.actions.stop.description == "Stop now" or not app.is_busy)
    app.actions.stop.click()
    until(lambda: not app.is_busy and app.dashboard.is_over)
    until(lambda: app.actions.resume.layout.display is None and "runs/default/run-001" in app.actions.hint.value)

    assert app.run.status == "stopped"
    assert app.run.last is not None
    assert not app.actions.go.disabled

    step, directory = app.dashboard.state.step, app.run.directory
    app.actions.resume.click()
    until(lambda: app.dashboard.state.step > step)
    assert app.run.directory == directory
    assert app.is_busy


def test_a_stopped_run_of_another_day_is_offered_once(app, tmp_path):
    directory = write_run(tmp_path / "runs", [*begun(), *epoch(1, 0.5, 1.0), events.Stopped(step=10)])
    app.close()
    TrainerApp._only = None

    fresh = TrainerApp("binary_2d")
    until(lambda: fresh.resume_banner.box.layout.display is None)

    assert "run-001 was stopped" in fresh.resume_banner.sentence.value
    fresh.resume_banner.watch_button.click()
    assert fresh.run.directory == directory.path
    assert fresh.resume_banner.box.layout.display == "none"
    fresh.close()


def test_a_finished_run_is_not_offered(app, tmp_path):
    happened = [*begun(), events.Finished(step=0, reason="all steps done", elapsed_seconds=1)]
    write_run(tmp_path / "runs", happened)

    assert app.resume_banner.newest(tmp_path / "runs") is None


def test_an_error_in_a_callback_is_shown_in_the_page(app):
    def broken(_):
        raise ZeroDivisionError("a < b")

    app.errors.guard(broken)(None)

    assert app.errors.box.layout.display is None
    assert "ZeroDivisionError: a &lt; b" in app.errors.text_line.value
    assert "Traceback" in app.errors.text_line.value


def test_the_nearest_preset_is_found_whatever_the_data():
    config = Config.preset("epyseg")
    config.data.datasets = [{"images": "a", "labels": "b"}]
    config.training.epochs = 3

    assert nearest_preset(config) == "epyseg"
    assert nearest_preset(Config()) == ""
