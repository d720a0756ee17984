"""Networks of MONAI (https://docs.monai.io/en/stable/networks.html), from settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from monai.networks import nets
from torch import nn
from torch.nn import functional as F

from nbtrainer.catalog import BACKBONES, NETWORKS, size_divisors, strides
from nbtrainer.errors import SettingError
from nbtrainer.models.layers import activation_layer, norm_layer
from nbtrainer.models.padded import PaddedNetwork, padded

_LEAKY = ("LEAKYRELU", {"inplace": True, "negative_slope": 0.01})
_AFFINE = ("INSTANCE", {"affine": True})
_SWIN_HEADS = (3, 6, 12, 24)


def dynunet(
    dim: int,
    *,
    input_channels: int,
    output_channels: int,
    features: Sequence[int],
    anisotropic_levels: int,
    dropout: float,
    norm: str,
    activation: str,
    block: str,
) -> nn.Module:
    """nnU-Net's, with `features[i]` channels at level i; levels that leave z as it is have kernels within slices."""
    steps = [(1,) * dim, *strides(dim, features, anisotropic_levels)]
    kernels = [(1, 3, 3) if dim == 3 and level < anisotropic_levels else (3,) * dim for level in range(len(features))]
    network = nets.DynUNet(
        spatial_dims=dim,
        in_channels=input_channels,
        out_channels=output_channels,
        kernel_size=kernels,
        strides=steps,
        upsample_kernel_size=steps[1:],
        filters=list(features),
        dropout=dropout or None,
        norm_name=norm_layer(norm, own=_AFFINE, features=features),
        act_name=activation_layer(activation, own=_LEAKY),
        res_block=block != "plain",
    )
    return PaddedNetwork(network, divisors=size_divisors(dim, features, anisotropic_levels))


def attention_unet(
    dim: int,
    *,
    input_channels: int,
    output_channels: int,
    features: Sequence[int],
    anisotropic_levels: int,
    dropout: float,
) -> nn.Module:
    """U-Net with attention gates, with `features[i]` channels at level i."""
    network = nets.AttentionUnet(
        spatial_dims=dim,
        in_channels=input_channels,
        out_channels=output_channels,
        channels=tuple(features),
        strides=strides(dim, features, anisotropic_levels),
        dropout=dropout,
    )
    return PaddedNetwork(network, divisors=size_divisors(dim, features, anisotropic_levels))


def segresnet(
    dim: int, *, input_channels: int, output_channels: int, features: Sequence[int], dropout: float, norm: str
) -> nn.Module:
    """SegResNet of as many levels as there are `features`, of which the first counts and each level has twice as many."""
    levels = len(features)
    network = nets.SegResNet(
        spatial_dims=dim,
        init_filters=features[0],
        in_channels=input_channels,
        out_channels=output_channels,
        dropout_prob=dropout or None,
        norm=norm_layer(norm, own=norm_layer("group", own=None, features=features[:1]), features=features[:1]),
        blocks_down=(1, 2, 2, 4, 4, 4, 4, 4)[:levels],
        blocks_up=(1,) * (levels - 1),
    )
    return PaddedNetwork(network, divisors=size_divisors(dim, features, 0))


def vnet(dim: int, *, input_channels: int, output_channels: int, dropout: float) -> nn.Module:
    """V-Net, 16 to 256 features. It repeats the image 16 times: other numbers of channels than 1, 2, 4, 8, 16 are filled up."""
    channels = next((number for number in (1, 2, 4, 8, 16) if number >= input_channels), input_channels)
    network = nets.VNet(
        spatial_dims=dim,
        in_channels=channels,
        out_channels=output_channels,
        dropout_prob_down=dropout or None,
        dropout_prob_up=(dropout or None, dropout),
        dropout_dim=dim,
        bias=True,
    )
    return padded(_MoreChannels(network, channels), name="vnet", dim=dim)


def unet_plus(
    dim: int,
    *,
    input_channels: int,
    output_channels: int,
    features: Sequence[int],
    dropout: float,
    norm: str,
    activation: str,
) -> nn.Module:
    """U-Net++ of five levels; of fewer `features` the last is taken again, and the way up ends with the first."""
    channels = [*features, *[features[-1]] * 5][:5]
    network = nets.BasicUNetPlusPlus(
        spatial_dims=dim,
        in_channels=input_channels,
        out_channels=output_channels,
        features=(*channels, channels[0]),
        norm=norm_layer(norm, own=_AFFINE, features=channels),
        act=activation_layer(activation, own=("LeakyReLU", {"negative_slope": 0.1, "inplace": True})),
        dropout=dropout,
    )
    return padded(network, name="unet_plus", dim=dim)


def mednext(dim: int, *, input_channels: int, output_channels: int, features: Sequence[int]) -> nn.Module:
    """MedNeXt of five levels, of which the first has `features[0]` channels and each next twice as many."""
    network = nets.MedNeXt(
        spatial_dims=dim,
        init_filters=features[0],
        in_channels=input_channels,
        out_channels=output_channels,
        kernel_size=3,
        use_residual_connection=True,
    )
    return padded(network, name="mednext", dim=dim)


def flexible_unet(dim: int, *, input_channels: int, output_channels: int, backbone: str, dropout: float) -> nn.Module:
    """U-Net with an EfficientNet or a ResNet as its way down. Raises `SettingError` for other backbones."""
    entry = BACKBONES[backbone]
    if missing := NETWORKS["flexible_unet"].missing_in(entry):
        raise SettingError("model.backbone", f"{entry.title} {missing}", "Choose another, such as resnet34")
    network = nets.FlexibleUNet(
        in_channels=input_channels,
        out_channels=output_channels,
        backbone=entry.monai,
        spatial_dims=dim,
        dropout=dropout,
    )
    return padded(network, name="flexible_unet", dim=dim)


def swin_unetr(
    dim: int, *, input_channels: int, output_channels: int, transformer_features: int, dropout: float
) -> nn.Module:
    """Swin UNETR, version 2, whose first stage has `transformer_features`, a multiple of 12."""
    network = nets.SwinUNETR(
        in_channels=input_channels,
        out_channels=output_channels,
        feature_size=transformer_features,
        num_heads=_SWIN_HEADS,
        drop_rate=dropout,
        attn_drop_rate=dropout,
        spatial_dims=dim,
        use_v2=True,
    )
    return padded(network, name="swin_unetr", dim=dim)


def unetr(
    dim: int, *, input_channels: int, output_channels: int, transformer_features: int, dropout: float
) -> nn.Module:
    """UNETR for images of any size: where places differ from those it was made with, their embeddings are interpolated."""
    network = _AnySizeUNETR(
        in_channels=input_channels,
        out_channels=output_channels,
        img_size=(96,) * dim,
        hidden_size=16 * transformer_features,
        mlp_dim=64 * transformer_features,
        num_heads=12,
        dropout_rate=dropout,
        spatial_dims=dim,
    )
    return padded(network, name="unetr", dim=dim)


class _MoreChannels(nn.Module):
    """Fills images up with channels of zeros."""

    def __init__(self, network: nn.Module, channels: int) -> None:
        super().__init__()
        self.network = network
        self._channels = channels

    def forward(self, image: torch.Tensor) -> Any:
        missing = self._channels - image.shape[1]
        return self.network(F.pad(image, (*[0, 0] * (image.ndim - 2), 0, missing)) if missing else image)


class _AnySizeUNETR(nets.UNETR):
    feat_size: tuple[int, ...]
    proj_view_shape: list[int]
    hidden_size: int

    def forward(self, image: torch.Tensor) -> Any:
        size = tuple(side // 16 for side in image.shape[2:])
        own = tuple(self.feat_size)
        if size == own:
            return super().forward(image)
        patches = self.vit.patch_embedding
        embeddings = patches.position_embeddings
        try:
            self.feat_size, self.proj_view_shape = size, [*size, self.hidden_size]
            del patches._parameters["position_embeddings"]
            patches.position_embeddings = _resized(embeddings, own=own, size=size)
            return super().forward(image)
        finally:
            self.feat_size, self.proj_view_shape = own, [*own, self.hidden_size]
            del patches.position_embeddings
            patches.register_parameter("position_embeddings", embeddings)


def _resized(embeddings: torch.Tensor, *, own: Sequence[int], size: Sequence[int]) -> torch.Tensor:
    """Embeddings (1, places, features) of a grid of `own` places as those of a grid of `size`."""
    grid = embeddings.transpose(1, 2).reshape(1, -1, *own)
    mode = "bilinear" if len(size) == 2 else "trilinear"
    resized = F.interpolate(grid, size=tuple(size), mode=mode, align_corners=False)
    return resized.flatten(2).transpose(1, 2)
