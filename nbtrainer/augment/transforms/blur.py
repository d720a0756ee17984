"""A Gaussian blur in the plane, also of volumes, whose sections lie further apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from nbtrainer.augment.device.arrays import upload
from nbtrainer.config.transforms.blur import Blur


@dataclass(frozen=True)
class BlurParams:
    """Standard deviation in pixels."""

    sigma: float


def sample_params(rng: np.random.Generator, settings: Blur, shape: Sequence[int]) -> BlurParams:
    return BlurParams(float(rng.uniform(0, settings.sigma)))


def apply(image: np.ndarray, label: np.ndarray, params: BlurParams) -> tuple[np.ndarray, np.ndarray]:
    """Every section blurred."""
    if not params.sigma:
        return image, label
    planes = np.ascontiguousarray(image).reshape(-1, *image.shape[-2:])
    return np.stack([cv2.GaussianBlur(plane, (0, 0), params.sigma) for plane in planes]).reshape(image.shape), label


def apply_batch(images: torch.Tensor, params: Sequence[BlurParams]) -> torch.Tensor:
    """The same for a batch, along y and then along x."""
    kernels = [_kernel(each.sigma) for each in params]
    reach = max(len(kernel) for kernel in kernels) // 2
    weights = np.stack([np.pad(kernel, reach - len(kernel) // 2) for kernel in kernels], 1)
    taps = upload(weights, images.device).view(*weights.shape, *[1] * (images.ndim - 1))
    for axis in (-2, -1):
        length = images.shape[axis]
        mirrored = upload(np.pad(np.arange(length), reach, mode="reflect"), images.device)
        padded = images.index_select(axis, mirrored)
        images = torch.stack([tap * padded.narrow(axis, place, length) for place, tap in enumerate(taps)]).sum(0)
    return images


def _kernel(sigma: float) -> np.ndarray:
    """The weights that cv2.GaussianBlur takes for float32 along one axis: (K,) float32."""
    if not sigma:
        return np.ones(1, np.float32)
    return cv2.getGaussianKernel(round(8 * sigma + 1) | 1, sigma, cv2.CV_32F)[:, 0]
