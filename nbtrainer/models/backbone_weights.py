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
from nbtrainer.models.match_weights import COUNTER, Shape, Transfer, match_weights

_WHERE = "model.backbone_weights"


def load_backbone_weights(network: nn.Module, *, backbone: str, source: str) -> frozenset[str]:
    """Load the weights of a `backbone` into the encoder of `network`, a network with one; their names in the network.

    `source`: `imagenet`, which is downloaded, or the path of a file of weights (a `state_dict`) of that backbone, whose names
    may be of another library if all shapes agree in their order. The first layer is adapted to the channels of the images
    (see `match_weights.adapted_to_channels`). Raises `ModelError` where they cannot be had or do not fit.
    """
    encoder = network.get_submodule("network.encoder")
    given = _downloaded(backbone) if source == IMAGENET else _read(Path(source))
    own = {name: tuple(weights.shape) for name, weights in encoder.state_dict().items()}
    first = next(name for name, shape in own.items() if len(shape) > 1)
    transfer = match_weights(given, Shape(own, first=frozenset({first}), last=frozenset()), in_order=True)
    missing = [*transfer.anew, *_left_over(given, transfer)]
    if missing:
        raise ModelError(
            _WHERE,
            f"{source}: these are no weights of {BACKBONES[backbone].title}: {len(transfer.taken)} of {len(own)} arrays fit, and {missing[0]} has no match",
            "Choose the backbone that they were trained with, or leave this empty",
        )
    encoder.load_state_dict(dict(transfer.weights), strict=False)
    return frozenset(f"network.encoder.{name}" for name in transfer.taken)


def _left_over(given: Mapping[str, torch.Tensor], transfer: Transfer) -> list[str]:
    """Of the `given` names those that are not used, in front of the last that is: of a deeper backbone.

    What comes after it is a classifier, or levels that the network leaves out.
    """
    unused = set(transfer.unused)
    is_used = [name not in unused and not name.endswith(COUNTER) for name in given]
    last = max((at for at, used in enumerate(is_used) if used), default=0)
    return [name for name in list(given)[:last] if name in unused]


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
