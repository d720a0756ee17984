"""Weights of the networks of Cellpose 1 to 3 and Omnipose (their `CPnet`) as those of `style_unet`, and back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from nbtrainer.errors import ModelError

_ROOT = "downsample.down."
_OUTPUT = "output.2.weight"
# what the file of a network made by Omnipose is called begins with these; a switch is on or off, or 1 or 0
_SWITCH = re.compile(r"(residual|style|concatenation)(?:_on)?_(on|off|1|0)(?=_)")


def is_cellpose(weights: Mapping[str, torch.Tensor]) -> bool:
    """Whether these are weights of a `CPnet`, by their names."""
    return _OUTPUT in weights and any(name.startswith(_ROOT) for name in weights)


def settings_in_name(name: str) -> dict[str, bool]:
    """What the name of a file of Omnipose says of the switches that its weights do not show.

    >>> settings_in_name("cellpose_residual_on_style_off_concatenation_off_omni_nclasses_2_nchan_1_dim_2_cells")
    {'residual_on': True, 'style_on': False, 'concatenation': False}
    """
    keys = {"residual": "residual_on", "style": "style_on", "concatenation": "concatenation"}
    return {keys[switch]: value in ("on", "1") for switch, value in _SWITCH.findall(f"{name}_")}


def settings_in_weights(weights: Mapping[str, torch.Tensor], *, name: str) -> dict[str, Any]:
    """The arguments of `models.create` for a `style_unet` that these weights of a `CPnet` fit into.

    `name`: of their file, which says whether the style enters the way up; the weights do not.
    Raises `ModelError` for skips that are concatenated, for which no release of theirs has a network that answers.
    """
    levels = sorted({int(match[1]) for each in weights if (match := re.search(r"down\.\w+_down_(\d+)\.", each))})
    residual_on = any(each.startswith(f"{_ROOT}res_down_") for each in weights)
    kind = "res" if residual_on else "conv"
    # of each level the last convolution, whose outputs are its features
    last = 3 if residual_on else 1
    convolutions = [weights[f"{_ROOT}{kind}_down_{level}.conv.conv_{last}.2.weight"] for level in levels]
    first = weights[f"{_ROOT}{kind}_down_0.conv.conv_0.2.weight"]
    told = weights[f"upsample.up.{kind}_up_0.conv.conv_1.full.weight"]
    if told.shape[0] != weights[f"upsample.up.{kind}_up_0.conv.conv_1.conv.2.weight"].shape[1]:
        raise ModelError(
            name,
            "its skips are concatenated (--concatenation), in a way that Omnipose itself cannot run",
            "Start from a model without concatenation",
        )
    return {
        "name": "style_unet",
        "dim": first.ndim - 2,
        "input_channels": first.shape[1],
        "output_channels": weights[_OUTPUT].shape[0],
        "features": [each.shape[0] for each in convolutions],
        "anisotropic_levels": 0,
        "parameters": {
            "residual_on": residual_on,
            "style_on": settings_in_name(name).get("style_on", True),
            "concatenation": False,
        },
    }


def from_cellpose(weights: Mapping[str, torch.Tensor], *, style_on: bool) -> dict[str, torch.Tensor]:
    """Weights of a `CPnet` under the names of `style_unet`.

    Where the style does not enter, theirs still adds the bias of its linear layer; here the mean of the normalization
    after it is lower by as much, which is the same.
    """
    pairs = list(_layers(weights))
    result = {
        f"{ours}.{suffix}": weights[f"{theirs}.{suffix}"]
        for ours, theirs in pairs
        for suffix in _SUFFIXES
        if f"{theirs}.{suffix}" in weights and (style_on or not ours.endswith(".tell"))
    }
    if not style_on:
        for ours, theirs in pairs:
            if ours.endswith(".tell"):
                mean = f"{ours.removesuffix('.tell')}.step.0.running_mean"
                result[mean] = result[mean] - weights[f"{theirs}.bias"]
    return result


def to_cellpose(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Weights of a `style_unet` under the names of Cellpose's and Omnipose's `CPnet`; a style that does not enter adds 0.

    Raises `ModelError` if its skips are concatenated.
    """
    deepest = weights["up.0.join.step.0.weight"].shape[0]
    if deepest != weights["up.0.enter.2.weight"].shape[0]:
        raise ModelError(
            "model.concatenation", "Cellpose and Omnipose have no network with concatenated skips", "Train one without"
        )
    result: dict[str, torch.Tensor] = {}
    for ours, theirs in _layers(weights):
        found = {suffix: weights[f"{ours}.{suffix}"] for suffix in _SUFFIXES if f"{ours}.{suffix}" in weights}
        if not found and ours.endswith(".tell"):
            features = weights[f"{ours.removesuffix('.tell')}.step.0.weight"].shape[0]
            found = {"weight": torch.zeros(features, deepest), "bias": torch.zeros(features)}
        result |= {f"{theirs}.{suffix}": values for suffix, values in found.items()}
    return result


_NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
_SUFFIXES = (*_NORM[:2], *(f"0.{each}" for each in _NORM), *(f"{at}.{each}" for at in (1, 2) for each in _NORM[:2]))


def _layers(weights: Mapping[str, torch.Tensor]) -> Iterator[tuple[str, str]]:
    """Layers of a network under our name and under theirs; `weights` are of either."""
    numbers = [re.match(r"(?:down|downsample\.down\.\w+_down)[._](\d+)\.", name) for name in weights]
    levels = 1 + max(int(number[1]) for number in numbers if number)
    residual_on = any(name.startswith((f"{_ROOT}res_", "down.0.project.")) for name in weights)
    kind = "res" if residual_on else "conv"
    for level in range(levels):
        ours, theirs = f"down.{level}", f"downsample.down.{kind}_down_{level}"
        yield from ((f"{ours}.first.{at}", f"{theirs}.conv.conv_{at}") for at in range(2))
        if residual_on:
            yield from ((f"{ours}.second.{at}", f"{theirs}.conv.conv_{at + 2}") for at in range(2))
            yield f"{ours}.project", f"{theirs}.proj"
    for level in range(levels):
        # ours stand from the deepest level up
        ours, theirs = f"up.{levels - 1 - level}", f"upsample.up.{kind}_up_{level}"
        yield f"{ours}.enter", f"{theirs}.conv.conv_0"
        steps = {"join": 1, **({"second.0": 2, "second.1": 3} if residual_on else {})}
        for name, at in steps.items():
            yield f"{ours}.{name}.step", f"{theirs}.conv.conv_{at}.conv"
            yield f"{ours}.{name}.tell", f"{theirs}.conv.conv_{at}.full"
        if residual_on:
            yield f"{ours}.project", f"{theirs}.proj"
    yield "last", "output"
