"""A network applied to an image of any size, in blended tiles."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import torch
from monai.inferers.utils import sliding_window_inference
from torch import nn

from nbtrainer.data.warp import turn
from nbtrainer.errors import UserError

# a quarter of each tile is seen twice, so that no seam shows
_OVERLAP = 0.25
_TILES_AT_ONCE = 4


def predict_variants(
    network: nn.Module, image: np.ndarray, tile: Sequence[int], device: torch.device, variants: int = 1
) -> np.ndarray:
    """As `predict_tiled`, averaged over the first `variants` ways to flip and turn the image, each turned back."""
    total: np.ndarray | None = None
    matrices = turns(len(tile))
    possible = [2**power for power in range(len(tile) + 2)]
    if variants not in possible:
        raise UserError(
            "variants",
            f"{variants} is no number of ways to turn an image",
            f"Choose one of {', '.join(map(str, possible))}",
        )
    matrices = matrices[:variants]
    for matrix in matrices:
        sides = np.abs(matrix).astype(int).T @ np.array(tile)
        output = turn(predict_tiled(network, turn(image, matrix), sides.tolist(), device), matrix.T)
        total = output if total is None else total + output
    assert total is not None
    return np.ascontiguousarray(total / len(matrices))


def turns(dim: int) -> list[np.ndarray]:
    """The ways to flip and turn an image by quarters in the plane: 8 in 2D, 16 in 3D (also upside down); the one that
    changes nothing first, then flips, then turns."""
    found = []
    for swap in (np.eye(2), np.array([[0.0, 1.0], [1.0, 0.0]])):
        for signs in product((1, -1), repeat=dim):
            plane = np.diag(signs[-2:]) @ swap
            found.append(
                plane if dim == 2 else np.block([[np.eye(1) * signs[0], np.zeros((1, 2))], [np.zeros((2, 1)), plane]])
            )
    return found


def predict_tiled(network: nn.Module, image: np.ndarray, tile: Sequence[int], device: torch.device) -> np.ndarray:
    """Output (K, [Z,] Y, X) float32 of `network` for a normalised `image` (C, [Z,] Y, X).

    Images smaller than `tile` are mirrored at their edges; larger ones are seen in overlapping tiles, weighted by
    a Gaussian.
    """
    shape = image.shape[1:]
    missing = [max(0, length - full) for full, length in zip(shape, tile, strict=True)]
    before = [gap // 2 for gap in missing]
    padding = [(0, 0), *((first, gap - first) for first, gap in zip(before, missing, strict=True))]
    padded = np.pad(image, padding, mode="symmetric") if any(missing) else image
    with torch.inference_mode():
        batch = torch.from_numpy(np.ascontiguousarray(padded, dtype=np.float32))[None].to(device)
        output = sliding_window_inference(
            batch,
            roi_size=tuple(tile),
            sw_batch_size=_TILES_AT_ONCE,
            predictor=lambda tiles: network(tiles).float(),
            overlap=_OVERLAP,
            mode="gaussian",
        )
    assert isinstance(output, torch.Tensor)
    inside = tuple(slice(first, first + full) for first, full in zip(before, shape, strict=True))
    return output[0].float().cpu().numpy()[(slice(None), *inside)]
