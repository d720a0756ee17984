import numpy as np
import pytest
from encoders import contour


def _slowly(labels, width, with_background, contours_in_plane):
    """Every window by itself."""
    result = np.zeros(labels.shape, bool)
    for place in np.ndindex(labels.shape):
        reach = [width] * labels.ndim
        if labels.ndim == 3 and contours_in_plane:
            reach[0] = 0
        window = labels[tuple(slice(max(0, at - far), at + far + 1) for at, far in zip(place, reach, strict=True))]
        ids = set(window.ravel().tolist())
        result[place] = len(ids if with_background else ids - {0}) > 1
    return result


@pytest.mark.parametrize("shape", [(17, 23), (5, 12, 14), (1, 9, 9), (6, 1, 5)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32, np.int64])
def test_the_contour_is_where_a_window_holds_two(shape, dtype):
    rng = np.random.default_rng(0)
    labels = np.kron(rng.integers(0, 4, shape), np.ones((1, 3, 2), int)[-len(shape) :]).astype(dtype)[..., :13, :17]
    labels[labels == 3] = np.iinfo(dtype).max if dtype != np.int64 else 2**32 - 1
    for width in (1, 2, 3):
        for with_background in (True, False):
            for contours_in_plane in (True, False):
                expected = _slowly(labels, width, with_background, contours_in_plane)
                settings = {"width": width, "with_background": with_background, "contours_in_plane": contours_in_plane}
                assert np.array_equal(contour(labels, **settings), expected)


def test_neither_the_edge_of_the_image_nor_nothing_is_a_contour():
    assert not contour(np.ones((8, 8), np.uint8)).any()
    assert not contour(np.zeros((8, 8), np.uint8)).any()
    assert not contour(np.eye(4, dtype=np.uint8), width=0).any()
    assert contour(np.zeros((0, 5), np.uint8)).shape == (0, 5)


def test_lines_of_one_pixel_side_by_side_are_contour():
    # a derivative over three pixels sees 1 and 1 on both sides of a 2
    stripes = np.tile(np.array([1, 2], np.uint8), (6, 5))
    assert contour(stripes, with_background=False).all()
