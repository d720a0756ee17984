import imageio.v3 as imageio
import numpy as np
import pytest
from scipy import ndimage
from shapes import disc
from skimage.transform import resize

from nbtrainer.labels.values import colours_to_ids, drop_alpha, frequent_values, pack_colours, snap_values


def _classes(*values: int) -> np.ndarray:
    """(Y, X) uint8 of 128 x 128: discs and a square of these values."""
    labels = np.zeros((128, 128), np.uint8)
    for number, value in enumerate(values):
        y, x = divmod(number, 3)
        labels[6 + 40 * y : 39 + 40 * y, 6 + 40 * x : 39 + 40 * x] = disc(15, value)
    labels[90:110, 90:120] = values[0]
    return labels


@pytest.mark.parametrize("quality", [50, 75, 95])
@pytest.mark.parametrize("values", [(255,), (128, 255), (80, 160, 240)])
def test_the_values_behind_a_jpeg_are_found(values, quality, tmp_path):
    labels = _classes(*values)
    imageio.imwrite(tmp_path / "label.jpg", labels, quality=quality)
    blurred = imageio.imread(tmp_path / "label.jpg")
    assert len(np.unique(blurred)) > 10
    known = frequent_values(blurred)
    assert len(known) == len(values) + 1
    assert np.abs(known.astype(int) - [0, *values]).max() <= 2  # the flat areas too are rounded by JPEG
    snapped = snap_values(blurred, values=known)
    exact = np.array([0, *values])[np.searchsorted(known, snapped)]
    assert (exact == labels).mean() > 0.97


def test_the_values_behind_scaling_are_found():
    labels = _classes(1, 2, 3)
    scaled = resize(labels.astype(float), (200, 200), order=1)
    assert frequent_values(scaled).tolist() == [0, 1, 2, 3]
    smooth = ndimage.gaussian_filter(_classes(255).astype(np.float32), 1)
    assert frequent_values(smooth).tolist() == [0, 255]
    assert set(np.unique(snap_values(smooth, values=np.array([255, 0])))) == {0, 255}


def test_clean_labels_keep_all_their_values():
    labels = _classes(1, 2, 7, 8)
    assert frequent_values(labels).tolist() == [0, 1, 2, 7, 8]
    lines = np.zeros((50, 50), np.uint8)
    lines[::10] = 255
    assert frequent_values(lines).tolist() == [0, 255]
    assert frequent_values(lines > 0).tolist() == [0, 1]
    assert frequent_values(np.zeros((4, 4), np.uint8)).tolist() == [0]


def test_values_snap_to_the_nearest():
    known = np.array([0, 10, 70_000])
    assert snap_values(np.array([0, 4.9, 5, 5.1, 30_000, 1e9]), values=known).tolist() == [0, 0, 0, 10, 10, 70_000]
    assert snap_values(np.array([[4, 6, 250]], np.uint8), values=known).tolist() == [[0, 10, 10]]
    assert snap_values(np.array([True, False]), values=np.array([0, 1])).tolist() == [1, 0]


def test_alpha_goes_and_colours_stay():
    assert drop_alpha(np.zeros((5, 6, 4))).shape == (5, 6, 3)
    assert drop_alpha(np.zeros((5, 6, 2))).shape == (5, 6)
    assert drop_alpha(np.zeros((5, 6, 3))).shape == (5, 6, 3)
    assert drop_alpha(np.zeros((5, 4))).shape == (5, 4)


def test_every_colour_gets_an_id_and_background_is_0():
    image = np.zeros((2, 3, 3), np.uint8)
    image[0, 0] = (255, 0, 0)
    image[1] = (0, 0, 255)
    assert colours_to_ids(image).tolist() == [[2, 0, 0], [1, 1, 1]]
    image[image.sum(-1) == 0] = (9, 9, 9)
    assert colours_to_ids(image).tolist() == [[2, 1, 1], [0, 0, 0]]  # no black: the most frequent
    assert pack_colours(image)[0, 0] == 255 * 65536
    many = np.arange(300 * 300).reshape(300, 300)
    coloured = np.stack([many >> 16, many >> 8 & 255, many & 255], -1).astype(np.uint8)
    assert np.array_equal(colours_to_ids(coloured), many)
