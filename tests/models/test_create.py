import pytest
import torch

from nbtrainer import models
from nbtrainer.catalog import NETWORKS, flat_levels_for, size_multiples

FEATURES = (8, 8, 16, 16)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("flat_levels", [0, 1, 3])
def test_a_patch_may_have_as_few_slices_as_the_levels_within_slices_allow(name, flat_levels):
    multiples = size_multiples(3, FEATURES, flat_levels)
    assert multiples == (2 ** (3 - flat_levels), 8, 8)
    network = models.create(name, 3, 1, 3, FEATURES, flat_levels=flat_levels)
    patch = torch.rand(2, 1, 3 * multiples[0], 16, 24)
    assert network(patch).shape == (2, 3, *patch.shape[2:])


@pytest.mark.parametrize("name", NETWORKS)
def test_flat_images_have_no_slices_to_spare(name):
    network = models.create(name, 2, 1, 3, FEATURES, flat_levels=3)
    assert network(torch.rand(2, 1, 16, 24)).shape == (2, 3, 16, 24)


@pytest.mark.parametrize(
    ("spacing", "expected"),
    [
        (None, 0),
        ((0.1, 0.1), 0),
        ((1, 1, 1), 0),
        ((0.2, 1, 1), 0),
        ((1.9, 1, 1), 0),
        ((2, 1, 1), 1),
        ((5, 1, 1), 2),
        ((50, 1, 1), 3),
    ],
)
def test_slices_are_joined_from_where_voxels_are_less_than_twice_as_long_as_wide(spacing, expected):
    assert flat_levels_for(spacing, FEATURES) == expected
