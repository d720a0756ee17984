"""A network applied to an image of any size, in blended tiles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from monai.inferers.utils import sliding_window_inference
from torch import nn

# a quarter of each tile is seen twice, so that no seam shows
_OVERLAP = 0.25
_TILES_AT_ONCE = 4


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
