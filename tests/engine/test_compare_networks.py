"""What networks cost, beside each other."""

import math

import pytest

import nbtrainer as nbt
from nbtrainer.catalog import NETWORKS


@pytest.fixture
def costs(small_config):
    small_config.model.features = [4, 8, 8]
    reports = []
    names = ["unet", "linknet", "style_unet", "wnet"]
    made = nbt.compare_networks(small_config, names, report=lambda done, of: reports.append((done, of)))
    assert [each.name for each in made] == names and reports == [(number, 4) for number in (1, 2, 3, 4)]
    return {each.name: each for each in made}


def test_each_network_is_tried_and_what_does_not_fit_says_why(costs):
    assert "no network for the kind binary" in costs["wnet"].obstacle
    for name in ("unet", "linknet", "style_unet"):
        cost = costs[name]
        assert not cost.obstacle and cost.title == NETWORKS[name].title
        assert cost.patch_bytes > 0 and 0 < cost.step_seconds < math.inf
        assert all(1 <= side <= 32 for side in cost.sees) and len(cost.sees) == 2
    assert costs["linknet"].weights > 100 * costs["unet"].weights


def test_a_deeper_network_sees_more(small_config):
    sees = []
    for features in ([4, 8, 8], [4, 8, 8, 8, 8]):
        small_config.update(model={"features": features}, sampling={"patch_size": [64, 64]})
        sees.append(nbt.compare_networks(small_config, ["dynunet"])[0].sees)
    assert sees[0][0] < sees[1][0]


def test_an_unknown_name_is_refused(small_config):
    with pytest.raises(nbt.UserError, match="'unett' is no network"):
        nbt.compare_networks(small_config, ["unett"])
