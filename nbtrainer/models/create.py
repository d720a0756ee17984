"""A network by its name in the catalog."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from nbtrainer.catalog import NETWORKS


def create(name: str, dim: int, input_channels: int, output_channels: int, features: Sequence[int]) -> nn.Module:
    """Network `name` for `dim` dimensions, with weights drawn from torch's current random state."""
    network = NETWORKS.load(name)(
        dim=dim, input_channels=input_channels, output_channels=output_channels, features=features
    )
    assert isinstance(network, nn.Module)
    return network
