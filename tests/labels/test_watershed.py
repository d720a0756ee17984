import numpy as np
import pytest
from crowds import crowd, crowd3d, matched
from decoders import bc_watershed, bcd_watershed, binary_connected, binary_watershed, voronoi_otsu
from encoders import contour
from scipy.ndimage import gaussian_filter
from shapes import disc, tiles

from nbtrainer.labels.distance import relative_distance
from nbtrainer.labels.watershed import by_slice

OFF = {"smallest": 0, "min_seed_size": 0}


def _found(labels, **settings):
    edge = contour(labels, contours_in_plane=False)
    return bc_watershed((labels > 0).astype(np.float32), contour=edge.astype(np.float32), **OFF, **settings), edge


@pytest.mark.parametrize("labels", [crowd(), crowd3d()])
def test_by_contour_every_object_that_keeps_an_interior_comes_back(labels):
    found, edge = _found(labels)
    iou = matched(labels, found)
    inner = set(np.unique(labels[~edge & (labels > 0)]).tolist())
    missed = {value for value in iou if value not in inner}
    assert min(iou[value] for value in inner) >= 0.9
    assert missed and max(iou[value] for value in missed) < 0.9  # lines, single pixels


def test_what_has_no_interior_but_stands_alone_comes_back_if_wished():
    labels = crowd()
    found, edge = _found(labels, keep_unseeded=True)
    iou = matched(labels, found)
    alone = {6, 7, 10}  # two lines and a pixel, which nothing touches
    assert not alone & set(np.unique(labels[~edge]).tolist())
    assert all(iou[value] == 1 for value in alone)


@pytest.mark.parametrize("labels", [crowd(), crowd3d()])
def test_by_contour_and_distance_every_object_that_keeps_an_interior_comes_back(labels):
    edge = contour(labels, contours_in_plane=False)
    found = bcd_watershed(
        (labels > 0).astype(np.float32),
        contour=edge.astype(np.float32),
        distance=relative_distance(labels),
        **OFF,
    )
    iou = matched(labels, found)
    inner = np.unique(labels[~edge & (relative_distance(labels) > 0.5)]).tolist()
    assert min(iou[value] for value in inner) >= 0.75
    assert np.mean([iou[value] for value in inner]) > 0.95


def test_70_000_objects_in_one_image():
    labels = tiles(280, 250, side=3, gap=1)
    found, _ = _found(labels)
    assert found.max() == 70_000 and np.array_equal(found > 0, labels > 0)
    assert np.array_equal(found, labels)  # both count in reading order ... of squares


def test_binary_connected_joins_what_touches_and_drops_what_is_small():
    foreground = np.zeros((40, 60), np.float32)
    foreground[5:20, 5:20], foreground[20:35, 20:35], foreground[2, 50] = 0.9, 0.9, 0.9
    foreground[5, 30:50] = 0.7
    assert binary_connected(foreground).max() == 1  # corners connect
    assert binary_connected(foreground, smallest=0).max() == 2
    assert binary_connected(foreground, threshold=0.6, smallest=2).max() == 2


def test_binary_watershed_parts_two_peaks_of_one_mask():
    y, x = np.mgrid[:40, :80]
    foreground = np.maximum(
        np.exp(-((y - 20) ** 2 + (x - 25) ** 2) / 400), np.exp(-((y - 20) ** 2 + (x - 55) ** 2) / 400)
    ).astype(np.float32)
    assert binary_connected(foreground, threshold=0.5).max() == 1
    found = binary_watershed(foreground, seed_threshold=0.9, threshold=0.5)
    assert found.max() == 2
    assert np.unique(found[:, :40]).tolist() == [0, 1] and np.unique(found[:, 41:]).tolist() == [0, 2]
    assert binary_watershed(foreground, seed_threshold=0.9, threshold=0.5, min_seed_size=500).max() == 0


def test_seeds_meet_on_the_ridge_of_the_contour():
    # foreground is all the same; the contour alone tells that the left object is wider than the right one
    foreground = np.ones((20, 60), np.float32)
    edge = np.zeros((20, 60), np.float32)
    edge[:, 20:50] = 0.85
    edge[:, 45] = 0.95
    found = bc_watershed(foreground, contour=edge, **OFF)
    assert (found[:, :45] == 1).all() and (found[:, 46:] == 2).all()


def test_small_objects_become_background_or_neighbour_or_stay():
    labels = np.zeros((30, 30), np.uint8)
    labels[5:25, 5:15], labels[10:14, 15:20] = 1, 2
    foreground, edge = (labels > 0).astype(np.float32), contour(labels).astype(np.float32)
    for small, expected in (("background", [0, 1]), ("neighbour", [0, 1]), ("none", [0, 1, 2])):
        found = bc_watershed(foreground, contour=edge, smallest=30, min_seed_size=0, small=small)
        assert np.unique(found).tolist() == expected
        assert (found[11, 17] > 0) == (small != "background")


def test_slices_are_images_of_their_own_and_ids_do_not_repeat():
    stack = np.stack([crowd() > 0] * 3).astype(np.float32)
    one = binary_connected(stack[0], smallest=0)
    found = by_slice(lambda plane: binary_connected(plane, smallest=0), stack)
    for number, plane in enumerate(found):
        assert np.array_equal(plane, np.where(one, one + number * one.max(), 0))
    assert len(np.unique(found)) - 1 == 3 * one.max()


def test_channels_are_sliced_along_z():
    channels = np.random.default_rng(0).random((2, 4, 20, 30))
    found = by_slice(lambda plane: (plane[0] > plane[1]).astype(np.uint8), channels)
    assert np.array_equal(found > 0, channels[0] > channels[1])
    assert not by_slice(lambda plane: np.zeros(plane.shape, np.uint8), np.zeros((2, 3, 4))).any()


@pytest.mark.parametrize("dim", [2, 3])
def test_voronoi_otsu_finds_one_object_for_each_spot(dim):
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(*[[12, 28, 44]] * dim), -1).reshape(-1, dim)
    image = np.zeros((56,) * dim)
    for centre in grid:
        image[tuple(centre)] = 4.0**dim * 60
    image = gaussian_filter(image, 4) + rng.normal(0, 0.02, image.shape)
    found = voronoi_otsu(image, spot_sigma=3, outline_sigma=1)
    assert found.max() == len(grid)
    assert len({int(found[tuple(centre)]) for centre in grid} - {0}) == len(grid)


def test_voronoi_otsu_parts_touching_nuclei_half_way():
    image = np.zeros((40, 70))
    image[4:37, 4:37] += disc(15)[:33, :33]
    image[4:37, 32:65] = np.maximum(image[4:37, 32:65], disc(15)[:33, :33])
    image = gaussian_filter(image, 3)
    found = voronoi_otsu(image, spot_sigma=4, outline_sigma=1)
    assert found.max() == 2
    assert found[20, 15] != found[20, 54]
    assert not voronoi_otsu(np.full((9, 9), 3.0)).any()
