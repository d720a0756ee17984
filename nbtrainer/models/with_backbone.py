"""EPySeg's family: an encoder (backbone) of segmentation_models_pytorch, and one of its decoders.

Iakubovskii 2019, https://github.com/qubvel-org/segmentation_models.pytorch.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from nbtrainer.catalog import BACKBONES, NETWORKS
from nbtrainer.errors import SettingError
from nbtrainer.models.import_smp import import_smp
from nbtrainer.models.padded import padded

_DECODERS = {
    "linknet": "Linknet",
    "smp_unet": "Unet",
    "fpn": "FPN",
    "pspnet": "PSPNet",
    "unetplusplus": "UnetPlusPlus",
    "manet": "MAnet",
    "upernet": "UPerNet",
    "segformer": "Segformer",
    "deeplabv3": "DeepLabV3",
    "deeplabv3plus": "DeepLabV3Plus",
}


def _create(dim: int, *, name: str, input_channels: int, output_channels: int, backbone: str) -> nn.Module:
    """(B, input_channels, Y, X) to logits (B, output_channels, Y, X). Raises `SettingError` for what does not fit together."""
    if dim != 2:
        raise SettingError("model.name", f"{NETWORKS[name].title} is for 2D images", "Choose a network for volumes")
    entry = BACKBONES[backbone]
    if missing := NETWORKS[name].missing_in(entry):
        raise SettingError("model.backbone", f"{entry.title} {missing}", "Choose another, such as resnet34")
    smp: ModuleType = import_smp()
    build: Callable[..., nn.Module] = getattr(smp, _DECODERS[name])
    network = build(entry.at, encoder_weights=None, in_channels=input_channels, classes=output_channels)
    if backbone == "inceptionv3":
        _pad_valid(network.encoder)
    return padded(network, name=name, dim=dim)


def _pad_valid(encoder: Any) -> None:
    """Let the layers of Inception v3 keep the size of what they see, or halve it exactly, as the ways up need it."""
    # with fewer levels the last of them are left out
    halving = [block for name, block in encoder.model.named_children() if name in ("Mixed_6a", "Mixed_7a")]
    inside = {module for block in halving for module in block.modules()}
    for module in encoder.modules():
        if module not in inside and isinstance(module, nn.Conv2d | nn.MaxPool2d) and module.padding in (0, (0, 0)):
            side = module.kernel_size if isinstance(module.kernel_size, tuple) else (module.kernel_size,) * 2
            module.padding = tuple(length // 2 for length in side)
    for block in halving:  # their pooling is no layer that could be padded: what they see is
        block.register_forward_pre_hook(_pad_input)


def _pad_input(block: nn.Module, inputs: tuple[torch.Tensor]) -> torch.Tensor:
    return F.pad(inputs[0], (1, 1, 1, 1))


linknet = partial(_create, name="linknet")
smp_unet = partial(_create, name="smp_unet")
fpn = partial(_create, name="fpn")
pspnet = partial(_create, name="pspnet")
unetplusplus = partial(_create, name="unetplusplus")
manet = partial(_create, name="manet")
upernet = partial(_create, name="upernet")
segformer = partial(_create, name="segformer")
deeplabv3 = partial(_create, name="deeplabv3")
deeplabv3plus = partial(_create, name="deeplabv3plus")
