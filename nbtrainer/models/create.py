"""A network by its name in the catalog."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from nbtrainer.catalog import NETWORKS, size_multiples
from nbtrainer.models.wnet import WNet


def create(
    name: str,
    dim: int,
    input_channels: int,
    output_channels: int,
    features: Sequence[int],
    repaints: bool = False,
    flat_levels: int = 0,
) -> nn.Module:
    """Network `name` for `dim` dimensions, with weights drawn from torch's current random state.

    `flat_levels`: how many of the halvings, from fine to coarse, leave z as it is.
    `repaints`: the last `input_channels` of its output are the image, painted again from the others; a network that
    cannot do this by itself is built twice, in a row.
    """
    build = NETWORKS.load(name)

    def made(before: int, after: int) -> nn.Module:
        network = build(
            dim=dim, input_channels=before, output_channels=after, features=features, flat_levels=flat_levels
        )
        assert isinstance(network, nn.Module)
        return network

    if repaints and "unsupervised" not in NETWORKS[name].kinds:
        classes = output_channels - input_channels
        multiples = size_multiples(dim, features, flat_levels)
        return WNet(made(input_channels, classes), made(classes, input_channels), multiples)
    return made(input_channels, output_channels)
