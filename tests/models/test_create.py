import numpy as np
import pytest
import torch

import nbtrainer as nbt
from nbtrainer import models
from nbtrainer.catalog import BACKBONES, IMAGENET, NETWORKS, flat_levels_for, network_shape, size_divisors
from nbtrainer.config.model import Model
from nbtrainer.models.backbone_weights import load_backbone_weights
from nbtrainer.models.import_smp import import_smp
from nbtrainer.models.match_weights import adapted_to_channels

FEATURES = (8, 8, 16, 16)
SMALL = {"backbone": "efficientnetb0", "transformer_features": 12}
IN_DIMENSIONS = [(name, dim) for name, entry in NETWORKS.items() for dim in entry.dims]
WITH_LEVELS = [name for name, entry in NETWORKS.items() if "anisotropic_levels" in entry.parameters]


def create(name, dim=2, *, input_channels=1, output_channels=3, anisotropic_levels=0, **settings):
    model = Model(name=name, features=FEATURES, **{**SMALL, **settings})
    return models.create(
        name,
        dim=dim,
        input_channels=input_channels,
        output_channels=output_channels,
        features=model.features,
        anisotropic_levels=anisotropic_levels,
        parameters=model.parameters,
    )


@pytest.mark.feature(20)
@pytest.mark.parametrize(("name", "dim"), IN_DIMENSIONS)
def test_a_network_of_the_menu_takes_one_step_on_images_of_any_size(name, dim):
    torch.manual_seed(0)
    network = create(name, dim, input_channels=3, output_channels=5)
    image = torch.rand(1, 3, *(20, 37, 50)[-dim:])
    logits = network(image)
    assert logits.shape == (1, 5, *image.shape[2:])
    before = [weights.detach().clone() for weights in network.parameters()]
    truth = torch.ones(1, *image.shape[2:], dtype=torch.long)
    torch.nn.functional.cross_entropy(logits, truth).backward()
    torch.optim.SGD(network.parameters(), lr=0.1).step()
    moved = [not torch.equal(was, now) for was, now in zip(before, network.parameters(), strict=True)]
    # weights of levels that a pyramid leaves out, and of attention that nothing is crossed with
    assert sum(moved) > 0.3 * len(moved)


def test_the_networks_of_the_menu_are_different_networks():
    made = [create(name, NETWORKS[name].dims[0], output_channels=5) for name in NETWORKS]
    assert len({sum(weight.numel() for weight in network.parameters()) for network in made}) == len(NETWORKS) > 25


@pytest.mark.parametrize("name", NETWORKS)
def test_what_a_network_does_not_see_changes_nothing(name):
    """Its divisors are enough: an image that needs no filling up is answered as by the network itself."""
    dim = NETWORKS[name].dims[0]
    sides = [max(2 * each, 16) for each in NETWORKS[name].divisors(dim, features=FEATURES, anisotropic_levels=0)]
    network = create(name, dim).eval()
    image = torch.rand(1, 1, *sides)
    inside = getattr(network, "network", None)
    if inside is not None:
        answer = inside(image)
        assert torch.equal(network(image), answer[0] if isinstance(answer, list) else answer)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_each_backbone_fits_the_decoders_of_epyseg(backbone):
    # of those that are built in another way, all of them
    others = ("smp_unet", "fpn", "pspnet") if backbone in ("resnet18", "vgg16", "inceptionv3", "densenet121") else ()
    for name in ("linknet", *others):
        network = create(name, backbone=backbone)
        assert network(torch.rand(2, 1, 40, 72)).shape == (2, 3, 40, 72)


@pytest.mark.feature(21)
def test_the_u_net_is_made_of_residual_units():
    from monai.networks.blocks import ResidualUnit

    network = create("unet", 3, output_channels=4)
    assert sum(isinstance(part, ResidualUnit) for part in network.modules()) >= len(FEATURES)


@pytest.mark.parametrize("name", ["unet", "pytc_unet", "dynunet", "unet_plus"])
@pytest.mark.parametrize(
    ("norm", "layer"), [("batch", "BatchNorm2d"), ("group", "GroupNorm"), ("instance", "InstanceNorm2d")]
)
def test_the_normalization_and_the_activation_are_those_of_the_settings(name, norm, layer):
    network = create(name, norm=norm, activation="gelu")
    kinds = {type(part).__mro__[1].__name__ for part in network.modules()} | {
        type(part).__name__ for part in network.modules()
    }
    assert layer in kinds and "GELU" in kinds
    assert not {"BatchNorm2d", "GroupNorm", "InstanceNorm2d"} - {layer} & kinds
    assert not {"PReLU", "ELU", "LeakyReLU"} & kinds


def test_squeeze_and_excitation_weighs_channels():
    plain, residual, squeezed = (create("pytc_unet", block=block) for block in ("plain", "residual", "residual_se"))
    counts = [sum(weights.numel() for weights in each.parameters()) for each in (plain, residual, squeezed)]
    assert counts == sorted(set(counts))


@pytest.mark.parametrize("name", WITH_LEVELS)
@pytest.mark.parametrize("anisotropic_levels", [0, 1, 3])
def test_a_patch_may_have_as_few_slices_as_the_levels_within_slices_allow(name, anisotropic_levels):
    multiples = size_divisors(3, FEATURES, anisotropic_levels)
    assert multiples == (2 ** (3 - anisotropic_levels), 8, 8)
    network = create(name, 3, anisotropic_levels=anisotropic_levels)
    patch = torch.rand(2, 1, 3 * multiples[0], 16, 24)
    assert network(patch).shape == (2, 3, *patch.shape[2:])


@pytest.mark.parametrize("name", WITH_LEVELS)
def test_flat_images_have_no_slices_to_spare(name):
    network = create(name, anisotropic_levels=3)
    assert network(torch.rand(2, 1, 16, 24)).shape == (2, 3, 16, 24)


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_weights_of_a_backbone_answer_alike_for_any_number_of_channels(channels, tmp_path):
    torch.manual_seed(0)
    known = create("linknet", input_channels=3, backbone="resnet18").eval()
    encoder = known.network.encoder
    torch.save(
        {"state_dict": {f"module.{name}": each for name, each in encoder.state_dict().items()}}, tmp_path / "w.pt"
    )
    network = create("smp_unet", input_channels=channels, backbone="resnet18").eval()
    names = load_backbone_weights(network, backbone="resnet18", source=str(tmp_path / "w.pt"))
    assert names == {f"network.encoder.{name}" for name in encoder.state_dict()}
    grey = torch.rand(1, 1, 64, 64)
    deepest = [
        each(grey.expand(1, count, 64, 64))[-1] for each, count in ((encoder, 3), (network.network.encoder, channels))
    ]
    if channels % 3 == 0 or channels == 1:  # else channels count differently, and only the scale is kept
        assert torch.allclose(*deepest, atol=1e-4)
    assert adapted_to_channels(torch.ones(4, 3, 1, 1), channels).sum() == pytest.approx(12)


def test_weights_with_other_names_are_taken_in_their_order(tmp_path):
    encoder = create("linknet", input_channels=3, backbone="resnet18").network.encoder
    named = {
        f"_layer{number}.{name.rpartition('.')[2]}": weights
        for number, (name, weights) in enumerate(encoder.state_dict().items())
    }
    torch.save({**named, "_fc.weight": torch.rand(10, 512)}, tmp_path / "w.pt")
    network = create("linknet", input_channels=3, backbone="resnet18")
    load_backbone_weights(network, backbone="resnet18", source=str(tmp_path / "w.pt"))
    assert all(
        torch.equal(now, was)
        for now, was in zip(network.network.encoder.state_dict().values(), named.values(), strict=True)
    )


def test_weights_of_another_backbone_and_what_is_none_are_refused(tmp_path):
    network = create("linknet", backbone="resnet18")
    torch.save(create("linknet", backbone="resnet34").network.encoder.state_dict(), tmp_path / "other.pt")
    with pytest.raises(nbt.ModelError, match="no weights of ResNet-18"):
        load_backbone_weights(network, backbone="resnet18", source=str(tmp_path / "other.pt"))
    (tmp_path / "text.pt").write_text("hello")
    with pytest.raises(nbt.ModelError, match="cannot be read"):
        load_backbone_weights(network, backbone="resnet18", source=str(tmp_path / "text.pt"))
    with pytest.raises(nbt.ModelError, match="no such file"):
        load_backbone_weights(network, backbone="resnet18", source=str(tmp_path / "missing.pt"))


def test_without_a_network_connection_weights_of_imagenet_say_so(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    encoders = import_smp().encoders

    def offline(*arguments, **settings):
        raise OSError("offline")

    monkeypatch.setattr(encoders, "get_encoder", offline)
    with pytest.raises(nbt.ModelError, match="could not be downloaded"):
        load_backbone_weights(create("linknet", backbone="resnet18"), backbone="resnet18", source=IMAGENET)


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
# each network of ours in every shape, those of other libraries, which one wrapper fills up, in two
_OF_ANY_SIZE = [
    (name, shape)
    for name in [*NETWORKS, "unet that repaints"]
    for shape in _SHAPES
    if len(shape) in NETWORKS[name.split()[0]].dims
    and (
        name.startswith(("unet", "style_unet", "wnet", "pytc", "seg_resid", "trailmap"))
        or shape in ((3, 3), (5, 45, 45))
    )
]


@pytest.mark.parametrize(("name", "shape"), _OF_ANY_SIZE)
def test_a_patch_of_any_size_has_an_answer_of_its_size_and_a_gradient(name, shape):
    name, _, repaints = name.partition(" that ")
    network = models.create(
        name,
        dim=len(shape),
        input_channels=1,
        output_channels=3,
        features=[4, 8, 8, 8],
        reconstructs_input=bool(repaints),
        anisotropic_levels=2 if shape[0] == 5 else 0,
        parameters=Model(name=name, **SMALL).parameters,
    ).train()
    answer = network(torch.randn(2, 1, *shape))
    assert answer.shape == (2, 3, *shape)
    answer.sum().backward()
    assert all(torch.isfinite(weights.grad).all() for weights in network.parameters() if weights.grad is not None)


@pytest.mark.parametrize("name", [name for name, entry in NETWORKS.items() if 2 in entry.dims])
def test_what_is_added_to_a_patch_is_its_mirror_image(name):
    torch.manual_seed(0)
    network = create(name).eval()
    image = torch.randn(1, 1, 30, 41)
    target = network_shape((30, 41), divisors=NETWORKS[name].divisors(2, features=FEATURES, anisotropic_levels=0))
    missing = [full - length for full, length in zip(target, (30, 41), strict=True)]
    before = [each // 2 for each in missing]
    pads = [(0, 0), (0, 0), *((here, all_ - here) for here, all_ in zip(before, missing, strict=True))]
    mirrored = torch.from_numpy(np.pad(image.numpy(), pads, mode="symmetric"))
    inside = tuple(slice(at, at + length) for at, length in zip(before, (30, 41), strict=True))
    with torch.no_grad():
        assert torch.allclose(network(image), network(mirrored)[:, :, *inside], atol=1e-4)


def test_the_size_that_a_network_computes_on_is_the_least_that_it_can_halve():
    assert network_shape((5, 225, 225), divisors=(1, 8, 8)) == (5, 232, 232)
    assert network_shape((60, 60, 60), divisors=(8, 8, 8)) == (64, 64, 64)
    assert network_shape((64, 8), divisors=(8, 8)) == (64, 8)
    # normalization needs more than one pixel
    assert network_shape((8, 5), divisors=(8, 8)) == (8, 16)
