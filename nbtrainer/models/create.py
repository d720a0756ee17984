"""A network by its name in the catalog."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from nbtrainer.catalog import NETWORKS
from nbtrainer.models.wnet import WNet


def create(
    name: str, dim: int, input_channels: int, output_channels: int, features: Sequence[int], repaints: bool = False
) -> nn.Module:
    """Network `name` for `dim` dimensions, with weights drawn from torch's current random state.

    With `repaints` two of them in a row: the output is classes, then the image painted again from these (`WNet`). The
    compact U-Net has no dropout, and draws objects too large then: `wnet` is the better choice.
    """
    create_one = NETWORKS.load(name)
    if repaints:
        classes = output_channels - input_channels
        network = WNet(
            create_one(dim=dim, input_channels=input_channels, output_channels=classes, features=features),
            create_one(dim=dim, input_channels=classes, output_channels=input_channels, features=features),
        )
    else:
        network = create_one(dim=dim, input_channels=input_channels, output_channels=output_channels, features=features)
    assert isinstance(network, nn.Module)
    return network
