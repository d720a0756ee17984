"""The geometry of regions, by what can be calculated."""

import numpy as np
import pytest

from nbtrainer.config.dataset import Region
from nbtrainer.errors import UserError
from nbtrainer.ui.data_views import roi_geometry as outline

SHAPE = (100, 200)
SQUARE = Region(points=[[10, 20], [30, 60]])
TRIANGLE = Region(shape="polygon", points=[[0, 0], [0, 40], [40, 0]])


def test_two_points_are_a_rectangle_whose_negative_numbers_count_from_the_far_edge():
    around = outline.corners([[10, 20], [-1, -1]], SHAPE)

    assert around == [(10, 20), (10, 199), (99, 199), (99, 20)]


def test_a_point_is_within_an_outline_or_not():
    around = outline.corners(TRIANGLE.points, SHAPE)

    assert outline.contains(around, (10, 10))
    assert not outline.contains(around, (30, 30))
    assert outline.area(around) == 800


def test_of_outlines_within_each_other_the_smallest_is_hit():
    around = [outline.corners(points, SHAPE) for points in ([[0, 0], [90, 90]], SQUARE.points, [[50, 50], [60, 60]])]

    assert outline.hit(around, (20, 30)) == 1
    assert outline.hit(around, (5, 5)) == 0
    assert outline.hit(around, (95, 95)) is None
    assert outline.hit([], (5, 5)) is None


def test_a_dragged_rectangle_lies_on_whole_pixels_within_the_image_whatever_its_direction():
    assert outline.rectangle((50.4, 150.6), (-7, 250), SHAPE) == [[0, 151], [50, 199]]
    assert outline.rectangle((50, 150), (50.2, 170), SHAPE) is None


def test_a_polygon_loses_doubled_corners_and_needs_an_area():
    assert outline.polygon([(1, 1), (1.2, 1), (1, 9), (9, 9), (1, 1)], SHAPE) == [[1, 1], [1, 9], [9, 9]]
    assert outline.polygon([(1, 1), (5, 5), (9, 9)], SHAPE) is None
    assert outline.polygon([(1, 1), (1, 9)], SHAPE) is None


def test_of_a_rectangle_the_corner_opposite_to_the_dragged_one_stays():
    assert outline.move_corner(SQUARE, 0, (5, 5), SHAPE).points == [[5, 5], [30, 60]]
    assert outline.move_corner(SQUARE, 1, (5, 90), SHAPE).points == [[5, 20], [30, 90]]
    assert outline.move_corner(SQUARE, 0, (30, 60), SHAPE) == SQUARE


def test_of_a_polygon_only_the_dragged_corner_moves():
    assert outline.move_corner(TRIANGLE, 1, (2, 50), SHAPE).points == [[0, 0], [2, 50], [40, 0]]


@pytest.mark.parametrize("region", [SQUARE, TRIANGLE], ids=["rectangle", "polygon"])
def test_a_moved_region_keeps_its_size_and_stays_within_the_image(region):
    moved = outline.move_region(region, (500, 100), SHAPE)
    before, after = (np.array(outline.corners(each.points, SHAPE)) for each in (region, moved))

    assert (np.ptp(before, axis=0) == np.ptp(after, axis=0)).all()
    assert after[:, 0].max() == 99
    assert abs(after[:, 1].mean() - 100) <= 0.5


def test_a_sketch_is_closed_by_its_first_corner_or_by_a_double_click():
    for last in ((0.5, 0.5), (40, 1)):
        sketch = outline.Sketch()
        assert not any(sketch.add(point, reach=5) for point in [(0, 0), (0, 40), (40, 0)])

        assert sketch.add(last, reach=5)
        assert sketch.points == [(0, 0), (0, 40), (40, 0)]


def test_a_double_click_closes_nothing_that_has_no_area():
    sketch = outline.Sketch()

    assert not any(sketch.add(point, reach=5) for point in [(0, 0), (0, 40), (0, 41)])
    assert sketch.points == [(0, 0), (0, 40)]


@pytest.mark.parametrize("points", [[[10, 20], [30.5, 60]], [[0, 0], [0, 40], [-3, 0]]])
def test_corners_as_text_are_read_back(points):
    assert outline.parse_points(outline.written_points(points)) == points


@pytest.mark.parametrize("words", ["[10, 20], [30, 40]", "(10 20; 30 40)", " 10 20 , 30 40 "])
def test_corners_are_read_however_they_are_separated(words):
    if "[" in words:
        words = words.replace("10, ", "10 ").replace("30, ", "30 ")
    assert outline.parse_points(words) == [[10, 20], [30, 40]]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("10 20, 30", "'30' is not a corner. Write y and x"),
        ("ten 20, 1 2", "'ten 20' is not a corner"),
        ("10 nan, 1 2", "is not a corner"),
        ("10 20", "one corner is no region. Give two opposite corners"),
    ],
)
def test_what_is_no_corner_is_answered_in_a_sentence(words, sentence):
    with pytest.raises(UserError) as refused:
        outline.parse_points(words)

    assert sentence in str(refused.value)


def test_many_outlines_are_closed_and_filled_up_to_the_same_length():
    x, y = outline.close_outlines([[(0, 0), (0, 4), (4, 0)], [(0, 0), (0, 9), (9, 9), (9, 0)]])

    assert x.shape == y.shape == (2, 5)
    assert (x[:, 0] == x[:, -1]).all() and (y[:, 0] == y[:, -1]).all()
