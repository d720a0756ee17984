"""Interpolation of a batch: the image linearly, the label by nearest neighbour, as `augment/interpolate.py` does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from nbtrainer.augment.device.arrays import upload
from nbtrainer.augment.interpolate import knot_weights
from nbtrainer.augment.spatial import ControlPoints


@dataclass(frozen=True, kw_only=True)
class StoredRegions:
    """Stored pixels of N regions, one behind the other in flat tensors, in any order.

    Attributes
    ----------
    image, label
        Flat; whole numbers of 16 and 32 bits stand for unsigned ones. `label` None: only images are asked for.
    image_begin, label_begin, channel_step
        (N,) where a region begins in each, and how far its channels are apart in `image`.
    start, extent, full
        (N, d): first pixel of the region ([z,] y, x), its size, and the size of the whole image, mirrored at its edges.
    """

    image: torch.Tensor
    label: torch.Tensor | None
    image_begin: np.ndarray
    label_begin: np.ndarray
    channel_step: np.ndarray
    start: np.ndarray
    extent: np.ndarray
    full: np.ndarray


def sample_batch(
    regions: StoredRegions,
    *,
    centres: np.ndarray,
    matrices: np.ndarray,
    points: Sequence[ControlPoints | None],
    levels: np.ndarray,
    size: tuple[int, ...],
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Patches of `size` ([z,] y, x): images (N, C, *size) float32 and labels (N, *size) int64.

    A pixel `offset` from the middle of a patch comes from `centres` (N, d) + `matrices` (N, d, d) @ offset + what `points`
    displace it. `levels` (4, N, C) float32 say how images are normalised: low, high, scale, offset.
    """
    device, dim = regions.image.device, len(size)
    starts, slopes, base = _rows(size, centres=centres, matrices=matrices)
    along_x = torch.arange(size[-1], dtype=torch.float32, device=device)
    at = upload(starts, device)[..., None] + upload(slopes, device).view(-1, dim, *[1] * dim) * along_x
    displacement = displace(points, size, device)
    if displacement is not None:
        at = at + displacement
    floor = at.floor()
    fraction = at - floor
    strides = np.cumprod(np.column_stack([np.ones(len(base), np.int64), regions.extent[:, :0:-1]]), 1)[:, ::-1]
    # one copy for all whole numbers: small copies cost as much as large ones
    begins = np.column_stack([regions.image_begin, regions.label_begin, regions.channel_step])
    table = np.column_stack([base, regions.start, regions.extent, regions.full, strides, begins]).astype(np.int64)
    columns = upload(table, device).T.reshape(table.shape[1], -1, *[1] * dim)
    base_, start, extent, full, stride = (columns[group * dim : (group + 1) * dim] for group in range(5))
    image_begin, label_begin, channel_step = columns[5 * dim :]
    pairs = []
    for axis in range(dim):
        place = floor[:, axis].to(torch.int64) + base_[axis]
        ends = (_mirrored(place + step, full=full[axis]) - start[axis] for step in (0, 1))
        # what lies outside the region has no weight
        pairs.append([torch.minimum(end.clamp(min=0), extent[axis] - 1) * stride[axis] for end in ends])
    low, high, scale, offset = upload(levels.astype(np.float32), device).view(4, len(base), -1, *[1] * dim)
    channels = []
    for channel in range(low.shape[1]):
        begin = image_begin + channel * channel_step
        limits = low[:, channel], high[:, channel]
        value = _interpolate(regions.image, begin=begin, pairs=pairs, fraction=fraction, limits=limits)
        channels.append(value * scale[:, channel] + offset[:, channel])
    if regions.label is None:
        return torch.stack(channels, 1), None
    index = label_begin
    for axis, (first, second) in enumerate(pairs):
        index = index + torch.where(fraction[:, axis] >= 0.5, second, first)
    return torch.stack(channels, 1), as_labels(regions.label.take(index))


def as_labels(stored: torch.Tensor) -> torch.Tensor:
    """Stored labels as int64: whole numbers of 16 and 32 bits stand for unsigned ones."""
    masks = {torch.int16: 0xFFFF, torch.int32: 0xFFFFFFFF}
    wide = stored.to(torch.int64)
    return wide.bitwise_and(masks[stored.dtype]) if stored.dtype in masks else wide


def displace(
    points: Sequence[ControlPoints | None], size: tuple[int, ...], device: torch.device
) -> torch.Tensor | None:
    """How far each pixel of N patches is displaced: (N, d, *size) float32 in pixels; None if none is."""
    total = None
    kinds = {(each.displacement.shape, each.distance) for each in points if each is not None}
    for shape, distance in sorted(kinds):
        knots = np.zeros((len(points), *shape), np.float32)
        for row, each in zip(knots, points, strict=True):
            if each is not None and (each.displacement.shape, each.distance) == (shape, distance):
                row[:] = each.displacement
        field = upload(knots, device)
        # in the order of interpolate.py: along x first, while the others are short; along y last
        for axis in (-1, -3, -2) if len(size) == 3 else (-1, -2):
            field = _spread(field, axis=axis, length=size[axis], distance=distance)
        total = field if total is None else total + field
    return total


def _spread(knots: torch.Tensor, *, axis: int, length: int, distance: int) -> torch.Tensor:
    """`knots`, at `length` pixels of one axis."""
    weights = knot_weights(length, count=knots.shape[axis], distance=distance)
    first = weights[:, 0].astype(np.int64)
    index = upload(first[None] + np.arange(4)[:, None], knots.device)
    shape = [1] * knots.ndim
    shape[axis] = length
    factors = upload(np.ascontiguousarray(weights[:, 1:].T), knots.device).view(4, *shape)
    parts = [factor * knots.index_select(axis, near) for factor, near in zip(factors, index, strict=True)]
    return parts[0] + parts[1] + parts[2] + parts[3]


def _rows(
    size: tuple[int, ...], *, centres: np.ndarray, matrices: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where the rows of N patches begin, (N, d, *size[:-1]) float32, their steps, (N, d), and what is to be added, (N, d)
    whole numbers: small numbers keep their digits."""
    base = np.floor(centres)
    dim = len(size)
    at = (centres - base).reshape(len(centres), dim, *[1] * (dim - 1))
    for axis, length in enumerate(size[:-1]):
        offset = (np.arange(length) - (length - 1) / 2).reshape([-1 if each == axis else 1 for each in range(dim - 1)])
        at = at + matrices[:, :, axis].reshape(len(centres), dim, *[1] * (dim - 1)) * offset
    slopes = matrices[:, :, -1]
    at = at + slopes.reshape(len(centres), dim, *[1] * (dim - 1)) * (-(size[-1] - 1) / 2)
    return at.astype(np.float32), slopes.astype(np.float32), base.astype(np.int64)


def _mirrored(place: torch.Tensor, *, full: torch.Tensor) -> torch.Tensor:
    wrapped = place.remainder(2 * full)
    return torch.minimum(wrapped, 2 * full - 1 - wrapped)


def _interpolate(
    image: torch.Tensor,
    *,
    begin: torch.Tensor,
    pairs: list[list[torch.Tensor]],
    fraction: torch.Tensor,
    limits: tuple[torch.Tensor, torch.Tensor],
) -> torch.Tensor:
    """One channel between the pixels of `pairs`, along the last axis first."""
    axis = fraction.shape[1] - len(pairs)
    if not pairs:
        stored = image.take(begin)
        if stored.dtype == torch.int16:
            stored = stored.to(torch.int32).bitwise_and(0xFFFF)
        return torch.clamp(stored.to(torch.float32), *limits)
    near, far = (
        _interpolate(image, begin=begin + index, pairs=pairs[1:], fraction=fraction, limits=limits)
        for index in pairs[0]
    )
    return near + fraction[:, axis] * (far - near)
