import numpy as np
import pytest
from shapes_flow import analytic_shapes, ring_around_disc, thin_lines, touching

from nbtrainer.labels.flow.fields import flow_fields
from nbtrainer.labels.flow.neighbours import rim


@pytest.mark.parametrize(
    ("name", "mask", "expected", "radius"),
    list(analytic_shapes()),
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_distances_agree_with_the_analytic_solution_within_2_percent_of_the_radius(name, mask, expected, radius):
    found = flow_fields(mask.astype(np.uint8))
    error = (found.distance - expected)[mask]
    assert np.sqrt(np.mean(error**2)) < 0.02 * radius
    # no pixel, also on the staircase of the rim, is off by more than three quarters of a pixel
    assert np.abs(error).max() < 0.9
    length = np.sqrt((found.flow**2).sum(axis=0))[mask]
    assert 0.95 < np.median(length) < 1.05


def test_the_flow_of_a_disc_points_to_its_middle():
    y, x = np.mgrid[-24:25, -24:25].astype(float)
    r = np.hypot(y, x)
    found = flow_fields((r <= 20).astype(np.uint8)).flow
    chosen = (r > 3) & (r < 17)
    towards = -np.stack([y, x]) / np.maximum(r, 1)
    assert np.sqrt(((found - towards) ** 2).sum(axis=0))[chosen].mean() < 0.08


@pytest.mark.parametrize("labels", [touching(2), ring_around_disc(), thin_lines()], ids=["touching", "ring", "thin"])
def test_turned_labels_have_turned_fields(labels):
    straight, turned = flow_fields(labels), flow_fields(np.rot90(labels))
    assert np.abs(np.rot90(straight.distance) - turned.distance).max() < 1e-5
    # turned by 90 degrees, x points to -y and y to x
    assert np.abs(np.rot90(straight.flow[1]) + turned.flow[0]).max() < 1e-5
    assert np.abs(np.rot90(straight.flow[0]) - turned.flow[1]).max() < 1e-5
    mirrored = flow_fields(labels[:, ::-1])
    assert np.abs(straight.distance[:, ::-1] - mirrored.distance).max() < 1e-5


def test_a_turned_volume_has_turned_fields():
    labels = touching(3)
    straight, turned = flow_fields(labels), flow_fields(np.rot90(labels, axes=(0, 2)))
    assert np.abs(np.rot90(straight.distance, axes=(0, 2)) - turned.distance).max() < 1e-5
    assert np.abs(np.rot90(straight.flow[2], axes=(0, 2)) + turned.flow[0]).max() < 1e-5


def test_shifted_labels_have_shifted_fields():
    labels = ring_around_disc()
    wide, moved = np.pad(labels, ((5, 20), (7, 20))), np.pad(labels, ((18, 7), (11, 16)))
    first, second = flow_fields(wide), flow_fields(moved)
    assert np.abs(first.distance[5:-20, 7:-20] - second.distance[18:-7, 11:-16]).max() < 1e-5
    assert np.abs(first.flow[:, 5:-20, 7:-20] - second.flow[:, 18:-7, 11:-16]).max() < 1e-5


def test_a_line_is_1_deep_and_has_no_flow_across():
    labels = np.zeros((5, 9), np.uint8)
    labels[2] = 1
    found = flow_fields(labels)
    assert np.allclose(found.distance[2], 1) and np.allclose(found.flow, 0, atol=1e-6)


def test_linked_objects_have_the_fields_of_one():
    labels = np.ones((9, 20), np.uint8)
    labels[:, 10:] = 2
    labels = np.pad(labels, 4)
    linked, one = flow_fields(labels, [(1, 2)]), flow_fields(labels > 0)
    assert np.array_equal(linked.distance, one.distance) and np.array_equal(linked.boundary, one.boundary)
    assert not np.array_equal(linked.distance, flow_fields(labels).distance)


def test_parts_that_do_not_touch_have_fields_of_their_own():
    labels = np.zeros((12, 30), np.uint8)
    labels[2:10, 2:10] = labels[2:10, 18:28] = 3
    apart = np.where(np.arange(30) < 14, labels, 2 * labels).astype(np.uint8)
    assert np.array_equal(flow_fields(labels).flow, flow_fields(apart).flow)


def test_an_object_goes_on_beyond_the_edge_of_the_crop():
    labels = np.zeros((21, 40), np.uint8)
    labels[3:18] = 1
    crop, whole = flow_fields(labels[:, 10:30]), flow_fields(labels)
    assert np.allclose(crop.distance, whole.distance[:, 10:30], atol=1e-5)
    assert np.allclose(crop.flow, whole.flow[:, :, 10:30], atol=1e-5)


def test_what_fills_the_array_is_closed_at_its_edge():
    distance = flow_fields(np.ones((9, 9), np.uint8)).distance
    assert distance.argmax() == 40 and np.isfinite(distance).all()


def test_unequal_spacing_measures_in_units_of_the_smallest():
    labels = np.zeros((9, 41, 41), np.uint8)
    labels[:, 10:31, 10:31] = 1
    wide = flow_fields(labels, spacing=(0.5, 0.1, 0.1))
    assert wide.distance[4, 20, 20] == pytest.approx(11, abs=0.5)
    labels = np.pad(labels[:, 20:21, 20:21], ((3, 3), (0, 0), (0, 0)))
    thick = flow_fields(np.broadcast_to(labels, (15, 41, 41)), spacing=(5, 1, 1))
    assert thick.distance[7, 20, 20] == pytest.approx(25, abs=0.5)
    assert np.abs(thick.flow[0, 4:6]).mean() == pytest.approx(1, abs=0.1)


def test_the_boundary_is_the_rim():
    labels = touching(3)
    assert np.array_equal(flow_fields(labels).boundary, rim(labels))
