import pytest
import torch

from nbtrainer import models
from nbtrainer.models.match_weights import Shape, match_weights

SETTINGS = {"name": "unet", "dim": 2, "input_channels": 1, "output_channels": 2, "features": [4, 8]}


def _weights(**changes) -> dict[str, torch.Tensor]:
    return models.create(**{**SETTINGS, **changes}).state_dict()


def test_first_and_last_layers_are_those_that_the_channels_decide():
    shape = Shape.of(SETTINGS)
    assert shape.first == {"model.0.conv.unit0.conv.weight", "model.0.residual.weight"}
    assert shape.last and all(name.startswith("model.2.") for name in shape.last)


@pytest.mark.parametrize("name", ["swin_unetr", "wnet"])
def test_the_shape_of_any_network_is_known_and_no_random_number_is_drawn(name):
    repaints = name == "wnet"
    settings = {**SETTINGS, "name": name, "output_channels": 3, "reconstructs_input": repaints}
    settings["parameters"] = {"transformer_features": 12, "dropout": 0.0} if name == "swin_unetr" else {}
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    shape = Shape.of(settings)
    assert torch.equal(before, torch.random.get_rng_state())
    assert shape.arrays and shape.first and shape.last


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("network", ["unet", "style_unet"])
def test_a_grey_image_in_all_channels_is_answered_as_in_one(network, channels):
    torch.manual_seed(0)
    known = models.create(**{**SETTINGS, "name": network}).eval()
    settings = {**SETTINGS, "name": network, "input_channels": channels}
    transfer = match_weights(known.state_dict(), Shape.of(settings))
    assert bool(transfer.adapted) == (channels > 1) and not transfer.anew and not transfer.unused
    wider = models.create(**settings).eval()
    wider.load_state_dict(transfer.weights)
    image = torch.randn(1, 1, 16, 16)
    with torch.no_grad():
        assert torch.allclose(known(image), wider(image.expand(1, channels, 16, 16)), atol=1e-5)


def test_another_number_of_classes_begins_the_last_layer_anew_as_a_whole():
    transfer = match_weights(_weights(), Shape.of({**SETTINGS, "output_channels": 5}))
    assert transfer.anew and all(layer.startswith("model.2.") for layer in transfer.anew)
    assert not transfer.begins_anew(Shape.of({**SETTINGS, "output_channels": 5}))


def test_in_order_the_first_and_last_layers_may_differ():
    given = {f"{at}.{name.rpartition('.')[2]}": each for at, (name, each) in enumerate(_weights().items())}
    settings = {**SETTINGS, "input_channels": 3}
    transfer = match_weights(given, Shape.of(settings), in_order=True)
    assert transfer.in_order and transfer.adapted and not transfer.anew
    for name, each in _weights().items():
        assert transfer.weights[name].shape[0] == each.shape[0]


def test_a_layer_of_which_a_part_is_missing_is_not_taken():
    given = {name: each for name, each in _weights().items() if name != "model.0.conv.unit1.conv.bias"}
    shape = Shape.of(SETTINGS)
    transfer = match_weights(given, shape)
    assert transfer.anew == transfer.begins_anew(shape) == ["model.0.conv.unit1.conv"]
    assert "model.0.conv.unit1.conv.weight" in transfer.unused


def test_what_is_of_another_network_altogether_fits_nowhere():
    given = {f"{at}.weight": torch.zeros(7, 7) for at in range(40)}
    assert not match_weights(given, Shape.of(SETTINGS), in_order=True).weights
