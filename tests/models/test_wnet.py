import pytest
import torch

from nbtrainer import models
from nbtrainer.models.wnet import WNet, wnet


@pytest.mark.parametrize(
    ("dim", "channels", "classes", "shape"), [(2, 1, 2, (16, 24)), (2, 3, 4, (8, 8)), (3, 1, 2, (8, 8, 16))]
)
def test_classes_and_the_image_painted_again_come_as_channels(dim, channels, classes, shape):
    network = wnet(dim, input_channels=channels, output_channels=classes + channels, features=(8, 12, 16))
    output = network(torch.rand(2, channels, *shape))
    assert output.shape == (2, classes + channels, *shape)


def test_the_image_is_painted_from_the_classes_alone():
    torch.manual_seed(0)
    network = wnet(2, input_channels=1, output_channels=3, features=(8, 16)).eval()
    image = torch.rand(1, 1, 16, 16)
    output = network(image)
    assert torch.allclose(network.decoder(output[:, :2].softmax(dim=1)), output[:, 2:])
    assert torch.allclose(network.encoder(image), output[:, :2])


def test_every_weight_learns():
    torch.manual_seed(0)
    network = wnet(3, input_channels=1, output_channels=3, features=(8, 12, 16), dropout=0.0)
    network(torch.randn(1, 1, 8, 8, 8)).square().sum().backward()
    assert all(weight.grad is not None and torch.isfinite(weight.grad).all() for weight in network.parameters())


def test_dropout_is_a_setting_and_only_of_training():
    image = torch.rand(1, 1, 8, 8)
    network = wnet(2, input_channels=1, output_channels=3, features=(8, 16), dropout=0.65)
    assert not torch.equal(network(image), network(image))
    network.eval()
    assert torch.equal(network(image), network(image))
    still = wnet(2, input_channels=1, output_channels=3, features=(8, 16), dropout=0.0)
    assert torch.equal(still(image), still(image))


def test_one_class_is_no_partition():
    with pytest.raises(ValueError, match="2 classes"):
        wnet(2, input_channels=1, output_channels=2, features=(8, 16))


def test_two_of_any_network_on_the_menu_make_one_that_paints_the_image_again():
    network = models.create(
        "unet", dim=2, input_channels=1, output_channels=4, features=(4, 8), reconstructs_input=True
    )
    assert isinstance(network, WNet)
    image = torch.rand(2, 1, 16, 16)
    assert network.encoder(image).shape == (2, 3, 16, 16)
    assert network(image).shape == (2, 4, 16, 16)
