"""One tile with the network's answer, kept in the model: whoever loads it can see whether it still does what it did."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

# rounding differs between processors, graphics cards and versions of torch; a wrong weight or layer differs far more
_TOLERANCE = 0.02


def self_check(network: nn.Module, tile: torch.Tensor) -> dict[str, torch.Tensor]:
    """What to keep in a checkpoint: a normalised `tile` (C, [Z,] Y, X), and the answer to it."""
    return {"tile": tile.cpu(), "answer": _answer(network, tile)}


def still_answers(network: nn.Module, kept: dict[str, Any]) -> bool:
    """Whether `network` answers to the kept tile as it did, within 2 percent of how much the answer varies."""
    expected, found = kept["answer"], _answer(network, kept["tile"])
    if found.shape != expected.shape:
        return False
    return bool((found - expected).abs().max() <= _TOLERANCE * (expected.std() + 0.1))


def _answer(network: nn.Module, tile: torch.Tensor) -> torch.Tensor:
    was_training = network.training
    device = next(network.parameters()).device
    with torch.inference_mode():
        answer = network.eval()(tile[None].to(device))[0].float().cpu()
    network.train(was_training)
    return answer.clone()
