"""Images as people look at them, with outlines of objects."""

import numpy as np

from nbtrainer.data.overlay import mark_boundaries


def _outlined(label):
    picture = np.zeros((*label.shape, 3), np.uint8)
    mark_boundaries(picture, label=label, colour=(1, 2, 3))
    assert set(np.unique(picture.reshape(-1, 3), axis=0).sum(1)) <= {0, 6}
    return picture[..., 0]


def test_an_outline_is_one_pixel_wide_and_within_its_object():
    label = np.zeros((7, 8), np.uint16)
    label[1:6, 2:7] = 500
    expected = (label > 0).astype(np.uint8)
    expected[2:5, 3:6] = 0
    assert np.array_equal(_outlined(label), expected)


def test_touching_objects_have_an_outline_each_and_the_border_of_the_image_is_none():
    label = np.repeat([[1, 1, 1, 2, 2, 2]], 5, axis=0)
    assert np.array_equal(_outlined(label), np.repeat([[0, 0, 1, 1, 0, 0]], 5, axis=0))


def test_nothing_is_drawn_without_objects():
    assert not _outlined(np.zeros((4, 5), np.int32)).any()
