import csv

import numpy as np
import pytest
from skimage.measure import perimeter

from nbtrainer.labels.measure import measurements, write_table
from nbtrainer.labels.perimeter import perimeters


def _ellipses(size=120):
    y, x = np.mgrid[:size, :size]
    labels = np.zeros((size, size), np.uint16)
    labels[(y - 40) ** 2 / 900 + (x - 40) ** 2 / 400 <= 1] = 1
    labels[(y - 90) ** 2 + (x - 90) ** 2 <= 300] = 3
    return labels


def test_on_square_pixels_the_border_is_as_long_as_scikit_image_says():
    rng = np.random.default_rng(0)
    labels = (rng.random((60, 60)) > 0.4).astype(np.uint8)
    for each in (labels, _ellipses() == 1):
        found = perimeters(each.astype(int), (0.5, 0.5))
        assert found[0] == pytest.approx(0.5 * perimeter(np.asarray(each, np.uint8)))


def test_a_circle_has_the_same_border_however_its_pixels_are_shaped():
    radius = 30.0
    for dy, dx in ((1.0, 1.0), (1.0, 1.0005), (0.5, 1.0), (1.0, 0.6)):
        y, x = np.mgrid[-40:40:dy, -40:40:dx]
        disc = (np.hypot(y, x) <= radius).astype(int)
        assert perimeters(disc, (dy, dx))[0] == pytest.approx(2 * np.pi * radius, rel=0.1)


@pytest.mark.parametrize("spacing", [None, (0.5, 0.5), (0.2167, 0.2166), (1.0, 0.3)])
def test_objects_are_measured_whatever_the_shape_of_their_pixels(spacing):
    rows = measurements(_ellipses(), spacing=spacing)
    assert [row["label"] for row in rows] == [1, 3]
    assert all(row["perimeter"] > 0 and 0 < row["solidity"] <= 1 for row in rows)


@pytest.mark.parametrize("spacing", [None, (2.0, 0.3, 0.3), (1.0, 0.5, 0.25)])
@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 5), (3, 1, 1), (1, 4, 4), (2, 2, 2)])
def test_objects_of_a_pixel_a_line_or_a_plane_are_measured_in_a_volume(spacing, shape):
    labels = np.zeros((6, 7, 8), np.int32)
    labels[tuple(slice(1, 1 + length) for length in shape)] = 5
    (row,) = measurements(labels, np.ones((1, 6, 7, 8)), spacing)
    assert row["volume"] == pytest.approx(np.prod(shape) * np.prod(spacing or 1))
    assert row["mean_intensity_0"] == 1


def test_what_cannot_be_measured_of_a_line_stays_empty(tmp_path):
    labels = np.zeros((9, 9), np.uint8)
    labels[2, 2:6], labels[7, 7] = 1, 2
    rows = measurements(labels, spacing=(1.0, 0.5))
    assert len(rows) == 2 and all(value == value for row in rows for value in row.values())
    with write_table(rows, tmp_path / "a.csv").open(newline="") as file:
        assert [row["label"] for row in csv.DictReader(file)] == ["1", "2"]


def test_numbers_of_objects_may_be_as_large_as_their_type_allows():
    labels = np.zeros((9, 9), np.uint64)
    labels[1:3, 1:3], labels[5, 5] = 2**60, 2**31
    labels[7, 7] = 3
    assert [row["label"] for row in measurements(labels)] == [3, 2**31, 2**60]
    signed = labels.astype(np.int64) - 5
    assert [row["label"] for row in measurements(signed)] == [2**31 - 5, 2**60 - 5]
