"""Try and adjust: real models, real predictions, thresholds that are moved."""

import threading
import time

import imageio.v3 as imageio
import numpy as np
import pytest
import tifffile
from models import small_run, write_discs

from nbtrainer import api
from nbtrainer.catalog import TASKS
from nbtrainer.config.describe import settings
from nbtrainer.ui import style
from nbtrainer.ui.background import API, LatestWins, run_inline
from nbtrainer.ui.errors import Errors
from nbtrainer.ui.form.fields import SliderField
from nbtrainer.ui.predict.rendering import SIDE
from nbtrainer.ui.predict.threshold_explorer import ThresholdExplorer
from nbtrainer.ui.predict.threshold_fields import field_of_threshold

ROWS = {row.path: row for row in settings()}  # of kinds that have a name in common the last


@pytest.fixture(scope="module")
def contours(tmp_path_factory):
    return small_run(tmp_path_factory.mktemp("contours"), "instance_contour")


@pytest.fixture(scope="module")
def foreground(tmp_path_factory):
    return small_run(tmp_path_factory.mktemp("foreground"), "binary")


def opened(run):
    adjust = ThresholdExplorer(API, run_inline, lambda callback: callback)
    adjust.use(run.directory)
    adjust.open_button.click()
    return adjust


def seen(field):
    return field.box.layout.display is None


def has_colour(picture, tone):
    return bool((imageio.imread(picture)[..., :3] == style.with_colors(tone)).all(-1).any())


# what is seen


def test_opening_predicts_the_first_validation_image_with_the_thresholds_of_the_model(contours):
    adjust = opened(contours)
    _, pair = api.images_of_run(contours.directory)[0]

    assert adjust.choice.image_menu.label == f"{pair.name} (validation)"
    assert [label.rpartition("(")[2] for label, _ in adjust.choice.image_menu.options] == [
        "validation)",
        "trained on)",
        "trained on)",
        "a file …",
    ]
    assert adjust.thresholds.fields["threshold"].value == 0.5
    predicted = api.load_model(contours.directory).predict(pair.image)
    assert f'nbt-count">{len(np.unique(predicted)) - 1}</b>' in adjust.summary.value
    assert "AP 0.5" in adjust.summary.value and "Dice" in adjust.summary.value
    assert imageio.imread(adjust.stage.image.value).shape == (SIDE, SIDE, 3)
    assert has_colour(adjust.stage.image.value, "chosen")
    assert not has_colour(adjust.stage.image.value, "truth")


def test_nothing_is_read_until_the_panel_is_opened():
    adjust = ThresholdExplorer(None, run_inline, lambda callback: callback)

    assert adjust.stage.image.value == b""
    assert not adjust.is_open


def test_a_threshold_that_is_moved_changes_picture_count_and_scores_without_predicting_again(contours, monkeypatch):
    adjust = opened(contours)
    before, numbers = adjust.stage.image.value, adjust.summary.value
    monkeypatch.setattr("nbtrainer.inference.predictor.predict_tta", lambda *_: pytest.fail("predicted again"))

    adjust.thresholds.fields["threshold"].widget.value = 0.99

    assert adjust.stage.image.value != before
    assert adjust.summary.value != numbers
    assert "in the model" in adjust.summary.value
    labels = adjust.prediction.labels(threshold=0.99)
    assert f'nbt-count">{len(np.unique(labels)) - (0 in labels)}</b>' in adjust.summary.value

    adjust.reset_button.click()
    assert adjust.thresholds.fields["threshold"].widget.value == 0.5
    assert adjust.stage.image.value == before
    assert adjust.summary.value == numbers
    assert adjust.reset_button.disabled


def test_the_outlines_of_the_label_are_drawn_when_asked_for(contours):
    adjust = opened(contours)

    adjust.stage.label_switch.value = True

    assert has_colour(adjust.stage.image.value, "truth")
    assert "label" in adjust.stage.caption.value


def test_a_foreground_is_counted_in_pixels(foreground):
    adjust = opened(foreground)
    assert list(adjust.thresholds.fields) == ["threshold"]
    count = int((adjust.rendering.labels != 0).sum())

    assert f"<b>{count:,}</b> px foreground" in adjust.summary.value
    assert "object" not in adjust.summary.value


def test_classes_are_counted_and_drawn_each_in_its_colour_and_have_no_thresholds(tmp_path):
    named = {"class_names": ["axon", "<myelin>"], "class_colours": ["#112233"]}
    adjust = opened(small_run(tmp_path, "semantic", task=named))

    assert "px axon" in adjust.summary.value and "px &lt;myelin&gt;" in adjust.summary.value
    assert "no threshold" in adjust.thresholds.box.children[0].value
    assert "Dice (axon)" in adjust.summary.value
    assert "axon" in adjust.stage.caption.value and "--mark: #112233" in adjust.stage.caption.value


def test_a_volume_is_looked_at_slice_by_slice(tmp_path):
    adjust = opened(small_run(tmp_path, "binary", dim=3))
    assert seen_slider(adjust) and adjust.stage.slice_slider.max == 11
    before, numbers = adjust.stage.image.value, adjust.summary.value

    adjust.stage.slice_slider.value = 1

    assert adjust.stage.image.value != before
    assert adjust.summary.value == numbers


def seen_slider(adjust):
    return adjust.stage.slice_slider.layout.display is None


# thresholds


@pytest.mark.parametrize("kind", TASKS)
def test_every_threshold_of_every_kind_has_a_row_that_makes_its_field(kind):
    for name in TASKS.load(kind).create().adjustable:
        (row,) = (row for row in settings() if row.path == f"task.{name}" and row.suits(kind))
        assert row.help
    assert field_of_threshold(ROWS["task.threshold"]) is SliderField


def test_fields_follow_the_rows_and_those_without_effect_are_not_shown(contours):
    adjust = opened(contours)

    slider = adjust.thresholds.fields["threshold"].widget
    assert (slider.min, slider.max) == (pytest.approx(0.01), pytest.approx(0.99))
    assert slider.description == ROWS["task.threshold"].title
    assert seen(adjust.thresholds.fields["seed_threshold"])
    # no distance and no affinities were learned
    assert not seen(adjust.thresholds.fields["seed_distance"]) and not seen(
        adjust.thresholds.fields["affinity_threshold"]
    )
    assert "mutex_watershed" not in [value for _, value in adjust.thresholds.fields["decoder"].widget.options]

    adjust.thresholds.fields["decoder"].enter("binary_connected")
    assert not seen(adjust.thresholds.fields["seed_threshold"])


def test_a_wrong_value_is_answered_beside_its_field_and_the_picture_stays(contours):
    adjust = opened(contours)
    before = adjust.stage.image.value

    adjust.thresholds.fields["min_object_size"].widget.value = "-3"

    assert "too small" in adjust.thresholds.fields["min_object_size"].message.value
    assert adjust.stage.image.value == before


def test_kept_thresholds_are_in_the_model_from_then_on(tmp_path):
    run = small_run(tmp_path, "binary")
    adjust = opened(run)
    assert adjust.keep_button.disabled
    adjust.thresholds.fields["threshold"].widget.value = 0.25
    image = api.images_of_run(run.directory)[0][1].image

    adjust.keep_button.click()

    assert "Kept in best-" in adjust.saving_task.words.value
    assert adjust.keep_button.disabled
    model = api.load_model(run.directory)
    assert model.task.settings.threshold == 0.25
    assert np.array_equal(model.predict(image) != 0, adjust.rendering.labels != 0)
    assert "in the model" not in adjust.summary.value

    adjust.thresholds.fields["threshold"].widget.value = 0.75
    adjust.reset_button.click()
    assert adjust.thresholds.fields["threshold"].value == 0.25


# models and images


def test_a_file_is_predicted_with_its_label_if_that_is_known(contours, tmp_path):
    made = write_discs(tmp_path, (48, 80), 1)
    adjust = opened(contours)

    adjust.choice.image_menu.value = -1
    adjust.choice.files["image"].enter(f"{made['images']}/img_0.tif")
    adjust.predict_button.click()
    assert imageio.imread(adjust.stage.image.value).shape == (288, 480, 3)
    assert "AP 0.5" not in adjust.summary.value
    assert adjust.stage.label_switch.layout.display == "none"

    adjust.choice.files["label"].enter(f"{made['labels']}/img_0.tif")
    adjust.predict_button.click()
    assert "AP 0.5" in adjust.summary.value


def test_any_checkpoint_can_be_chosen_and_its_run_is_found(contours, foreground):
    adjust = opened(contours)

    adjust.choice.files["model"].enter(str(foreground.best))
    assert adjust.content.layout.display == "none"
    adjust.predict_button.click()

    assert list(adjust.thresholds.fields) == ["threshold"]
    assert "(validation)" in adjust.choice.image_menu.label

    # a run that is shown later does not push aside what was chosen by hand
    adjust.use(contours.directory)
    assert adjust.choice.files["model"].value == str(foreground.best)


@pytest.mark.parametrize(
    ("model", "sentence"), [("", "no model is chosen"), ("nowhere.pt", "no such file"), ("broken.pt", "not a readable")]
)
def test_a_model_that_cannot_be_read_is_answered_in_a_sentence(tmp_path, model, sentence):
    (tmp_path / "broken.pt").write_bytes(b"no model")
    adjust = ThresholdExplorer(API, run_inline, lambda callback: callback)
    if model:
        adjust.choice.files["model"].enter(str(tmp_path / model))

    adjust.predict_button.click()

    assert sentence in adjust.prediction_task.words.value.lower()
    assert not adjust.predict_button.disabled


def test_what_differs_from_the_training_images_is_said(contours, tmp_path):
    tifffile.imwrite(tmp_path / "other.tif", np.full((64, 64), 900, np.uint16))
    adjust = opened(contours)
    adjust.choice.image_menu.value = -1
    adjust.choice.files["image"].enter(str(tmp_path / "other.tif"))

    adjust.predict_button.click()

    assert "its values are uint16" in adjust.notes.value


def test_an_image_that_does_not_suit_the_model_is_answered_in_a_sentence(contours, tmp_path):
    colours = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    tifffile.imwrite(tmp_path / "colour.tif", colours, photometric="rgb")
    adjust = opened(contours)
    adjust.choice.image_menu.value = -1
    adjust.choice.files["image"].enter(str(tmp_path / "colour.tif"))

    adjust.predict_button.click()

    assert "3 channels" in adjust.prediction_task.words.value


# what goes on beside the page


def test_a_prediction_can_be_left_and_says_how_far_it_is(contours, monkeypatch):
    started, goes_on, brought = threading.Event(), threading.Event(), []

    class SlowHouse:
        load_model, images_of_run = staticmethod(api.load_model), staticmethod(api.images_of_run)

        @staticmethod
        def try_out(model, image, label, report):
            report(1, 4)
            started.set()
            assert goes_on.wait(20)
            report(2, 4)
            return pytest.fail("it was not left")

    def work(words, task):
        threading.Thread(target=lambda: brought.append(task()), daemon=True).start()

    adjust = ThresholdExplorer(SlowHouse, work, Errors().guard)
    adjust.use(contours.directory)
    adjust.open_button.click()
    assert started.wait(20)
    adjust.flush()
    assert "1 of 4 tiles" in adjust.progress_bar.value
    assert adjust.predict_button.disabled and adjust.stop_button.layout.display is None

    adjust.stop_button.click()
    goes_on.set()
    ends = time.monotonic() + 20
    while not brought:
        assert time.monotonic() < ends
        time.sleep(0.01)
    brought[0]()

    assert not adjust.predict_button.disabled
    assert adjust.progress_bar.layout.display == "none"
    assert adjust.prediction is None


def test_of_many_moves_only_the_newest_is_computed_after_the_one_that_is_under_way():
    waiting, done, shown = [], [], []
    newest = LatestWins(lambda words, task: waiting.append(task))
    for number in range(5):
        newest.start(lambda number=number: done.append(number) or number, shown.append)

    while waiting:
        waiting.pop(0)()()

    assert done == [0, 4]
    assert shown == [0, 4]


def test_what_is_forgotten_is_not_shown_and_work_goes_on_afterwards():
    waiting, shown = [], []
    newest = LatestWins(lambda words, task: waiting.append(task))
    newest.start(lambda: "old", shown.append)
    newest.forget()
    newest.start(lambda: "new", shown.append)

    while waiting:
        waiting.pop(0)()()

    assert shown == ["new"]


def test_a_large_image_can_be_looked_at_part_by_part(contours, tmp_path):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 60, (96, 1000), np.uint8)
    image[30:60, 900:930] = 200
    tifffile.imwrite(tmp_path / "long.tif", image)
    adjust = opened(contours)
    assert adjust.stage.zoom_menu.layout.display == "none"
    adjust.choice.image_menu.value = -1
    adjust.choice.files["image"].enter(str(tmp_path / "long.tif"))
    adjust.predict_button.click()
    assert adjust.stage.zoom_menu.layout.display is None
    count = adjust.summary.value

    adjust.stage.zoom_menu.value = 4
    adjust.stage.x_slider.value = 0
    left = imageio.imread(adjust.stage.image.value)
    adjust.stage.x_slider.value = 100
    right = imageio.imread(adjust.stage.image.value)

    assert right.shape == (46, 480, 3)
    assert right.mean() > left.mean() + 10
    assert adjust.summary.value == count
