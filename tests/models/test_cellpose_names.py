"""Names of Cellpose's and Omnipose's networks; that outputs are equal, `python -m benchmarks foreign_weights` shows."""

import pytest
import torch

import nbtrainer as nbt
from nbtrainer import models
from nbtrainer.models.cellpose_names import from_cellpose, settings_in_name, settings_in_weights, to_cellpose

OMNIPOSE = "cellpose_residual_on_style_{}_concatenation_off_omni_abstract_nclasses_3_nchan_2_dim_{}_cells_2023_01_01"


def _network(dim: int = 2, **switches) -> torch.nn.Module:
    torch.manual_seed(0)
    network = models.create(
        "style_unet", dim=dim, input_channels=2, output_channels=4, features=[4, 6, 8], parameters=switches
    )
    for name, values in network.state_dict().items():
        if name.endswith("running_mean"):
            values.normal_()
    return network.eval()


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("switches", [{}, {"residual_on": False}, {"style_on": False}], ids=str)
def test_there_and_back_answers_the_same_and_its_settings_are_read_from_the_file(dim, switches):
    network = _network(dim, **switches)
    theirs = to_cellpose(network.state_dict())
    name = OMNIPOSE.format("on" if switches.get("style_on", True) else "off", dim)
    settings = settings_in_weights(theirs, name=name)
    assert settings["parameters"] == {"residual_on": True, "style_on": True, "concatenation": False} | switches
    assert (settings["dim"], settings["features"]) == (dim, [4, 6, 8])
    assert (settings["input_channels"], settings["output_channels"]) == (2, 4)
    again = models.create(**settings).eval()
    again.load_state_dict(from_cellpose(theirs, style_on=settings["parameters"]["style_on"]))
    image = torch.randn(1, 2, *(8, 16, 8)[:dim])
    with torch.no_grad():
        assert torch.equal(network(image), again(image))


def test_every_array_has_a_name_of_theirs():
    ours = _network().state_dict()
    theirs = to_cellpose(ours)
    assert len(theirs) == len(ours)
    # those of Cellpose's CPnet, as its state_dict lists them
    assert theirs["downsample.down.res_down_0.conv.conv_0.2.weight"].shape == (4, 2, 3, 3)
    assert theirs["downsample.down.res_down_2.proj.1.weight"].shape == (8, 6, 1, 1)
    assert theirs["upsample.up.res_up_0.conv.conv_0.2.weight"].shape == (4, 6, 3, 3)
    assert theirs["upsample.up.res_up_2.conv.conv_1.full.weight"].shape == (8, 8)
    assert theirs["output.2.weight"].shape == (4, 4, 1, 1)


def test_a_style_that_does_not_enter_still_adds_the_bias_of_its_layer():
    theirs = to_cellpose(_network().state_dict())
    for name in theirs:  # what a network of theirs answers with without style: its style times 0
        if name.endswith("full.weight"):
            theirs[name].zero_()
    with_style, without = _network(), _network(style_on=False)
    with_style.load_state_dict(from_cellpose(theirs, style_on=True))
    without.load_state_dict(from_cellpose(theirs, style_on=False))
    image = torch.randn(1, 2, 16, 16)
    with torch.no_grad():
        assert torch.allclose(with_style(image), without(image), atol=1e-5)


def test_concatenated_skips_are_refused_both_ways():
    with pytest.raises(nbt.ModelError, match="no network with concatenated skips"):
        to_cellpose(_network(concatenation=True).state_dict())
    theirs = to_cellpose(_network().state_dict())
    theirs["upsample.up.res_up_0.conv.conv_1.full.weight"] = torch.zeros(8, 8)
    with pytest.raises(nbt.ModelError, match="its skips are concatenated"):
        settings_in_weights(theirs, name="x")


def test_the_name_of_a_file_of_omnipose_tells_its_switches():
    assert settings_in_name(OMNIPOSE.format("off", 3)) == {
        "residual_on": True,
        "style_on": False,
        "concatenation": False,
    }
    assert settings_in_name("cyto2torch_0") == {}
