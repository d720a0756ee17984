"""Sections blurred along a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from nbtrainer.augment.device.arrays import upload
from nbtrainer.config.transforms.blur import MotionBlur


@dataclass(frozen=True)
class MotionBlurParams:
    """A line `length` pixels long at `angle` (radians), along which the `sections` are blurred."""

    length: int
    angle: float
    sections: tuple[int, ...]


def sample_params(rng: np.random.Generator, settings: MotionBlur, shape: Sequence[int]) -> MotionBlurParams:
    """Any direction; some sections of a volume, an image whole."""
    angle = float(rng.uniform(0, np.pi))
    if len(shape) == 2:
        return MotionBlurParams(settings.length, angle, (0,))
    count = min(settings.sections, shape[0])
    sections = rng.choice(shape[0], count, replace=False)
    return MotionBlurParams(settings.length, angle, tuple(sorted(map(int, sections))))


def apply(image: np.ndarray, label: np.ndarray, params: MotionBlurParams) -> tuple[np.ndarray, np.ndarray]:
    """Each pixel of the sections is the mean of those along a line through it."""
    if params.length == 1 or not params.sections:
        return image, label
    kernel = _line_kernel(params.length, params.angle)
    blurred = np.ascontiguousarray(image).copy()
    for channel in blurred.reshape(len(image), -1, *image.shape[-2:]):
        for section in params.sections:
            channel[section] = cv2.filter2D(channel[section], -1, kernel, borderType=cv2.BORDER_REFLECT)
    return blurred, label


def apply_batch(images: torch.Tensor, params: Sequence[MotionBlurParams]) -> torch.Tensor:
    """The same for a batch: the weights of each line, one pixel of it after the other."""
    lines = [_line(each.length, each.angle) for each in params]
    steps = np.zeros((len(params), max(len(weights) for _, weights in lines), 2), np.int64)
    weights = np.zeros(steps.shape[:2], np.float32)
    for own_steps, own_weights, (places, shares) in zip(steps, weights, lines, strict=True):
        own_steps[: len(places)], own_weights[: len(shares)] = places, shares
    reaches = np.arange(images.shape[-2])[:, None], np.arange(images.shape[-1])
    rows, columns = (
        upload(_mirrored(steps[..., axis, None, None] + along, images.shape[axis - 2]), images.device)
        for axis, along in enumerate(reaches)
    )
    factors = upload(weights, images.device)
    shape = (len(params), *[1] * (images.ndim - 3))
    blurred = torch.zeros_like(images)
    for step in range(steps.shape[1]):
        moved = images.take_along_dim(rows[:, step].view(*shape, -1, 1), dim=-2)
        moved = moved.take_along_dim(columns[:, step].view(*shape, 1, -1), dim=-1)
        blurred = blurred + factors[:, step].view(*shape, 1, 1) * moved
    chosen = np.zeros((len(params), 1, *images.shape[2:-2], 1, 1), bool)
    for mask, each in zip(chosen, params, strict=True):
        if images.ndim == 5:
            mask[:, list(each.sections)] = True
        else:
            mask[:] = bool(each.sections)
    return torch.where(upload(chosen, images.device), blurred, images)


def _line(length: int, angle: float) -> tuple[np.ndarray, np.ndarray]:
    """Where the pixels of a line lie, (T, 2) steps along y and x, and their weights, (T,)."""
    kernel = _line_kernel(length, angle)
    places = np.argwhere(kernel)
    return places - len(kernel) // 2, kernel[tuple(places.T)]


def _mirrored(places: np.ndarray, length: int) -> np.ndarray:
    return np.where((wrapped := places % (2 * length)) < length, wrapped, 2 * length - 1 - wrapped)


def _line_kernel(length: int, angle: float) -> np.ndarray:
    """The weights (K, K) of a line through the middle; their sum is 1."""
    reach = (length - 1) / 2
    along = np.linspace(-reach, reach, 4 * length)
    middle = int(np.ceil(reach))
    kernel = np.zeros((2 * middle + 1, 2 * middle + 1), np.float32)
    rows, columns = np.rint(along * np.sin(angle)).astype(int), np.rint(along * np.cos(angle)).astype(int)
    np.add.at(kernel, (rows + middle, columns + middle), np.float32(1 / len(along)))
    return kernel
