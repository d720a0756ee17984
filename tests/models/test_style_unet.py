import pytest
import torch

from nbtrainer import models
from nbtrainer.models.style_unet import StyleUNet, style_unet

OMNIPOSE = (32, 64, 128, 256)


def _weights(dim: int, before: int, after: int, features: tuple[int, ...]) -> int:
    """How many weights there should be, by what the papers say of the blocks."""

    def step(a: int, b: int, side: int = 3) -> int:
        return 2 * a + a * b * side**dim + b

    total = step(features[0], after, 1)
    for a, b in zip((before, *features[:-1]), features, strict=True):
        total += step(a, b) + 3 * step(b, b) + step(a, b, 1)
    for a, b in zip((*features[1:], features[-1]), features, strict=True):
        total += step(a, b) + 3 * step(b, b) + step(a, b, 1) + 3 * (features[-1] * b + b)
    return total


@pytest.mark.parametrize(("dim", "shape"), [(2, (16, 24)), (2, (4, 4)), (3, (8, 4, 12))])
def test_the_output_has_the_shape_of_the_image(dim, shape):
    network = style_unet(dim, input_channels=2, output_channels=3, features=(4, 6, 8))
    assert network(torch.rand(2, 2, *shape)).shape == (2, 3, *shape)
    assert network.style(torch.rand(2, 2, *shape)).shape == (2, 8)


@pytest.mark.feature(22)
@pytest.mark.parametrize("dim", [2, 3])
def test_there_are_as_many_weights_as_the_papers_say(dim):
    network = style_unet(dim, input_channels=2, output_channels=3, features=OMNIPOSE)
    count = sum(weights.numel() for weights in network.parameters())
    assert count == _weights(dim, 2, 3, OMNIPOSE)
    if dim == 2:
        assert round(count / 1e6, 1) == 6.6  # Cellpose's


def test_the_style_has_unit_length_and_follows_the_image():
    torch.manual_seed(0)
    network = style_unet(2, input_channels=1, output_channels=1, features=(8, 16, 32)).eval()
    y, x = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    images = torch.stack([torch.sin(x), torch.sin(y / 4), torch.sin(y / 4)])[:, None]
    style = network.style(images)
    assert torch.allclose(style.norm(dim=1), torch.ones(3), atol=1e-5)
    assert torch.allclose(style[1], style[2])
    assert (style[0] - style[1]).norm() > 0.01


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize(
    "switches", [{}, {"residual_on": False}, {"style_on": False}, {"concatenation": True}], ids=str
)
def test_every_weight_learns(dim, switches):
    torch.manual_seed(0)
    network = style_unet(dim, input_channels=1, output_channels=2, features=(4, 6, 8), **switches)
    network(torch.randn(2, 1, *(8,) * dim)).square().sum().backward()
    assert all(weight.grad is not None and torch.isfinite(weight.grad).all() for weight in network.parameters())


def test_the_style_reaches_every_pixel():
    torch.manual_seed(0)
    network = style_unet(2, input_channels=1, output_channels=1, features=(4, 6, 8)).eval()
    image = torch.rand(1, 1, 128, 128)
    changed = image.clone()
    changed[..., 96:, 96:] *= 5
    plain = style_unet(2, input_channels=1, output_channels=1, features=(4, 6, 8), style_on=False).eval()
    corner = (slice(None), slice(None), slice(0, 4), slice(0, 4))
    assert not torch.equal(network(image)[corner], network(changed)[corner])
    assert torch.equal(plain(image)[corner], plain(changed)[corner])


def test_it_works_in_16_bits_with_a_style_in_32():
    network = style_unet(2, input_channels=1, output_channels=2, features=(8, 16))
    with torch.autocast("cpu", torch.bfloat16):
        image = torch.rand(2, 1, 16, 16)
        assert network(image).dtype == torch.bfloat16 and torch.isfinite(network(image)).all()
        assert network.style(image).dtype == torch.float32


def test_it_can_be_traced_into_one_graph():
    torch.manual_seed(0)
    network = style_unet(2, input_channels=1, output_channels=2, features=(4, 8)).eval()
    image = torch.rand(2, 1, 16, 16)
    # the graph without the translation into machine code, which takes minutes
    compiled = torch.compile(network, backend="eager", fullgraph=True)
    assert torch.allclose(compiled(image), network(image), atol=1e-5)


def test_it_is_on_the_menu():
    assert isinstance(
        models.create("style_unet", dim=3, input_channels=1, output_channels=5, features=(4, 8)), StyleUNet
    )


def test_a_network_that_recomputes_keeps_less_for_the_way_back():
    network = style_unet(2, input_channels=1, output_channels=3, features=[8, 16, 32]).train()

    def kept_bytes(recomputes: bool) -> int:
        network.recomputes = recomputes
        kept: list[int] = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda saved: kept.append(saved.nbytes) or saved, lambda saved: saved
        ):
            network(torch.randn(2, 1, 32, 32))
        return sum(kept)

    assert kept_bytes(True) < kept_bytes(False) / 2


@pytest.mark.parametrize("shape", [(16, 24), (4, 4), (1, 9), (4, 8, 4)])
def test_edges_that_reflect_see_the_image_again_also_at_the_deepest_of_a_small_patch(shape):
    torch.manual_seed(0)
    settings = {"input_channels": 1, "output_channels": 2, "features": (4, 6, 8)}
    reflecting, zeros = (style_unet(len(shape), **settings, padding_mode=mode).eval() for mode in ("reflect", "zeros"))
    reflecting.load_state_dict(zeros.state_dict())
    image = torch.randn(1, 1, *shape)
    with torch.no_grad():
        assert reflecting(image).shape == zeros(image).shape == (1, 2, *shape)
        assert not torch.allclose(reflecting(image), zeros(image), atol=1e-3)
