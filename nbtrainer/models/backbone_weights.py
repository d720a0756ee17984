"""Weights that a backbone learned on another task, such as ImageNet, for images of any number of channels."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from nbtrainer.catalog import BACKBONES, IMAGENET
from nbtrainer.errors import ModelError
from nbtrainer.models.import_smp import import_smp

_WHERE = "model.backbone_weights"
# of the names in a file and in the network, so many must agree; else they are taken in their order
_AGREEING = 0.9
_PREFIXES = ("module.", "encoder.", "model.")


def load_backbone_weights(network: nn.Module, *, backbone: str, source: str) -> frozenset[str]:
    """Load the weights of a `backbone` into the encoder of `network`, a network with one; their names in the network.

    `source`: `imagenet`, which is downloaded, or the path of a file of weights (a `state_dict`) of that backbone, whose names
    may be of another library if all shapes agree in their order. The first layer is adapted to the channels of the images
    (see `adapted_to_channels`). Raises `ModelError` where they cannot be had or do not fit.
    """
    encoder = network.get_submodule("network.encoder")
    given = _downloaded(backbone) if source == IMAGENET else _read(Path(source))
    own = encoder.state_dict()
    taken = _fitting(given, own=own)
    missing = [name for name in own if name not in taken]
    missing += _left_over(given, own=own)
    if missing:
        raise ModelError(
            _WHERE,
            f"{source}: these are no weights of {BACKBONES[backbone].title}: {len(taken)} of {len(own)} arrays fit, and {missing[0]} has no match",
            "Choose the backbone that they were trained with, or leave this empty",
        )
    encoder.load_state_dict(taken)
    return frozenset(f"network.encoder.{name}" for name in taken)


def adapted_to_channels(weights: torch.Tensor, channels: int) -> torch.Tensor:
    """Weights (K, C, ...) of a first layer for images of another number of `channels`, so that it answers alike.

    For one channel the sum over those that it knew; for more they are repeated, and scaled to their number.

    >>> adapted_to_channels(torch.ones(1, 3, 1), 1).flatten().tolist()
    [3.0]
    >>> adapted_to_channels(torch.ones(1, 3, 1), 4).flatten().tolist()
    [0.75, 0.75, 0.75, 0.75]
    """
    known = weights.shape[1]
    if channels == 1:
        return weights.sum(1, keepdim=True)
    order = [channel % known for channel in range(channels)]
    return weights[:, order] * (known / channels)


def _fitting(given: Mapping[str, torch.Tensor], *, own: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Of the `given` weights those for each of our `own` names: by name, or by order where names are of another library."""
    by_name = {_plain(name): weights for name, weights in given.items()}
    pairs = {name: by_name[_plain(name)] for name in own if _plain(name) in by_name}
    if len(pairs) < _AGREEING * len(own):
        # a classifier may follow the layers of the backbone
        pairs = dict(zip(own, given.values(), strict=False))
    fitting: dict[str, torch.Tensor] = {}
    for name, weights in pairs.items():
        shape = own[name].shape
        if weights.ndim > 1 and not fitting and weights.shape[0] == shape[0] and weights.shape[2:] == shape[2:]:
            weights = adapted_to_channels(weights, shape[1]) if weights.shape[1] != shape[1] else weights
        if weights.shape == shape:
            fitting[name] = weights
    return fitting


def _left_over(given: Mapping[str, torch.Tensor], *, own: Mapping[str, torch.Tensor]) -> list[str]:
    """Of the `given` names those that none of ours stands for, in front of the last that one does: of a deeper backbone.

    What comes after it is a classifier, or levels that the network leaves out.
    """
    ours = {_plain(name) for name in own}
    is_used = [_plain(name) in ours for name in given]
    last = max((at for at, used in enumerate(is_used) if used), default=0)
    return [name for name, used in zip(given, is_used[:last], strict=False) if not used]


def _plain(name: str) -> str:
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name


def _downloaded(backbone: str) -> dict[str, torch.Tensor]:
    smp = import_smp()
    try:
        weights: dict[str, torch.Tensor] = smp.encoders.get_encoder(
            BACKBONES[backbone].at, in_channels=3, weights=IMAGENET
        ).state_dict()
    except (OSError, KeyError, ValueError, RuntimeError) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise ModelError(
            _WHERE,
            f"the weights of {BACKBONES[backbone].title} on ImageNet could not be downloaded ({reason})",
            "Try again with a network connection, give the path of a file of weights, or leave this empty",
        ) from error
    return weights


def _read(path: Path) -> dict[str, torch.Tensor]:
    remedy = "Give the path of a file of weights that torch saved (a state_dict), imagenet, or leave this empty"
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise ModelError(_WHERE, f"{path}: there is no such file", remedy) from error
    except (OSError, RuntimeError, ValueError, EOFError, LookupError, pickle.UnpicklingError) as error:
        raise ModelError(_WHERE, f"{path}: these weights cannot be read", remedy) from error
    for name in ("state_dict", "model", "weights"):
        content = content.get(name, content) if isinstance(content, Mapping) else content
    tensors = dict(content) if isinstance(content, Mapping) else {}
    if not tensors or not all(isinstance(weights, torch.Tensor) for weights in tensors.values()):
        raise ModelError(_WHERE, f"{path}: this file holds no weights by name", remedy)
    return tensors
