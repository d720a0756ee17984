"""One tile with the network's answer, kept in the model: whoever loads it can see whether it still does what it did."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from nbtrainer.inference.device import for_any_size

# rounding differs between processors, graphics cards and versions of torch; a wrong weight or layer differs far more
_TOLERANCE = 0.02


def golden_tile(network: nn.Module, tile: torch.Tensor) -> dict[str, torch.Tensor]:
    """What to keep in a checkpoint: a normalised `tile` (C, [Z,] Y, X), and the answer to it."""
    return {"tile": tile.cpu(), "answer": _answer(network, tile)}


def reproduces_golden_tile(network: nn.Module, record: dict[str, Any]) -> bool:
    """Whether `network` answers to the kept tile as it did, within 2 percent of how much the answer varies."""
    expected, answer = record["answer"], _answer(network, record["tile"])
    if answer.shape != expected.shape:
        return False
    return bool((answer - expected).abs().max() <= _TOLERANCE * (expected.std() + 0.1))


def _answer(network: nn.Module, tile: torch.Tensor) -> torch.Tensor:
    network = for_any_size(network)
    was_training = network.training
    device = next(network.parameters()).device
    with torch.inference_mode():
        answer = network.eval()(tile[None].to(device))[0].float().cpu()
    network.train(was_training)
    return answer.clone()
