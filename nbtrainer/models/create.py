"""A network by its name in the catalog."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from nbtrainer.catalog import NETWORKS, size_divisors
from nbtrainer.models.wnet import WNet


def create(
    name: str,
    *,
    dim: int,
    input_channels: int,
    output_channels: int,
    features: Sequence[int],
    reconstructs_input: bool = False,
    anisotropic_levels: int = 0,
) -> nn.Module:
    """Network `name` for `dim` dimensions, with weights drawn from torch's current random state.

    `anisotropic_levels`: how many of the halvings, from fine to coarse, leave z as it is.
    `reconstructs_input`: the last `input_channels` of its output are the image, reconstructed from the others; a network that
    cannot do this by itself is built twice, in a row.
    """
    build = NETWORKS.load(name)

    def build_network(before: int, *, after: int) -> nn.Module:
        network = build(
            dim=dim,
            input_channels=before,
            output_channels=after,
            features=features,
            anisotropic_levels=anisotropic_levels,
        )
        assert isinstance(network, nn.Module)
        return network

    if reconstructs_input and not NETWORKS[name].reconstructs_input:
        classes = output_channels - input_channels
        multiples = size_divisors(dim, features, anisotropic_levels)
        return WNet(
            build_network(input_channels, after=classes),
            decoder=build_network(classes, after=input_channels),
            divisors=multiples,
        )
    return build_network(input_channels, after=output_channels)
