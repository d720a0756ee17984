"""TRAILMAP's 3D U-Net, as CellSeg3D takes it, after its description; the code is ours."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from monai.networks.layers.factories import Conv, Norm, Pool
from torch import nn

from nbtrainer.catalog import size_divisors
from nbtrainer.models.padding import crop_to, pad_to_network


class Trailmap(nn.Module):
    """Maps (B, C, [Z,] Y, X) to (B, K, [Z,] Y, X); sides that it cannot halve are padded inside.

    Each level has two convolutions, each followed by ReLU and batch normalization; levels are halved by the largest of 2,
    enlarged by transposed convolutions, and joined with what the way down has seen.
    """

    def __init__(self, dim: int, *, input_channels: int, output_channels: int, features: Sequence[int]) -> None:
        super().__init__()
        self.divisors = size_divisors(dim, features, 0)
        levels = list(pairwise(features))
        self.down = nn.ModuleList(
            _level(dim, before=above, after=here) for above, here in [(input_channels, features[0]), *levels]
        )
        self.shrink = Pool[Pool.MAX, dim](2)
        self.enlarge = nn.ModuleList(Conv[Conv.CONVTRANS, dim](here, above, 2, stride=2) for above, here in levels)
        self.up = nn.ModuleList(_level(dim, before=2 * above, after=above) for above, _ in levels)
        self.last = Conv[Conv.CONV, dim](features[0], output_channels, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = pad_to_network(image, self.divisors)
        levels: list[torch.Tensor] = []
        for number, block in enumerate(self.down):
            x = block(self.shrink(x) if number else x)
            levels.append(x)
        for enlarge, block, skip in reversed(list(zip(self.enlarge, self.up, levels[:-1], strict=True))):
            x = block(torch.cat([skip, enlarge(x)], dim=1))
        logits: torch.Tensor = self.last(x)
        return crop_to(logits, image.shape[2:])


def trailmap(dim: int, *, input_channels: int, output_channels: int, features: Sequence[int]) -> nn.Module:
    """3D U-Net with `features[i]` channels at level i; CellSeg3D's are 64, 128, 256, 512."""
    return Trailmap(dim, input_channels=input_channels, output_channels=output_channels, features=features)


def _level(dim: int, *, before: int, after: int) -> nn.Sequential:
    return nn.Sequential(*_step(dim, before=before, after=after), *_step(dim, before=after, after=after))


def _step(dim: int, *, before: int, after: int) -> list[nn.Module]:
    conv: nn.Module = Conv[Conv.CONV, dim](before, after, 3, padding=1)
    norm: nn.Module = Norm[Norm.BATCH, dim](after)
    return [conv, nn.ReLU(inplace=True), norm]
