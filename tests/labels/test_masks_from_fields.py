import os
from pathlib import Path

import numpy as np
import pytest
from decoders import masks_from_fields
from shapes_flow import crowd, ring_around_disc, thin_lines, touching

from benchmarks.roundtrip_flow import SETS, flow_round_trip, flow_round_trips
from nbtrainer.labels import merge_links
from nbtrainer.labels.flow.fields import flow_fields

DATA = Path(os.environ.get("NBTRAINER_TEST_DATA") or Path(__file__).parents[2].parent / "shared" / "data")


def encoded(labels, **settings):
    fields = flow_fields(labels, **settings)
    return np.where(labels == 0, np.float32(-5), fields.distance), fields.flow


def same_objects(first, second):
    pairs = np.unique(np.stack([first.ravel(), second.ravel()]).astype(np.int64), axis=1)
    return len(np.unique(pairs[0])) == len(np.unique(pairs[1])) == pairs.shape[1]


@pytest.mark.parametrize(
    "labels", [touching(2), touching(3), ring_around_disc(), thin_lines()], ids=["plane", "volume", "ring", "thin"]
)
def test_objects_come_back_exactly(labels):
    found = masks_from_fields(*encoded(labels), min_size=0)
    assert same_objects(found, labels)


def test_a_single_voxel_and_a_line_in_a_volume_come_back():
    labels = np.zeros((9, 20, 20), np.uint8)
    labels[4, 4, 2:18] = 1
    labels[2, 15, 15] = 2
    labels[5:8, 10:14, 10:14] = 3
    assert same_objects(masks_from_fields(*encoded(labels), min_size=0), labels)


def test_linked_parts_come_back_as_one():
    labels = touching(2)
    links = [(1, 2), (5, 9), (9, 14)]
    expected = merge_links(labels, links)
    count, missed = flow_round_trip(labels, links=links, smallest=1)
    assert count > 15 and not missed
    fields = flow_fields(labels, links)
    assert np.array_equal(fields.flow, flow_fields(expected).flow)


@pytest.mark.parametrize("method", ["points", "affinity"])
def test_large_objects_come_back_by_every_method(method):
    y, x = np.mgrid[:64, :64]
    labels = np.where(np.hypot(y - 30, x - 18) <= 12, 1, np.where(np.hypot(y - 30, x - 44) <= 13, 2, 0))
    found = masks_from_fields(*encoded(labels), method=method)
    assert found.max() == 2
    for one in (1, 2):
        inside = found == np.bincount(found[labels == one]).argmax()
        assert (inside & (labels == one)).sum() / (inside | (labels == one)).sum() > 0.9


def test_clustering_of_end_points_can_be_chosen_and_follows_the_diameter():
    labels = np.zeros((40, 40), np.uint8)
    labels[3:9, 3:9], labels[3:9, 20:26], labels[20:26, 20:26] = 1, 2, 3
    fields = encoded(labels)
    dense = masks_from_fields(*fields, method="points", cluster=True)
    assert np.array_equal(dense, masks_from_fields(*fields, method="points"))
    assert dense.max() == masks_from_fields(*fields, method="points", cluster=False).max() == 3


def test_a_boundary_parts_end_points_that_touch():
    foreground = np.ones((12, 21), bool)
    labels = np.where(np.arange(21) < 10, 1, 2) * foreground
    distance = np.ones(labels.shape, np.float32)
    still = np.zeros((2, *labels.shape), np.float32)
    boundary = np.where(np.abs(np.arange(21) - 10) <= 1, 3.0, -6.0) * np.ones((12, 1))
    settings = {"method": "points", "cluster": False, "flow_threshold": 0}
    assert masks_from_fields(distance, still, **settings).max() == 1
    assert masks_from_fields(distance, still, boundary, **settings).max() == 2


def test_the_foreground_reaches_down_a_pixel_from_where_it_is_sure():
    distance = np.full((8, 30), -5, np.float32)
    distance[2:6, 2:12] = -0.5
    distance[3, 3] = 0.5
    distance[2:6, 16:26] = -0.5
    found = masks_from_fields(distance, np.zeros((2, 8, 30), np.float32), flow_threshold=0)
    assert (found[:, 16:] == 0).all()


def test_an_object_whose_flow_disagrees_is_dropped():
    y, x = np.mgrid[:40, :80]
    labels = np.where(np.hypot(y - 20, x - 20) <= 12, 1, np.where(np.hypot(y - 20, x - 60) <= 12, 2, 0))
    distance, flow = encoded(labels)
    # for joining, flow within an object must not lead apart: a uniform one does not, but it is no object's
    flow[:, labels == 2] = np.array([[0.0], [1.5]])
    assert np.array_equal(masks_from_fields(distance, flow) > 0, labels == 1)
    assert np.array_equal(masks_from_fields(distance, flow, flow_threshold=0) > 0, labels > 0)


def test_small_and_large_objects_and_holes_are_dropped_as_asked():
    labels = np.zeros((60, 60), np.uint8)
    labels[2:5, 2:6] = 1
    labels[10:30, 10:30] = 2
    labels[20, 20] = 0
    labels[35:50, 10:20] = 3
    fields = encoded(labels)
    default = masks_from_fields(*fields)
    assert default.max() == 2 and default[20, 20] == default[12, 12]
    assert masks_from_fields(*fields, min_size=0, hole_size=0).max() == 3
    assert masks_from_fields(*fields, hole_size=0)[20, 20] == 0
    assert masks_from_fields(*fields, max_size=300).max() == 1


def test_thick_slices_come_back():
    labels = touching(3)[::3]
    spacing = (3.0, 1.0, 1.0)
    found = masks_from_fields(*encoded(labels, spacing=spacing), spacing=spacing, min_size=0)
    assert same_objects(found, labels)


def test_noise_and_blur_of_a_network_leave_touching_objects_apart():
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(0)
    labels = np.kron(np.arange(1, 17).reshape(4, 4), np.ones((20, 20), int))
    distance, flow = encoded(np.pad(labels, 10))
    noisy = gaussian_filter(distance, 0.7) + rng.normal(0, 0.3, distance.shape)
    rough = np.stack([gaussian_filter(one, 0.7) for one in flow]) + rng.normal(0, 0.2, flow.shape)
    found = masks_from_fields(noisy.astype(np.float32), rough.astype(np.float32))
    assert found.max() == 16


def test_nothing_gives_nothing():
    for shape in ((7, 9), (5, 7, 9), (0, 4)):
        for method in ("join", "points", "affinity"):
            empty = np.full(shape, -5, np.float32)
            found = masks_from_fields(empty, np.zeros((len(shape), *shape), np.float32), method=method)
            assert found.shape == shape and not found.any()


def test_seventy_thousand_objects_come_back():
    labels = crowd(265, 265)
    found = masks_from_fields(*encoded(labels), min_size=0)
    assert found.max() == 70225 and same_objects(found, labels)


@pytest.mark.skipif(not DATA.is_dir(), reason="the sets are not here")
@pytest.mark.parametrize("name", list(SETS))
def test_99_percent_of_the_objects_of_every_set_come_back(name):
    (row,) = flow_round_trips(DATA, [name], largest=5_000_000)
    assert row["percent"] >= 99, row
