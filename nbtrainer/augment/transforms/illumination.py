"""Uneven light: what is multiplied is the height above the darkest pixel, so that any normalization will do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from nbtrainer.augment.channel_range import channel_extremes
from nbtrainer.augment.device.arrays import batch_extremes, per_patch, upload
from nbtrainer.config.transforms.lighting import Illumination

_PATTERNS = ("ramp", "spot", "clouds")
# the spot's spread, as a share of the patch
_SPREAD = 0.4
# points along each axis between which clouds are smooth
_CLOUD_POINTS = 4


@dataclass(frozen=True, kw_only=True)
class IlluminationParams:
    """`location`, one number an axis: the direction that a ramp rises along, or the middle of a spot, from 0 to 1."""

    pattern: str
    strength: float
    location: tuple[float, ...]
    seed: int


def sample_params(rng: np.random.Generator, settings: Illumination, shape: Sequence[int]) -> IlluminationParams:
    pattern = _PATTERNS[int(rng.integers(len(_PATTERNS)))] if settings.light == "any" else settings.light
    location = tuple(map(float, rng.normal(size=len(shape)) if pattern == "ramp" else rng.random(len(shape))))
    return IlluminationParams(
        pattern=pattern,
        strength=float(rng.uniform(0, settings.strength)),
        location=location,
        seed=int(rng.integers(2**32)),
    )


def apply(image: np.ndarray, label: np.ndarray, params: IlluminationParams) -> tuple[np.ndarray, np.ndarray]:
    """All channels in the same light: in full at the brightest place, less by `strength` at the darkest."""
    if not params.strength:
        return image, label
    low, high = channel_extremes(image)
    light = _light(params, image.shape[1:])
    light -= light.max()
    light *= np.float32(params.strength) / max(float(-light.min()), 1e-6)
    light += 1
    lit = (image - low) * light
    lit += low
    return np.clip(lit, low, high, out=lit), label


def batch_key(params: IlluminationParams) -> str:
    """Patches in one pattern are lit together."""
    return params.pattern


def apply_batch(images: torch.Tensor, params: Sequence[IlluminationParams]) -> torch.Tensor:
    """The same for a batch of one pattern."""
    low, high = batch_extremes(images)
    light = _batch_light(params, tuple(images.shape[2:]), images.device)[:, None]
    axes = tuple(range(2, light.ndim))
    light = light - light.amax(axes, keepdim=True)
    strength = per_patch([each.strength for each in params], images)
    light = 1 + light * (strength / (-light.amin(axes, keepdim=True)).clamp(min=1e-6))
    return torch.clamp((images - low) * light + low, low, high)


def _light(params: IlluminationParams, shape: tuple[int, ...]) -> np.ndarray:
    if params.pattern == "clouds":
        return _clouds(np.random.default_rng(params.seed), shape)
    axes = [np.linspace(0, 1, length, dtype=np.float32) for length in shape]
    if params.pattern == "ramp":
        parts = [np.float32(slope) * along for slope, along in zip(params.location, axes, strict=True)]
        return np.array(sum(np.ix_(*parts)), np.float32)
    light = np.ones(shape, np.float32)
    for part in np.ix_(
        *(np.exp(-((along - at) ** 2) / (2 * _SPREAD**2)) for at, along in zip(params.location, axes, strict=True))
    ):
        light *= part
    return light


def _batch_light(params: Sequence[IlluminationParams], shape: tuple[int, ...], device: torch.device) -> torch.Tensor:
    """The light in each of B patches, (B, *shape)."""
    if params[0].pattern == "clouds":
        points = np.stack([_cloud_points(np.random.default_rng(each.seed), len(shape)) for each in params])
        light = upload(points, device)
        for axis, length in enumerate(shape, 1):
            # what cv2 does along an axis is a matrix, as it is linear
            eye = np.eye(_CLOUD_POINTS, dtype=np.float32)
            spread = cv2.resize(eye, (_CLOUD_POINTS, length), interpolation=cv2.INTER_CUBIC)
            light = torch.tensordot(light, upload(spread, device), dims=([axis], [1])).movedim(-1, axis)
        return light
    profiles = []
    for axis, length in enumerate(shape):
        along = np.linspace(0, 1, length, dtype=np.float32)
        at = np.array([each.location[axis] for each in params], np.float32)[:, None]
        profile = at * along if params[0].pattern == "ramp" else np.exp(-((along - at) ** 2) / (2 * _SPREAD**2))
        shaped = profile.reshape(len(params), *[length if each == axis else 1 for each in range(len(shape))])
        profiles.append(upload(shaped.astype(np.float32), device))
    light = profiles[0]
    for profile in profiles[1:]:
        light = light + profile if params[0].pattern == "ramp" else light * profile
    return light


def _cloud_points(rng: np.random.Generator, dim: int) -> np.ndarray:
    """Random numbers at a few points: (4, 4) or (4, 4, 4) float32."""
    return rng.random((_CLOUD_POINTS,) * dim, dtype=np.float32)


def _clouds(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Random numbers at a few points, smooth between them."""
    height, width = shape[-2:]
    points = _cloud_points(rng, len(shape))
    if len(shape) == 2:
        return cv2.resize(points, (width, height), interpolation=cv2.INTER_CUBIC)
    along_z = cv2.resize(points.reshape(_CLOUD_POINTS, -1), (_CLOUD_POINTS**2, shape[0]), interpolation=cv2.INTER_CUBIC)
    planes = along_z.reshape(-1, _CLOUD_POINTS, _CLOUD_POINTS)
    return np.stack([cv2.resize(plane, (width, height), interpolation=cv2.INTER_CUBIC) for plane in planes])
