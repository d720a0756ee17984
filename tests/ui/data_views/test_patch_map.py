"""The gallery of examples and the patches of an epoch, without a browser."""

import imageio.v3 as imageio
import numpy as np
import pytest
from small_api import SmallApi

from nbtrainer import api
from nbtrainer.config import Config
from nbtrainer.datasets.thumbnails import OUTLINE
from nbtrainer.ui import style
from nbtrainer.ui.background import run_inline
from nbtrainer.ui.data_views.augmentation_preview import AugmentationPreview, gallery
from nbtrainer.ui.data_views.patch_map import Epoch, PatchMap, caption, numbers, with_boxes
from nbtrainer.ui.errors import Errors
from nbtrainer.ui.form.form import Form

LINE = (*style.with_colors("region"), 255)


@pytest.fixture
def config(nuclei):
    made = Config.preset("binary_2d")
    made.data.datasets = [nuclei]
    made.update(sampling={"patch_size": [64, 64]}, training={"steps_per_epoch": 3, "batch_size": 8})
    return made


def view(kind, config, api=None):
    made = kind(lambda: config, api or SmallApi(), run_inline, Errors().guard)
    made.api = made.api
    made.press = made.disclosure.open_button.click
    return made


def mark_stale(view):
    return view.disclosure.stale_note.layout.display is None


# examples of augmentation


def test_examples_are_drawn_when_they_are_asked_for_and_again_for_another_tile(config):
    examples = view(AugmentationPreview, config)
    assert examples.api.asked == []

    examples.press()
    first = examples.image.value
    examples.next_button.click()

    assert examples.api.asked == ["augmented_examples 0", "augmented_examples 1"]
    assert "Patch 2" in examples.caption.value
    assert examples.image.value != first
    examples.press()
    examples.press()
    assert examples.api.asked == ["augmented_examples 0", "augmented_examples 1"]


def test_twelve_examples_fill_a_picture_of_at_most_640_pixels(config):
    examples = view(AugmentationPreview, config)

    examples.press()

    pixels = imageio.imread(examples.image.value)
    assert pixels.shape[1] <= 640
    assert pixels.shape[0] < pixels.shape[1]
    assert (pixels[..., :3] == OUTLINE).all(-1).any()


def test_without_changes_all_examples_are_alike_and_said_to_be(config):
    config.augmentation.strength = "none"
    examples = view(AugmentationPreview, config)

    examples.press()

    pixels = imageio.imread(examples.image.value)
    height, width = (pixels.shape[0] + 6) // 3, (pixels.shape[1] + 6) // 4
    second, last = pixels[: height - 6, width : 2 * width - 6], pixels[2 * height :, 3 * width :]
    assert np.array_equal(second, last)
    assert np.array_equal(second[3:-3, 3:-3], pixels[3 : height - 9, 3 : width - 9])
    assert "all of them are alike" in examples.caption.value


def test_the_grey_of_all_examples_is_that_of_the_first():
    ramp = np.linspace(0, 1, 64 * 64, dtype=np.float32).reshape(1, 64, 64)
    nothing = np.zeros((64, 64), np.uint8)

    pixels = gallery([(ramp, nothing), (ramp + 1, nothing), (ramp - 1, nothing)])

    side = (pixels.shape[1] + 6) // 4
    first, brighter, darker = (pixels[3:-3, at * side + 3 : (at + 1) * side - 9, :3] for at in range(3))
    assert 120 < first.mean() < 135
    assert (brighter == 255).mean() > 0.95 and (darker == 0).mean() > 0.95
    assert (pixels[:, side - 6 : side, 3] == 0).all()


def test_colours_stay_and_a_volume_shows_its_middle_slice():
    red = np.zeros((3, 8, 8), np.float32)
    red[0, :4] = 1
    label = np.zeros((5, 8, 8), np.uint8)
    label[2, 2:6, 2:6] = 7
    volume = np.zeros((1, 5, 8, 8), np.float32)

    colours, slices = gallery([(red, label[2])]), gallery([(volume, label)])

    assert tuple(colours[10, 10]) == (255, 0, 0, 255)
    assert tuple(colours[-10, 10]) == (0, 0, 0, 255)
    assert tuple(colours[0, 0]) == LINE
    assert (slices[..., :3] == OUTLINE).all(-1).any()


def test_patches_wider_than_high_keep_their_shape():
    pixels = gallery([(np.zeros((1, 200, 400), np.float32), np.zeros((200, 400), np.uint8))] * 12)

    assert pixels.shape[1] <= 640
    assert pixels.shape[0] < pixels.shape[1] / 2.5


def test_edits_make_examples_old_until_they_are_renewed(config):
    form = Form(
        config, base=Config.preset("binary_2d"), guard=Errors().guard, on_edit=lambda: None, api=(api := SmallApi())
    )
    form.field("augmentation.strength").enter("light")
    assert not mark_stale(form.gallery)
    form.gallery.disclosure.open_button.click()

    form.field("training.epochs").enter(3)
    assert not mark_stale(form.gallery)
    form.field("augmentation.strength").enter("strong")
    assert mark_stale(form.gallery)
    assert api.asked == ["augmented_examples 0"]

    form.gallery.disclosure.reload_button.click()
    assert not mark_stale(form.gallery)
    form.field("normalization.method").enter("max")
    assert mark_stale(form.gallery)


def test_what_was_edited_while_examples_were_drawn_makes_them_old(config):
    waiting = []
    examples = AugmentationPreview(lambda: config, SmallApi(), lambda words, task: waiting.append(task), Errors().guard)
    examples.disclosure.open_button.click()

    examples.mark_stale()
    waiting.pop()()()

    assert mark_stale(examples)


def test_a_mistake_of_the_settings_is_told_in_the_place_of_the_examples(config):
    config.data.datasets[0].labels = "nowhere"
    examples = view(AugmentationPreview, config)

    examples.press()

    assert "nowhere" in examples.disclosure.reading.words.value
    assert examples.disclosure.body.layout.display == "none"


# where patches fall


def test_patches_are_drawn_when_asked_for_and_other_images_with_the_same_patches(config):
    seen = view(PatchMap, config)
    assert seen.api.asked == []

    seen.press()

    assert seen.api.asked == ["pairs", "patch_locations 0", "patch_locations 24", "thumbnail 0"]
    assert [name for name, _ in seen.image_menu.options][0].startswith("1: nuclei_00.tif, ")
    assert len(seen.image_menu.options) == 3
    assert "24 patches in an epoch" in seen.summary.value
    assert "background" in seen.summary.value and "foreground" in seen.summary.value
    assert seen.previous_button.disabled and not seen.next_button.disabled
    first = seen.image.value

    seen.next_button.click()
    seen.next_button.click()

    assert seen.api.asked[4:] == ["thumbnail 1", "thumbnail 2"]
    assert seen.next_button.disabled and not seen.previous_button.disabled
    assert seen.image.value != first


def test_a_long_epoch_is_said_to_be_longer_than_what_is_drawn(config):
    config.update(sampling={"patch_size": [8, 8], "method": "image"}, training={"steps_per_epoch": 400})
    seen = view(PatchMap, config)

    seen.press()

    assert seen.api.asked[1:3] == ["patch_locations 0", "patch_locations 500"]
    assert "The first 500 of 3,200 patches of an epoch" in seen.summary.value


def test_edits_make_patches_old_where_they_move_them(config):
    form = Form(config, base=Config.preset("binary_2d"), guard=Errors().guard, on_edit=lambda: None, api=SmallApi())
    form.patch_map.disclosure.open_button.click()

    form.field("normalization.method").enter("max")
    assert not mark_stale(form.patch_map)
    form.field("training.batch_size").enter(4)
    assert mark_stale(form.patch_map)

    form.patch_map.disclosure.reload_button.click()
    assert "12 patches in an epoch" in form.patch_map.summary.value


def test_other_data_close_both(config):
    form = Form(config, base=Config.preset("binary_2d"), guard=Errors().guard, on_edit=lambda: None, api=SmallApi())
    form.gallery.disclosure.open_button.click()
    form.patch_map.disclosure.open_button.click()

    form.load(config, base=Config.preset("binary_2d"))

    for closed in (form.gallery, form.patch_map):
        assert closed.disclosure.content.layout.display == "none"
        assert closed.disclosure.open_button.description.startswith("Show")


def test_boxes_lie_where_the_patches_were_cut():
    white = np.full((280, 560, 3), 255, np.uint8)

    # a picture of half the size of its image
    drawn = with_boxes(white, 2.0, [((100, 200), (20, 60))])

    assert drawn.shape == (280, 560, 4)
    lines = (drawn == LINE).all(-1)
    assert np.argwhere(lines).min(0).tolist() == [50, 10] and np.argwhere(lines).max(0).tolist() == [99, 29]
    assert lines.sum() == 2 * 50 + 2 * 20 - 4
    assert tuple(drawn[75, 20]) == (255, 255, 255, 255)
    assert drawn[0, 0, 0] < 128


def test_small_pictures_are_enlarged_and_boxes_beyond_the_edge_get_a_margin():
    drawn = with_boxes(np.full((100, 280, 3), 255, np.uint8), 1.0, [((-10, 30), (0, 40)), ((80, 120), (250, 290))])

    assert drawn.shape == (200 + 20 + 40, 560 + 20, 4)
    assert tuple(drawn[0, 0]) == LINE
    assert drawn[5, 5, 3] == 0
    assert tuple(drawn[25, 5]) == (255, 255, 255, 255)


def test_an_image_without_patches_is_dark_and_said_to_have_none():
    drawn = with_boxes(np.full((560, 560, 3), 200, np.uint8), 1.0, [])

    assert (drawn[..., :3] == 90).all()
    assert caption([]) == "No patch falls on this image."


def test_boxes_of_volumes_are_those_of_every_depth():
    box = ((2, 6), (10, 20), (30, 40))

    drawn = with_boxes(np.zeros((560, 560, 3), np.uint8), 1.0, [box])

    assert np.argwhere((drawn == LINE).all(-1)).min(0).tolist() == [10, 30]
    assert "patches of every depth" in caption([box])


def epoch(counts, rejected=0, shares=None, per_epoch=0):
    places = [
        {"image": index, "box": ((0, 8), (0, 8)), "rejected": rejected}
        for index, count in enumerate(counts)
        for _ in range(count)
    ]
    names = [f"<{index}>.tif" for index in range(len(counts))]
    return Epoch(names, places, {"share_of_pixels": shares or {"0": 0.75, "1": 0.25}}, per_epoch)


def test_images_that_an_epoch_leaves_out_are_named_and_patches_given_up_counted():
    said = numbers(epoch([6, 0, 2, 0, 0, 0, 0, 0], rejected=3))

    assert "most often: &lt;0&gt;.tif" in said and "least often: &lt;1&gt;.tif" in said
    assert "6 of 8 images not drawn" in said and "and 1 more" in said
    assert "24 patches given up" in said and "3.0 for each one taken" in said


def test_images_drawn_equally_often_are_said_to_be_so():
    said = numbers(epoch([1, 1]))

    assert "Every image is drawn equally often: 1 patch each." in said
    assert "not drawn" not in said and "given up" not in said


def test_classes_bear_their_values_where_there_are_several():
    said = numbers(epoch([1], shares={"0": 0.5, "1": 0.3, "4": 0.2}))

    assert "background" in said and "class 1" in said and "class 4" in said and "20.0% of pixels" in said


def test_volumes_are_shown_too(config):
    from nbtrainer import samples

    folder = samples.path("nuclei3d_synthetic")
    config.data.datasets = [{"images": str(folder / "images"), "labels": str(folder / "labels")}]
    config.update(
        task={"dim": 3}, sampling={"patch_size": [8, 32, 32]}, training={"steps_per_epoch": 1}, data={"z_axis": 0}
    )
    examples, seen = view(AugmentationPreview, config), view(PatchMap, config)

    examples.press()
    seen.press()

    assert imageio.imread(examples.image.value).shape[1] <= 640, examples.disclosure.reading.words.value
    assert "patches of every depth" in seen.caption.value
    assert len(api.augmented_examples(config, 2)[0][1].shape) == 3
