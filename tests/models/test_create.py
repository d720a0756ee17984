import numpy as np
import pytest
import torch

from nbtrainer import models
from nbtrainer.catalog import NETWORKS, flat_levels_for, network_shape, size_divisors

FEATURES = (8, 8, 16, 16)


@pytest.mark.feature(20)
@pytest.mark.parametrize("dim", [2, 3])
def test_the_networks_of_the_menu_are_different_networks_for_any_number_of_channels_and_classes(dim):
    image = torch.rand(1, 2, *[16] * dim)
    made = [models.create(name, dim=dim, input_channels=2, output_channels=5, features=FEATURES) for name in NETWORKS]
    assert all(network(image).shape == (1, 5, *image.shape[2:]) for network in made)
    assert len({sum(weight.numel() for weight in network.parameters()) for network in made}) == len(NETWORKS) > 1


@pytest.mark.feature(21)
def test_the_u_net_is_made_of_residual_units():
    from monai.networks.blocks import ResidualUnit

    network = models.create("unet", dim=3, input_channels=1, output_channels=4, features=FEATURES)
    assert sum(isinstance(part, ResidualUnit) for part in network.modules()) >= len(FEATURES)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("anisotropic_levels", [0, 1, 3])
def test_a_patch_may_have_as_few_slices_as_the_levels_within_slices_allow(name, anisotropic_levels):
    multiples = size_divisors(3, FEATURES, anisotropic_levels)
    assert multiples == (2 ** (3 - anisotropic_levels), 8, 8)
    network = models.create(
        name, dim=3, input_channels=1, output_channels=3, features=FEATURES, anisotropic_levels=anisotropic_levels
    )
    patch = torch.rand(2, 1, 3 * multiples[0], 16, 24)
    assert network(patch).shape == (2, 3, *patch.shape[2:])


@pytest.mark.parametrize("name", NETWORKS)
def test_flat_images_have_no_slices_to_spare(name):
    network = models.create(name, dim=2, input_channels=1, output_channels=3, features=FEATURES, anisotropic_levels=3)
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


_SHAPES = [(225, 45), (60, 60), (1, 9), (3, 3), (5, 45, 45), (12, 20, 18), (1, 5, 7)]


@pytest.mark.parametrize("name", [*NETWORKS, "unet that repaints"])
@pytest.mark.parametrize("shape", _SHAPES)
def test_a_patch_of_any_size_has_an_answer_of_its_size_and_a_gradient(name, shape):
    anisotropic_levels = 2 if shape[0] == 5 else 0
    network = models.create(
        name.split()[0],
        dim=len(shape),
        input_channels=1,
        output_channels=3,
        features=[4, 8, 8, 8],
        reconstructs_input="repaints" in name,
        anisotropic_levels=anisotropic_levels,
    ).train()
    answer = network(torch.randn(2, 1, *shape))
    assert answer.shape == (2, 3, *shape)
    answer.sum().backward()
    assert all(torch.isfinite(weights.grad).all() for weights in network.parameters() if weights.grad is not None)


@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_added_to_a_patch_is_its_mirror_image(name):
    torch.manual_seed(0)
    network = models.create(name, dim=2, input_channels=1, output_channels=3, features=[4, 8, 8]).eval()
    image = torch.randn(1, 1, 30, 41)
    mirrored = np.pad(image.numpy(), [(0, 0), (0, 0), (1, 1), (1, 2)], mode="symmetric")
    with torch.no_grad():
        assert torch.allclose(network(image), network(torch.from_numpy(mirrored))[:, :, 1:31, 1:42], atol=1e-5)


def test_the_size_that_a_network_computes_on_is_the_least_that_it_can_halve():
    assert network_shape((5, 225, 225), divisors=(1, 8, 8)) == (5, 232, 232)
    assert network_shape((60, 60, 60), divisors=(8, 8, 8)) == (64, 64, 64)
    assert network_shape((64, 8), divisors=(8, 8)) == (64, 8)
    # normalization needs more than one pixel
    assert network_shape((8, 5), divisors=(8, 8)) == (8, 16)
