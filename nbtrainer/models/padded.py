"""Networks of other libraries, for images of any size and channels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from nbtrainer.catalog import NETWORKS
from nbtrainer.models.normalization import allow_single_values
from nbtrainer.models.padding import crop_to, pad_to_network


class PaddedNetwork(nn.Module):
    """Maps (B, C, [Z,] Y, X) to (B, K, [Z,] Y, X) by `network`: what halving needs is mirrored, and cut off again.

    Batch normalization takes a single value as it is, which a batch of one patch has where a network looks at all of it.
    """

    def __init__(self, network: nn.Module, *, divisors: Sequence[int]) -> None:
        super().__init__()
        self.network = network
        self.divisors = tuple(divisors)
        allow_single_values(network)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        output = self.network(pad_to_network(image, self.divisors))
        if isinstance(output, list | tuple):
            output = output[0]
        assert isinstance(output, torch.Tensor)
        return crop_to(output, image.shape[2:])


def padded(network: nn.Module, *, name: str, dim: int) -> PaddedNetwork:
    """`network`, which halves every side as often as the catalog says of `name`, for images of any size."""
    halvings = NETWORKS[name].halvings
    assert halvings is not None
    return PaddedNetwork(network, divisors=(2**halvings,) * dim)
