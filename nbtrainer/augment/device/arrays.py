"""Numbers on their way to a device, and what the transforms of a batch share there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from nbtrainer.augment.box import Box, box_index


def upload(array: np.ndarray, device: torch.device) -> torch.Tensor:
    """`array` on `device`; nobody waits for a copy to a CUDA device, which is made from pinned memory."""
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def per_patch(numbers: Sequence[float], images: torch.Tensor) -> torch.Tensor:
    """A number for each of `images` (B, C, [Z,] Y, X), float32, shaped to calculate with them: (B, 1, ...)."""
    return upload(np.asarray(numbers, np.float32), images.device).view(-1, *[1] * (images.ndim - 1))


def batch_extremes(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Minimum and maximum of each channel of `images` (B, C, [Z,] Y, X): (B, C, 1, ...)."""
    axes = tuple(range(2, images.ndim))
    return images.amin(axes, keepdim=True), images.amax(axes, keepdim=True)


def batch_to_unit(images: torch.Tensor, *, low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
    """`images` between 0, at `low`, and 1, at `high`; 0 where both are the same."""
    span = high - low
    inverse = torch.where(span > 0, 1 / torch.where(span > 0, span, 1), 0)
    return (images - low) * inverse


def batch_from_unit(scaled: torch.Tensor, *, low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
    """The inverse of `batch_to_unit`, never beyond `low` and `high`."""
    return torch.clamp(scaled * (high - low) + low, low, high)


def percentiles(images: torch.Tensor, percents: Sequence[float]) -> torch.Tensor:
    """A percentile of each channel of `images` (B, C, [Z,] Y, X): (B, C, 1, ...), a percentage from 0 to 100 for each of B.

    Between two values by linear interpolation, as numpy's.
    """
    ordered = images.flatten(2).sort(-1).values
    place = np.asarray(percents, np.float64) / 100 * (ordered.shape[-1] - 1)
    first = np.minimum(np.floor(place).astype(np.int64), ordered.shape[-1] - 1)
    second = np.minimum(first + 1, ordered.shape[-1] - 1)
    below, above = (
        ordered.take_along_dim(upload(index, images.device).view(-1, 1, 1), dim=-1) for index in (first, second)
    )
    share = upload((place - first).astype(np.float32), images.device).view(-1, 1, 1)
    return (below + share * (above - below)).view(*images.shape[:2], *[1] * (images.ndim - 2))


def box_mask(boxes: Sequence[Box], images: torch.Tensor) -> torch.Tensor:
    """Where the box of each patch lies in `images` (B, C, [Z,] Y, X): (B, 1, [Z,] Y, X) bool."""
    mask = np.zeros((len(boxes), 1, *images.shape[2:]), bool)
    for inside, box in zip(mask, boxes, strict=True):
        inside[box_index(box)] = True
    return upload(mask, images.device)
