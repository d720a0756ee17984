import numpy as np
import pytest
from skimage.draw import polygon

from nbtrainer.errors import UserError
from nbtrainer.io.annotations import Outline, draw_labels, draw_mask
from nbtrainer.io.annotations.outline import ellipse, from_corner, rectangle


def test_rectangles_on_the_grid_cover_exactly_their_pixels():
    labels = draw_labels(
        [
            Outline(points=rectangle(left=2, top=3, width=5, height=4)),
            Outline(points=rectangle(left=7, top=3, width=2, height=4)),
        ],
        (10, 12),
    )
    expected = np.zeros((10, 12))
    expected[3:7, 2:7] = 1
    expected[3:7, 7:9] = 2
    assert labels.dtype == np.uint32 and np.array_equal(labels, expected)


def test_any_polygon_is_filled_as_scikit_image_fills_it():
    rng = np.random.default_rng(0)
    for corners in (3, 4, 7, 40):
        angle = np.sort(rng.uniform(0, 2 * np.pi, corners))
        radius = rng.uniform(5, 40, corners)
        points = np.stack([30 + radius * np.sin(angle), 35 + radius * np.cos(angle)], axis=1)
        expected = np.zeros((60, 64), bool)
        expected[polygon(*points.T, expected.shape)] = True
        assert np.array_equal(draw_mask([Outline(points=points)], expected.shape), expected)


def test_a_drawn_ellipse_has_the_area_of_an_ellipse():
    drawn = draw_mask([Outline(points=ellipse(left=10, top=20, width=61, height=40))], (100, 100))
    assert drawn.sum() == pytest.approx(np.pi * 30.5 * 20, rel=0.005)
    assert np.argwhere(drawn).mean(axis=0) == pytest.approx([39.5, 40], abs=0.05)


def test_neighbours_with_a_common_edge_leave_no_gap_and_do_not_overlap():
    rng = np.random.default_rng(1)
    for _ in range(20):
        middle = rng.integers(0, 40, 2)
        corners = [(0, 0), (40, 0), (40, 40), (0, 40)]
        parts = [
            draw_mask([Outline(points=from_corner([corners[k], corners[(k + 1) % 4], middle]))], (40, 40))
            for k in range(4)
        ]
        assert (np.sum(parts, axis=0) == 1).all()


def test_holes_are_left_out_and_what_is_outside_is_cut_off():
    ring = Outline(
        points=rectangle(left=-5, top=-5, width=20, height=20), holes=(rectangle(left=5, top=5, width=5, height=5),)
    )
    drawn = draw_mask([ring], (12, 30))
    assert drawn.sum() == 12 * 15 - 25 and not drawn[5:10, 5:10].any()
    for far in (
        rectangle(left=100, top=0, width=5, height=5),
        rectangle(left=0, top=-50, width=5, height=5),
        rectangle(left=-50, top=3, width=5, height=5),
        rectangle(left=0, top=100, width=5, height=5),
    ):
        assert not draw_mask([Outline(points=far)], (12, 30)).any()
    assert not draw_mask([Outline(points=rectangle(left=3.6, top=3.6, width=0.3, height=0.3))], (12, 30)).any()
    assert not draw_labels([], (3, 4)).any()


def test_ids_are_per_object_or_per_class():
    outlines = [
        Outline(points=rectangle(left=0, top=0, width=2, height=2), class_name="stroma"),
        Outline(points=rectangle(left=3, top=0, width=2, height=2), class_name="bone", part_of=5),
        Outline(points=rectangle(left=6, top=0, width=2, height=2), class_name="bone", part_of=5),
        Outline(points=rectangle(left=7, top=0, width=2, height=2), class_name="stroma"),
    ]
    assert draw_labels(outlines, (2, 9))[0].tolist() == [1, 1, 0, 2, 2, 0, 2, 3, 3]  # the later covers the earlier
    assert draw_labels(outlines, (2, 9), per="class")[0].tolist() == [2, 2, 0, 1, 1, 0, 1, 2, 2]
    assert draw_labels(outlines, (2, 9), "class", ["x", "bone"])[0].tolist() == [0, 0, 0, 2, 2, 0, 2, 2, 0]
    numbered = [
        Outline(points=rectangle(left=0, top=0, width=1, height=1), label=7),
        Outline(points=rectangle(left=1, top=0, width=1, height=1), class_name="a"),
    ]
    assert draw_labels(numbered, (1, 2), "class").tolist() == [[7, 8]]


def test_outlines_are_drawn_on_their_slice_or_on_all():
    outlines = [
        Outline(points=rectangle(left=0, top=0, width=2, height=2), z=1),
        Outline(points=rectangle(left=3, top=0, width=1, height=1)),
    ]
    stack = draw_labels(outlines, (3, 4, 5))
    assert np.argwhere(stack == 1)[:, 0].tolist() == [1] * 4
    assert np.argwhere(stack == 2)[:, 0].tolist() == [0, 1, 2]
    assert np.count_nonzero(draw_labels(outlines, (4, 5)) == 1) == 4
    with pytest.raises(UserError, match="one lies on slice 2, but the stack has 1"):
        draw_labels(outlines, (1, 4, 5))
    with pytest.raises(UserError, match=r"they lie on 2 slices \(2 to 9\)"):
        draw_labels([*outlines, Outline(points=rectangle(left=0, top=0, width=2, height=2), z=8)], (4, 5))


def test_masks_are_placed_and_cut_off():
    mask = np.eye(4, dtype=bool)
    drawn = draw_labels([Outline(points=np.array([[-1.0, 2.0]]), kind="mask", mask=mask)], (5, 5))
    assert np.argwhere(drawn).tolist() == [[0, 3], [1, 4]]
    assert not draw_labels([Outline(points=np.array([[9.0, 9.0]]), kind="mask", mask=mask)], (5, 5)).any()


def test_100_000_points_and_70_000_objects_are_drawn_at_once():
    angle = np.linspace(0, 2 * np.pi, 100_000, endpoint=False)
    circle = np.stack([500 + 400 * np.sin(angle), 500 + 400 * np.cos(angle)], axis=1)
    assert draw_mask([Outline(points=circle)], (1000, 1000)).sum() == pytest.approx(np.pi * 400**2, rel=0.001)
    tiny = [
        Outline(points=np.zeros((1, 2)) + divmod(k, 300), kind="mask", mask=np.ones((1, 1), bool))
        for k in range(70_000)
    ]
    assert draw_labels(tiny, (300, 300)).max() == 70_000
