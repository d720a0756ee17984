"""From files to an image and a label that lie pixel on pixel."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from factories import make_preparation

from nbtrainer.data.pair import Pair
from nbtrainer.data.preparation import Preparation
from nbtrainer.data.roi import IGNORED, RegionOfInterest, random_region
from nbtrainer.data.views import whole
from nbtrainer.errors import UserError

IMAGE = np.random.default_rng(0).integers(0, 200, (60, 80)).astype(np.uint8)
LABEL = np.zeros((60, 80), np.uint16)
LABEL[10:30, 10:30] = 3
LABEL[30:50, 40:70] = 700


def _write(folder: Path, image: np.ndarray = IMAGE, label: np.ndarray = LABEL, **more: object) -> Pair:
    for name, array in (("image.tif", image), ("label.tif", label)):
        tifffile.imwrite(folder / name, array)
    return Pair(folder / "image.tif", folder / "label.tif", use="auto", **more)


def _open(pair: Pair, **settings: object) -> tuple[np.ndarray, np.ndarray]:
    image, label = make_preparation(**settings).open(pair)
    return whole(image), whole(label)


def test_without_settings_nothing_changes(tmp_path):
    image, label = _open(_write(tmp_path))
    assert np.array_equal(image[0], IMAGE) and np.array_equal(label, LABEL)
    assert (image.dtype, label.dtype) == (np.uint8, np.uint16)


@pytest.mark.feature(57)
def test_channels_are_chosen_in_order(tmp_path):
    colours = np.stack([IMAGE, IMAGE // 2, IMAGE // 4], -1)
    image, _ = _open(_write(tmp_path, colours), channels=(2, 0))
    assert np.array_equal(image, [IMAGE // 4, IMAGE])
    with pytest.raises(UserError, match="there is no channel 3: it has 3"):
        _open(_write(tmp_path, colours), channels=(3,))


@pytest.mark.feature(58)
@pytest.mark.parametrize(("given", "expected"), [((0, 0), "grey"), ((2,), "green"), ((1, 3), "red and blue")])
def test_cellpose_channels(tmp_path, given, expected):
    colours = np.stack([IMAGE, IMAGE // 2, IMAGE // 4], -1)
    image, _ = _open(_write(tmp_path, colours), cellpose_channels=given)
    truths = {
        "grey": colours.mean(-1)[None],
        "green": IMAGE[None] // 2,
        "red and blue": np.stack([IMAGE, IMAGE // 4]),
    }
    assert np.allclose(image, truths[expected], atol=1e-4)


@pytest.mark.parametrize(
    ("rule", "wanted", "expected"),
    [
        ("copy", 3, [1, 1, 1]),
        ("copy", 2, [0, 1]),
        ("copy always", 2, [1, 1]),
        ("copy", 1, [1]),
        ("remove", 1, [0]),
        ("remove", 3, [0, 1, 1]),
        ("empty", 3, [0, 1, None]),
        ("refuse", 3, [0, 1]),
    ],
)
def test_images_with_other_numbers_of_channels_follow_the_rule(tmp_path, rule, wanted, expected):
    two = np.stack([IMAGE, IMAGE // 2])
    image, _ = _open(
        _write(tmp_path, two), channel_axis=0, channel_rule=rule, input_channels=wanted, channel_of_interest=1
    )
    assert len(image) == len(expected)
    for channel, source in zip(image, expected, strict=True):
        assert np.array_equal(channel, np.zeros_like(IMAGE) if source is None else two[source])


def test_a_wide_background_is_removed_and_small_things_stay(tmp_path):
    y, x = np.mgrid[:60, :80]
    spots = ((y % 20 < 3) & (x % 20 < 3)) * 50
    image = (x + spots).astype(np.uint8)
    inner = (spots == 0) & (x > 8) & (x < 71)  # at the edge of the image nobody knows how the background goes on
    found, _ = _open(_write(tmp_path, image), background_removal="dark", background_radius=8)
    assert found[0][inner].max() <= 3 and found[0][spots > 0].min() > 40
    found, _ = _open(_write(tmp_path, 200 - image), background_removal="bright", background_radius=8)
    assert found[0][inner].max() <= 3 and found[0][spots > 0].min() > 40


def test_borders_are_removed_before_labels_are_dilated(tmp_path):
    label = np.zeros((60, 80), np.uint8)
    label[0:4, 20] = 9
    label[30, 30] = 5
    _, found = _open(_write(tmp_path, label=label), label_border=3, label_dilation=2)
    assert (found[:1] == 0).all() and found[3, 20] == 9 and found[1, 20] == 9
    assert (found == 5).sum() == 13  # a diamond of radius 2


def test_small_parts_are_combined_with_the_neighbour_they_touch(tmp_path):
    label = np.zeros((60, 80), np.uint8)
    label[10:20, 10:20] = 1
    label[10:12, 20] = 2
    label[40, 40] = 3
    _, found = _open(_write(tmp_path, label=label), min_part_size=5)
    assert set(np.unique(found)) == {0, 1} and (found == 1).sum() == 102


@pytest.mark.feature(50)
def test_resizing_scales_the_image_and_takes_the_nearest_label(tmp_path):
    image, label = _open(_write(tmp_path), resize=(96, 64))
    assert image.shape == (1, 96, 64) and label.shape == (96, 64)
    assert set(np.unique(label)) == {0, 3, 700}
    assert (label == 3).mean() == pytest.approx((LABEL == 3).mean(), rel=0.1)


@pytest.mark.feature(50)
def test_padding_keeps_pixels_and_label_together(tmp_path):
    image, label = _open(_write(tmp_path), resize=(64, 64), resize_by="pad")
    assert np.array_equal(image[0, 2:62], IMAGE[:, 8:72]) and np.array_equal(label[2:62], LABEL[:, 8:72])


@pytest.mark.feature(119)
def test_objects_are_brought_to_one_diameter(tmp_path):
    y, x = np.mgrid[:200, :200]
    disc = (np.hypot(y - 100, x - 100) <= 30).astype(np.uint8)
    _, label = _open(_write(tmp_path, disc, disc), diameter=30)
    assert label.shape[0] == pytest.approx(100, abs=4)
    assert 2 * np.sqrt(label.sum() / np.pi) == pytest.approx(30, rel=0.05)
    empty = np.zeros_like(disc)
    assert _open(_write(tmp_path, disc, empty), diameter=30)[1].shape == (200, 200)


@pytest.mark.feature(62)
def test_outside_of_polygons_and_inside_of_ignored_regions_nothing_is_known(tmp_path):
    triangle = RegionOfInterest(corners=((0, 0), (0, 40), (40, 0)), use="use", name="cells")
    hole = RegionOfInterest(corners=((2, 2), (5, 6)), use="ignore")
    _, label = _open(_write(tmp_path, regions=(triangle, hole)))
    assert label.dtype == np.uint32
    assert label[20, 15] == 3 and label[29, 29] == IGNORED and (label[2:6, 2:7] == IGNORED).all()
    assert label[6, 7] == 0
    _, label = _open(_write(tmp_path, regions=(triangle,)), ignore_value=9)
    assert label[29, 29] == 9


@pytest.mark.feature(62)
def test_a_random_region_is_the_same_for_the_same_seed_and_image():
    first = random_region((20, 30), shape=(60, 80), seed=1, name="a.tif")
    assert (
        first
        == random_region((20, 30), shape=(60, 80), seed=1, name="a.tif")
        != random_region((20, 30), shape=(60, 80), seed=2, name="a.tif")
    )
    (top, bottom), (left, right) = first.box((60, 80))
    assert (bottom - top, right - left) == (20, 30) and top >= 0 and right <= 80


@pytest.mark.feature(62)
def test_negative_corners_count_from_the_far_edge():
    assert RegionOfInterest(corners=((0, 10), (-1, -11)), use="use").within((60, 80)).box((60, 80)) == (
        (0, 60),
        (10, 70),
    )


def test_a_label_of_another_size_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"it is 60 x 79, but its image image.tif is 60 x 80"):
        make_preparation().open(_write(tmp_path, label=LABEL[:, :79]))


def test_a_part_is_seen_as_if_there_were_nothing_else(tmp_path):
    image, label = _open(_write(tmp_path, crop=((10, 50), (5, 80))))
    assert np.array_equal(image[0], IMAGE[10:50, 5:]) and np.array_equal(label, LABEL[10:50, 5:])


@pytest.mark.feature(36, 37)
def test_a_stack_is_read_as_slices_or_as_a_volume(tmp_path):
    stack, labels = np.stack([IMAGE] * 5 + [IMAGE // 2]), np.stack([LABEL] * 6)
    image, _ = _open(_write(tmp_path, stack, labels, slice=5))
    assert np.array_equal(image[0], IMAGE // 2)
    image, label = _open(_write(tmp_path, stack, labels), dim=3)
    assert image.shape == (1, 6, 60, 80) and label.shape == (6, 60, 80)


def test_a_preparation_survives_its_record():
    made = make_preparation(dim=3, channels=(1, 0), resize=(16, 32, 32), ignore_value=5)
    assert Preparation.from_record(made.as_record()) == made


def test_the_axis_that_an_older_model_found_is_no_word_of_the_user():
    record = make_preparation(channel_axis=1).as_record()
    assert Preparation.from_record(record).channel_axis_is_given
    del record["channel_axis_is_given"]
    assert not Preparation.from_record(record).channel_axis_is_given
