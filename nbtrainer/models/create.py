"""A network by its name in the catalog."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from nbtrainer.catalog import NETWORKS
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
    parameters: Mapping[str, Any] | None = None,
) -> nn.Module:
    """Network `name` for `dim` dimensions, with weights drawn from torch's current random state.

    `anisotropic_levels`: how many of the halvings, from fine to coarse, leave z as it is.
    `reconstructs_input`: the last `input_channels` of its output are the image, reconstructed from the others; a network that
    cannot do this by itself is built twice, in a row.
    `parameters`: those that the catalog names besides; of what is missing the network's own value counts.
    """
    build, entry = NETWORKS.load(name), NETWORKS[name]
    all_settings = {**(parameters or {}), "features": features, "anisotropic_levels": anisotropic_levels}
    settings = {name: value for name, value in all_settings.items() if name in entry.parameters}

    def build_network(before: int, *, after: int) -> nn.Module:
        network = build(dim=dim, input_channels=before, output_channels=after, **settings)
        assert isinstance(network, nn.Module)
        return network

    if reconstructs_input and not entry.reconstructs_input:
        classes = output_channels - input_channels
        multiples = entry.divisors(dim, features=features, anisotropic_levels=anisotropic_levels)
        return WNet(
            build_network(input_channels, after=classes),
            decoder=build_network(classes, after=input_channels),
            divisors=multiples,
        )
    return build_network(input_channels, after=output_channels)


def create_without_memory(**settings: Any) -> nn.Module:
    """As `create`, on torch's meta device: of its weights there are names and shapes only."""
    try:
        with torch.device("meta"):
            return create(**settings)
    except RuntimeError:  # MONAI's Swin transformer reads numbers while it is made
        with torch.random.fork_rng(devices=[]):  # the weights of the run are drawn as if nobody had looked
            return create(**settings)
