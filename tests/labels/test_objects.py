import time

import numpy as np
import pytest
from scipy import ndimage
from shapes import disc, tiles
from skimage.measure import regionprops

from nbtrainer.labels.objects import dense_regions, density, mean_diameter, measure_objects, near_misses


def test_objects_are_measured_as_counting_says():
    labels = np.zeros((12, 14), np.int32)
    labels[1:6, 1:6] = 7  # a ring around a hole of 3 x 3 ...
    labels[2:5, 2:5] = 0
    labels[3, 3] = 9  # ... which holds another object, so that it is no hole
    labels[7:11, 1:5] = 3  # a ring around a hole of 2 x 2
    labels[8:10, 2:4] = 0
    labels[0, 13] = 3  # a second piece of it, in the corner
    labels[11, 13] = 70_000
    objects = measure_objects(labels)
    assert objects.ids.tolist() == [3, 7, 9, 70_000]
    assert objects.sizes.tolist() == [13, 16, 1, 1]
    assert objects.pieces.tolist() == [2, 1, 1, 1]
    assert objects.loose.tolist() == [1, 0, 0, 0]
    assert objects.holes.tolist() == [4, 0, 0, 0]
    assert objects.touches_border.tolist() == [True, False, False, True]
    assert objects.boxes[0].tolist() == [[0, 11], [1, 14]]


@pytest.mark.parametrize("shape", [(60, 70), (9, 20, 30)])
@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, ">u2"])
def test_random_objects_are_measured_as_by_scikit_image(shape, dtype):
    labels = (np.random.default_rng(0).integers(0, 9, shape) * (np.random.default_rng(1).random(shape) < 0.4)).astype(
        dtype
    )
    objects = measure_objects(labels)
    expected = regionprops(labels.astype(np.int32))
    assert objects.ids.tolist() == [region.label for region in expected]
    assert objects.sizes.tolist() == [region.area for region in expected]
    assert objects.boxes[..., 0].tolist() == [list(region.bbox[: len(shape)]) for region in expected]
    full = np.ones((3,) * len(shape))
    assert objects.pieces.tolist() == [ndimage.label(labels == region.label, full)[1] for region in expected]


def test_an_empty_array_has_no_objects():
    for labels in (np.zeros((5, 6), np.uint8), np.zeros((0, 6), np.uint8), np.zeros((2, 5, 6), np.uint32)):
        objects = measure_objects(labels)
        assert len(objects) == 0 and objects.boxes.shape == (0, labels.ndim, 2)
        assert len(near_misses(labels)) == 0
        assert density(labels) == 0 and dense_regions(labels, (2,) * labels.ndim, 3) == []


def test_70_000_objects_of_one_pixel_and_the_largest_id():
    labels = tiles(280, 250, side=1, gap=1)
    labels[0, 0] = 2**32 - 1
    objects = measure_objects(labels)
    assert len(objects) == 70_000
    assert objects.ids[-1] == 2**32 - 1
    assert (objects.sizes == 1).all() and (objects.pieces == 1).all()
    every = np.arange(1, 101, dtype=np.uint32).reshape(10, 10)
    assert measure_objects(every).sizes.tolist() == [1] * 100
    assert measure_objects(np.array([[5]])).ids.tolist() == [5]


@pytest.mark.parametrize(("gap", "found"), [(0, 0), (1, 4), (2, 4), (3, 0)])
def test_neighbours_with_a_gap_of_one_or_two_pixels_are_near_misses(gap, found):
    labels = tiles(2, 2, side=8, gap=gap)
    assert near_misses(labels).tolist() == [[1, 2], [1, 3], [2, 4], [3, 4]][:found]
    assert len(near_misses(np.stack([labels] * 3))) == found


def test_discs_that_come_close_at_one_point_are_no_near_miss():
    left, right = disc(15, 1)[:, :-1], disc(15, 2)[:, 1:]
    assert len(near_misses(np.hstack([left, right]))) == 0  # no gap: they touch at one pixel
    assert len(near_misses(np.hstack([left, np.zeros((33, 1), np.uint16), right]))) == 0


def test_the_end_of_a_row_is_no_neighbour_of_the_next_row():
    labels = np.zeros((9, 9), np.uint8)
    labels[:, 0], labels[:, -1] = 1, 2
    assert len(near_misses(labels)) == 0


def test_touching_objects_are_no_near_miss_where_a_line_interrupts_them():
    labels = tiles(1, 2, side=10, gap=1)
    labels[:, 10] = 1
    labels[3:5, 10] = 0
    assert len(near_misses(labels)) == 0


@pytest.mark.parametrize("radius", [10, 20, 40])
def test_the_diameter_of_a_disc_and_a_ball_is_found(radius):
    # a pixel is half a pixel deep in an ideal disc, one in the measure: 3 (4) pixels too many
    assert mean_diameter(disc(radius)) == pytest.approx(2 * radius + 3, abs=1.5)
    z, y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1, -radius : radius + 1]
    if radius < 40:
        ball = np.pad(np.sqrt(z**2 + y**2 + x**2) <= radius, 1)
        assert mean_diameter(ball) == pytest.approx(2 * radius + 4, abs=2)


def test_touching_objects_keep_their_own_boundary():
    apart, touching = (np.pad(tiles(3, 3, side=20, gap=gap), 1) for gap in (2, 0))
    assert mean_diameter(touching) == pytest.approx(mean_diameter(apart))
    assert mean_diameter(touching > 0) > 2 * mean_diameter(touching)


def test_diameters_have_a_floor_and_nothing_has_none():
    labels = np.zeros((40, 40), np.uint8)
    assert np.isnan(mean_diameter(labels))
    assert mean_diameter(labels, per_object=True).shape == (0,)
    labels[3, 3] = 1
    assert mean_diameter(labels) == 6  # depth 1
    labels[3, 3] = 0
    labels[5, 5] = 4
    labels[10:33, 10:33] = disc(10, 2)
    single = mean_diameter(labels, per_object=True, smallest=8)
    assert single[1] == 8 and single[0] == pytest.approx(23, abs=1.5)
    assert np.isfinite(mean_diameter(np.ones((9, 9), np.uint8)))


def test_the_densest_regions_are_found_without_overlap():
    labels = np.zeros((100, 120), np.uint16)
    labels[10:30, 20:40] = 1
    labels[70:90, 90:110] = 2
    labels[70:75, 90:95] = 0
    regions = dense_regions(labels, (20, 20), 5)
    assert regions[:2] == [(slice(10, 30), slice(20, 40)), (slice(70, 90), slice(90, 110))]
    covered = np.zeros(labels.shape, int)
    for region in regions:
        assert labels[region].any() and labels[region].shape == (20, 20)
        covered[region] += 1
    assert covered.max() == 1
    assert density(labels) == (400 + 375) / 12_000
    assert dense_regions(labels, (500, 500), 2) == [(slice(0, 100), slice(0, 120))]


def test_5000_objects_in_2048_squared_take_well_under_seconds():
    labels = tiles(73, 73, side=24, gap=4)[:2048, :2048]
    began = time.process_time()
    assert len(measure_objects(labels)) > 5000
    assert len(near_misses(labels)) == 0
    mean_diameter(labels)
    assert time.process_time() - began < 6  # about 1 s; a loop over objects takes minutes
