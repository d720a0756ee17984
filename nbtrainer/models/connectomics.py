"""The networks of PyTorch Connectomics, after its paper and settings; the code is ours.

Lin et al. 2021, https://arxiv.org/abs/2112.05754.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from monai.networks.layers.factories import Act, Conv, Norm, split_args
from torch import nn
from torch.nn import functional as F

from nbtrainer.catalog import size_divisors, strides
from nbtrainer.models.layers import activation_layer, norm_layer
from nbtrainer.models.padding import crop_to, pad_to_network

_ELU = ("ELU", {"inplace": True})
# how much narrower the layer between pooling and weights is
_SQUEEZE = 8


class _Layers:
    """Makes the layers of one network."""

    def __init__(self, dim: int, *, norm: str, activation: str, block: str, features: Sequence[int]) -> None:
        self.dim = dim
        self._norm, self._norm_settings = split_args(norm_layer(norm, own="BATCH", features=features))
        self._act, self._act_settings = split_args(activation_layer(activation, own=_ELU))
        self._block = block

    def conv(
        self, before: int, *, after: int, kernel: Sequence[int], stride: Sequence[int] | int = 1, is_last: bool = False
    ) -> nn.Sequential:
        """Convolution with the edge repeated, normalization, activation; the last layer of a block has none of the latter."""
        layers: list[nn.Module] = [
            Conv[Conv.CONV, self.dim](
                before,
                after,
                tuple(kernel),
                stride=tuple(stride) if isinstance(stride, Sequence) else stride,
                padding=tuple(side // 2 for side in kernel),
                padding_mode="replicate",
                bias=False,
            ),
            Norm[self._norm, self.dim](**{_norm_argument(self._norm): after}, **self._norm_settings),
        ]
        return nn.Sequential(*layers, *([] if is_last else [self.act()]))

    def act(self) -> nn.Module:
        made: nn.Module = Act[self._act](**self._act_settings)
        return made

    def block(self, channels: int, *, kernel: Sequence[int]) -> nn.Module:
        """Two convolutions whose input is added to them; with 'residual_se' each channel is weighted by what the image shows."""
        if self._block == "plain":
            return self.conv(channels, after=channels, kernel=kernel)
        return _Residual(self, channels, kernel=kernel, squeezes=self._block == "residual_se")


class _Residual(nn.Module):
    def __init__(self, layers: _Layers, channels: int, *, kernel: Sequence[int], squeezes: bool) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            layers.conv(channels, after=channels, kernel=kernel),
            layers.conv(channels, after=channels, kernel=kernel, is_last=True),
        )
        narrow = max(1, channels // _SQUEEZE)
        self.weights = (
            nn.Sequential(nn.Linear(channels, narrow), layers.act(), nn.Linear(narrow, channels), nn.Sigmoid())
            if squeezes
            else None
        )
        self.act = layers.act()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        change = self.conv(x)
        if self.weights is not None:
            weights = self.weights(change.flatten(2).mean(2))
            change = change * weights.view(*weights.shape, *[1] * (x.ndim - 2))
        output: torch.Tensor = self.act(x + change)
        return output


class _Encoder(nn.Module):
    """The way down: features of each level, from fine to coarse."""

    def __init__(self, layers: _Layers, *, channels: int, features: Sequence[int], anisotropic_levels: int) -> None:
        super().__init__()
        dim, wide = layers.dim, 5
        is_flat = [dim == 3 and level < anisotropic_levels for level in range(len(features))]
        kernels = [(1, 3, 3) if flat else (3,) * dim for flat in is_flat]
        first = (1, wide, wide) if is_flat[0] else (wide,) * dim
        steps = [(1,) * dim, *strides(dim, features, anisotropic_levels)]
        before = [features[0], *features[:-1]]
        self.enter = layers.conv(channels, after=features[0], kernel=first)
        self.levels = nn.ModuleList(
            nn.Sequential(
                layers.conv(here, after=after, kernel=kernel, stride=step), layers.block(after, kernel=kernel)
            )
            for here, after, kernel, step in zip(before, features, kernels, steps, strict=True)
        )
        self.kernels, self.first = kernels, first

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        x, levels = self.enter(image), []
        for level in self.levels:
            x = level(x)
            levels.append(x)
        return levels


class _ConnectomicsNetwork(nn.Module):
    def __init__(
        self,
        dim: int,
        *,
        input_channels: int,
        output_channels: int,
        features: Sequence[int],
        anisotropic_levels: int,
        layers: _Layers,
    ) -> None:
        super().__init__()
        self.divisors = size_divisors(dim, features, anisotropic_levels)
        self.encoder = _Encoder(
            layers, channels=input_channels, features=features, anisotropic_levels=anisotropic_levels
        )
        self.make_way_up(layers, features)
        first = self.encoder.first
        self.last = Conv[Conv.CONV, dim](
            features[0], output_channels, first, padding=tuple(side // 2 for side in first), padding_mode="replicate"
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Conv3d):
                nn.init.orthogonal_(module.weight)

    def make_way_up(self, layers: _Layers, features: Sequence[int]) -> None:
        """Make the layers that `join` needs."""
        raise NotImplementedError

    def join(self, levels: list[torch.Tensor]) -> torch.Tensor:
        """Features at the finest level, from those of all levels."""
        raise NotImplementedError

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        levels = self.encoder(pad_to_network(image, self.divisors))
        logits: torch.Tensor = self.last(self.join(levels))
        return crop_to(logits, image.shape[2:])


class _UNet(_ConnectomicsNetwork):
    """Residual U-Net: halved by strides, enlarged linearly, skips added."""

    def make_way_up(self, layers: _Layers, features: Sequence[int]) -> None:
        steps = list(zip(features, features[1:], self.encoder.kernels, strict=False))
        self.narrow = nn.ModuleList(layers.conv(below, after=here, kernel=kernel) for here, below, kernel in steps)
        self.blocks = nn.ModuleList(layers.block(here, kernel=kernel) for here, _, kernel in steps)

    def join(self, levels: list[torch.Tensor]) -> torch.Tensor:
        x = levels[-1]
        for narrow, block, skip in reversed(list(zip(self.narrow, self.blocks, levels[:-1], strict=True))):
            x = block(_enlarged(narrow(x), like=skip) + skip)
        return x


class _FPN(_ConnectomicsNetwork):
    """Feature pyramid: levels are narrowed to `features[0]`, added from coarse to fine, and summed."""

    def make_way_up(self, layers: _Layers, features: Sequence[int]) -> None:
        width, one = features[0], (1,) * layers.dim
        self.lateral = nn.ModuleList(layers.conv(here, after=width, kernel=one) for here in features)
        self.smooth = nn.ModuleList(layers.conv(width, after=width, kernel=kernel) for kernel in self.encoder.kernels)

    def join(self, levels: list[torch.Tensor]) -> torch.Tensor:
        narrowed = [layer(x) for layer, x in zip(self.lateral, levels, strict=True)]
        for level in reversed(range(len(levels) - 1)):
            narrowed[level] = narrowed[level] + _enlarged(narrowed[level + 1], like=narrowed[level])
        smoothed = [layer(x) for layer, x in zip(self.smooth, narrowed, strict=True)]
        return torch.stack([_enlarged(x, like=narrowed[0]) for x in smoothed]).sum(0)


def _create(
    kind: type[_ConnectomicsNetwork],
    *,
    dim: int,
    input_channels: int,
    output_channels: int,
    features: Sequence[int],
    anisotropic_levels: int,
    norm: str,
    activation: str,
    block: str,
) -> nn.Module:
    """A network of this kind, with `features[i]` channels at level i.

    Levels that leave z as it is have kernels within slices; the first and last kernels are 5 pixels wide. Batch normalization
    and ELU unless `norm` and `activation` name others.
    """
    return kind(
        dim,
        input_channels=input_channels,
        output_channels=output_channels,
        features=features,
        anisotropic_levels=anisotropic_levels,
        layers=_Layers(dim, norm=norm, activation=activation, block=block, features=features),
    )


pytc_unet = partial(_create, _UNet)
pytc_fpn = partial(_create, _FPN)


def _norm_argument(name: str) -> str:
    return "num_channels" if name.upper() == "GROUP" else "num_features"


def _enlarged(x: torch.Tensor, *, like: torch.Tensor) -> torch.Tensor:
    mode = "bilinear" if x.ndim == 4 else "trilinear"
    return F.interpolate(x, size=like.shape[2:], mode=mode, align_corners=False)
