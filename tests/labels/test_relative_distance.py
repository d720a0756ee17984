import numpy as np
import pytest
from crowds import crowd, crowd3d
from scipy.ndimage import distance_transform_edt

from nbtrainer.labels.distance import relative_distance


@pytest.mark.parametrize(("labels", "spacing"), [(crowd(), None), (crowd(), (2.0, 0.5)), (crowd3d(), (3.0, 1.0, 1.5))])
def test_it_is_each_objects_own_distance_by_its_largest(labels, spacing):
    expected = np.full(labels.shape, -1.0)
    for value in np.unique(labels[labels != 0]):
        depth = distance_transform_edt(labels == value, sampling=spacing)
        expected[labels == value] = (depth / depth.max())[labels == value]
    assert relative_distance(labels, spacing) == pytest.approx(expected, abs=1e-5)


def test_an_object_that_fills_the_image_is_deepest_in_the_middle():
    distance = relative_distance(np.full((9, 9), 7, np.uint8))
    assert distance[4, 4] == 1 and distance.argmax() == 40 and distance.min() > 0


def test_large_ids_and_nothing():
    labels = np.zeros((6, 6), np.uint32)
    assert (relative_distance(labels) == -1).all()
    labels[2:5, 2:5] = 2**32 - 1
    assert relative_distance(labels)[3, 3] == 1
    assert relative_distance(np.zeros((0, 4), np.uint8)).shape == (0, 4)


def test_spacing_has_one_number_for_each_axis():
    with pytest.raises(ValueError, match="spacing has 3 numbers for 2 axes"):
        relative_distance(np.ones((4, 4), np.uint8), (1, 1, 1))
