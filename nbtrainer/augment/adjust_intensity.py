"""Brightness, contrast and gamma in one pass over the pixels, and one more where a gamma bends them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
import torch

from nbtrainer.augment.device.arrays import upload

# compiled once per machine, as in interpolate.py
_compiled = numba.njit(nogil=True, cache=True, fastmath=True, boundscheck=False)


@dataclass(frozen=True)
class IntensityAdjustment:
    """Gamma, then contrast about the mean, then `brightness`, a share of the range: one number for all, or one for each
    section of a volume. Brightness 0, contrast 1 and gamma 1 change nothing."""

    brightness: tuple[float, ...]
    contrast: tuple[float, ...]
    gamma: tuple[float, ...]


def adjust_intensity(
    image: np.ndarray, label: np.ndarray, params: IntensityAdjustment
) -> tuple[np.ndarray, np.ndarray]:
    """Brightness, contrast and gamma of each channel of `image` (C, [Z,] Y, X); gamma works between its extremes."""
    if not any(params.brightness) and {*params.contrast, *params.gamma} == {1.0}:
        return image, label
    rows = np.ascontiguousarray(image).reshape(len(image) * len(params.gamma), -1)
    out = np.empty_like(rows)
    _adjust_rows(rows, np.array(params.brightness), np.array(params.contrast), np.array(params.gamma), out)
    return out.reshape(image.shape), label


def section_count(params: IntensityAdjustment) -> int:
    """How many parts of a patch have numbers of their own; those with as many are changed together."""
    return len(params.gamma)


def adjust_intensities(images: torch.Tensor, params: Sequence[IntensityAdjustment]) -> torch.Tensor:
    """`adjust_intensity` for a batch (B, C, [Z,] Y, X) whose params have the same number of sections."""
    parts = images.reshape(len(images), images.shape[1], section_count(params[0]), -1)
    brightness, contrast, gamma = (
        upload(np.array([getattr(each, name) for each in params], np.float32), images.device)[:, None, :, None]
        for name in ("brightness", "contrast", "gamma")
    )
    base, top = parts.amin(-1, keepdim=True), parts.amax(-1, keepdim=True)
    span = top - base
    bends = (gamma != 1) & (span > 0)
    share = (parts - base) / torch.where(span > 0, span, 1)
    # the smallest number is added as in `_power`, whose logarithm knows no 0
    source = torch.where(bends, span * (share.clamp(0, 1) + 1e-37) ** gamma + base, parts)
    shift = source.mean(-1, keepdim=True) * (1 - contrast) + brightness * span
    return (source * contrast + shift).reshape(images.shape)


@_compiled
def _adjust_rows(rows, brightness, contrast, gamma, out):  # type: ignore[no-untyped-def]
    """Fill `out` (R, N) float32 from `rows`: gamma between the extremes of each row, then contrast about its mean, then a
    shift by `brightness` times its range. Each number is a tuple, which the rows use in turn."""
    for r in range(rows.shape[0]):
        turn = r % len(gamma)
        row, done = rows[r], out[r]
        base, top = _extremes(row)
        span, bend = top - base, np.float32(gamma[turn])
        bends = bend != 1 and span > 0
        if bends:
            inverse = np.float32(1) / span
            for i in range(len(row)):
                done[i] = span * _power((row[i] - base) * inverse, bend) + base
        source = done if bends else row
        total = 0.0
        for i in range(len(row)):
            total += source[i]
        slope = np.float32(contrast[turn])
        shift = np.float32(total / len(row)) * (1 - slope) + np.float32(brightness[turn]) * span
        for i in range(len(row)):
            done[i] = source[i] * slope + shift


@_compiled
def _extremes(row):  # type: ignore[no-untyped-def]
    """Minimum and maximum, as whole numbers, which are compared several at a time: 7 us for 65,536 pixels, not 36."""
    bits = row.view(np.int32)
    low = high = _ordered(bits[0])
    for i in range(len(bits)):
        number = _ordered(bits[i])
        low, high = min(low, number), max(high, number)
    return np.int32(_ordered(low)).view(np.float32), np.int32(_ordered(high)).view(np.float32)


@_compiled
def _ordered(bits):  # type: ignore[no-untyped-def]
    """A float's bits as a number in the order of the floats, and back: of negative ones the larger bits are smaller."""
    return bits ^ ((bits >> np.int32(31)) & np.int32(0x7FFFFFFF))


@_compiled
def _power(base, exponent):  # type: ignore[no-untyped-def]
    """`base` ** `exponent` for a `base` from 0 to 1, within 1e-5 of it; several pixels at a time, which pow is not.

    A float's bits hold a power of two and a mantissa: the one is the whole part of its logarithm, the other gives the
    rest by a polynomial, and so back. numpy's power is as fast only on processors with AVX-512.
    """
    bits = np.float32(base + np.float32(1e-37)).view(np.int32)
    mantissa = np.int32((bits & np.int32(0x007FFFFF)) | np.int32(0x3F800000)).view(np.float32)
    x = mantissa - np.float32(1)
    rest = np.float32(-0.09606624944925546) + x * np.float32(0.020490346097853815)
    rest = np.float32(0.2155885327642116) + x * rest
    rest = np.float32(-0.33924777327069333) + x * rest
    rest = np.float32(0.47770593084413826) + x * rest
    rest = np.float32(-0.7211627341994048) + x * rest
    rest = np.float32(1.4426932570029805) + x * rest
    log = np.float32((bits >> np.int32(23)) - np.int32(127)) + x * rest
    power = max(np.float32(exponent * log), np.float32(-126))
    whole = np.int32(np.floor(power))
    f = power - np.float32(whole)
    part = np.float32(0.009196802048590884) + f * np.float32(0.001789665040529197)
    part = np.float32(0.055658664224198524) + f * part
    part = np.float32(0.2402068740451133) + f * part
    part = np.float32(0.6931475774695087) + f * part
    scale = np.int32((whole + np.int32(127)) << np.int32(23)).view(np.float32)
    return scale * (np.float32(1) + f * part)
