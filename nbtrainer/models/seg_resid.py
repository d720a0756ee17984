"""EasyReg's residual U-Net (Seg_resid), after its description; the code is ours."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from monai.networks.layers.factories import Conv, Norm
from torch import nn

from nbtrainer.catalog import size_divisors
from nbtrainer.models.padding import crop_to, pad_to_network


class SegResid(nn.Module):
    """Maps (B, C, [Z,] Y, X) to (B, K, [Z,] Y, X); sides that it cannot halve are padded inside.

    Each level has two convolutions whose input is added to them; levels are halved by strides, enlarged by transposed
    convolutions, and joined with what the way down has seen. ReLU on the way down, leaky ReLU on the way up; the first
    convolution has no batch normalization, and the last neither that nor an activation.
    """

    def __init__(self, dim: int, *, input_channels: int, output_channels: int, features: Sequence[int]) -> None:
        super().__init__()
        self.divisors = size_divisors(dim, features, 0)
        levels = list(pairwise(features))
        self.enter = nn.Sequential(_conv(dim, before=input_channels, after=features[0]), nn.ReLU(inplace=True))
        self.first = _Residual(dim, channels=features[0], act=nn.ReLU())
        self.down = nn.ModuleList(
            nn.Sequential(
                _step(dim, before=above, after=here, stride=2, act=nn.ReLU()),
                _Residual(dim, channels=here, act=nn.ReLU()),
            )
            for above, here in levels
        )
        self.enlarge = nn.ModuleList(
            nn.Sequential(
                Conv[Conv.CONVTRANS, dim](here, above, 2, stride=2, bias=False),
                Norm[Norm.BATCH, dim](above),
                nn.LeakyReLU(inplace=True),
            )
            for above, here in levels
        )
        self.up = nn.ModuleList(
            nn.Sequential(
                _step(dim, before=2 * above, after=above, act=nn.LeakyReLU()),
                _Residual(dim, channels=above, act=nn.LeakyReLU()),
            )
            for above, _ in levels
        )
        self.last = Conv[Conv.CONV, dim](features[0], output_channels, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = self.first(self.enter(pad_to_network(image, self.divisors)))
        skips = []
        for step in self.down:
            skips.append(x)
            x = step(x)
        for enlarge, block, skip in reversed(list(zip(self.enlarge, self.up, skips, strict=True))):
            x = block(torch.cat([skip, enlarge(x)], dim=1))
        logits: torch.Tensor = self.last(x)
        return crop_to(logits, image.shape[2:])


def seg_resid(dim: int, *, input_channels: int, output_channels: int, features: Sequence[int]) -> nn.Module:
    """The network of EasyReg's segmentation, with `features[i]` channels at level i (its own are 32, 64, 128, 256)."""
    return SegResid(dim, input_channels=input_channels, output_channels=output_channels, features=features)


class _Residual(nn.Module):
    def __init__(self, dim: int, *, channels: int, act: nn.Module) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            _step(dim, before=channels, after=channels, act=act),
            _conv(dim, before=channels, after=channels, has_bias=False),
            Norm[Norm.BATCH, dim](channels),
        )
        self.act = act

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self.act(x + self.conv(x))
        return output


def _step(dim: int, *, before: int, after: int, act: nn.Module, stride: int = 1) -> nn.Sequential:
    conv = _conv(dim, before=before, after=after, stride=stride, has_bias=False)
    return nn.Sequential(conv, Norm[Norm.BATCH, dim](after), act)


def _conv(dim: int, *, before: int, after: int, stride: int = 1, has_bias: bool = True) -> nn.Module:
    conv: nn.Module = Conv[Conv.CONV, dim](before, after, 3, stride=stride, padding=1, bias=has_bias)
    return conv
