import numpy as np
import pytest
from scipy import ndimage

from nbtrainer.labels.mode_filter import mode_filter


def by_definition(labels, ignored):
    """The vote of each neighbourhood, counted one value after the other."""

    def vote(window):
        own, window = window[len(window) // 2], window[(window != -1) & (window != ignored)]
        if own == ignored:
            return own
        values, counts = np.unique(window, return_counts=True)
        most = values[counts == counts.max()]
        return own if own in most else most[0]

    return ndimage.generic_filter(labels.astype(np.int64), vote, size=3, mode="constant", cval=-1)


@pytest.mark.parametrize("shape", [(23, 31), (5, 12, 14)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32])
def test_every_pixel_takes_the_most_frequent_value_around_it(shape, dtype):
    labels = np.random.default_rng(0).choice([0, 1, 2, 7, 200], shape, p=[0.3, 0.3, 0.2, 0.1, 0.1]).astype(dtype)
    filtered = mode_filter(labels, ignored=200)
    assert filtered.dtype == dtype and filtered.shape == shape
    assert np.array_equal(filtered, by_definition(labels, 200))


def test_a_straight_edge_stays_and_a_lone_pixel_goes():
    labels = np.zeros((9, 9), np.uint16)
    labels[:, 5:] = 3
    expected = labels.copy()
    labels[4, 2] = 8
    assert np.array_equal(mode_filter(labels, ignored=65535), expected)
