"""Losses that look at the shape of what is predicted: centre lines, boundaries, and the gaps between objects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil, inf

import edt
import numpy as np
import torch
from torch.nn import functional as F

from nbtrainer.labels.connected import regions_of
from nbtrainer.losses.one_hot import Judged, OneHotLoss, mean_of_known, over_space
from nbtrainer.losses.pixels import of_known

# beyond so many sigmas, exp(-d² / 2σ²) is below 0.0004
_FAR = 4


class CenterlineDice(OneHotLoss):
    """1 - 2 T S / (T + S) of each channel, averaged; of classes without the background.

    T is the share of the predicted centre line that lies in the true structure, S the share of the true centre line that
    lies in the predicted one: T = (Σ S(p) y + s) / (Σ S(p) + s), S = (Σ S(y) p + s) / (Σ S(y) + s), over batch and space.
    Lines are MONAI's soft skeletons, which `iterations` steps of thinning leave (Shit et al. 2021).
    """

    def __init__(
        self,
        classes: int = 0,
        class_weights: Sequence[float] | None = None,
        *,
        smoothing: float,
        iterations: int,
    ) -> None:
        super().__init__(classes, class_weights)
        self.smoothing, self.iterations = smoothing, iterations

    def measure(self, pixels: Judged) -> torch.Tensor:
        from monai.losses.cldice import soft_skel

        p, truth = self.objects_only(self.chances(pixels)), self.objects_only(pixels.truth)
        predicted_line, true_line = soft_skel(p, self.iterations), soft_skel(truth, self.iterations)
        axes, s = (0, *over_space(p)), self.smoothing
        precision = ((predicted_line * truth).sum(axes) + s) / (predicted_line.sum(axes) + s)
        recall = ((true_line * p).sum(axes) + s) / (true_line.sum(axes) + s)
        return (1 - 2 * precision * recall / (precision + recall)).mean()


class Boundary(OneHotLoss):
    """Mean of (p - y) φ over pixels and channels; of classes without the background (Kervadec et al. 2019).

    φ is the distance to the true boundary in pixels, negative inside: 0 on the outermost pixels of an object, 1 on the first
    pixels outside. It is 0 where a patch has no boundary. The term with y, which has no gradient, lets the loss end at 0.
    """

    def measure(self, pixels: Judged) -> torch.Tensor:
        p, truth = self.objects_only(self.chances(pixels)), self.objects_only(pixels.truth)
        return mean_of_known((p - truth) * _of_each_channel(signed_distance, truth), known=pixels.known)


class Hausdorff(OneHotLoss):
    """Mean of (p - y)² (d(p)^a + d(y)^a) over pixels and channels; of classes without the background.

    d is the distance to the boundary in pixels, of the prediction (p above 0.5) and of the truth: MONAI's `HausdorffDTLoss`
    (Karimi and Salcudean 2019). `exponent` is a.
    """

    def __init__(self, classes: int = 0, class_weights: Sequence[float] | None = None, *, exponent: float) -> None:
        super().__init__(classes, class_weights)
        from monai.losses.hausdorff_loss import HausdorffDTLoss

        self._loss = HausdorffDTLoss(alpha=exponent, include_background=True)

    def measure(self, pixels: Judged) -> torch.Tensor:
        p = self.chances(pixels)
        return of_known(self._loss(self.objects_only(p), self.objects_only(pixels.truth)), known=pixels.known)


class BorderCrossEntropy(OneHotLoss):
    """Mean of (1 + b exp(-(d1 + d2)² / 2σ²)) (-y log p - (1 - y) log(1 - p)), where the exponential stands in the background.

    d1 and d2 are the distances in pixels to the two nearest objects (Ronneberger et al. 2015), which are the connected parts of
    each channel of the truth; b is the `border_weight`, σ the `border_sigma`.
    """

    def __init__(
        self,
        classes: int = 0,
        class_weights: Sequence[float] | None = None,
        *,
        border_weight: float,
        border_sigma: float,
    ) -> None:
        super().__init__(classes, class_weights)
        self.border_weight, self.border_sigma = border_weight, border_sigma

    def measure(self, pixels: Judged) -> torch.Tensor:
        gaps = _of_each_channel(lambda mask: gap_weights(mask, sigma=self.border_sigma), pixels.truth)
        entropy = F.binary_cross_entropy_with_logits(pixels.logits, pixels.truth, reduction="none")
        return mean_of_known((1 + self.border_weight * gaps) * entropy, known=pixels.known)


def signed_distance(mask: np.ndarray) -> np.ndarray:
    """Distance of each pixel of boolean ([Z,] Y, X) to the boundary, in pixels: 1, 2 ... outside, 0, -1 ... inside; 0
    everywhere if there is no boundary.

    >>> signed_distance(np.array([[False, False, True, True]])).tolist()
    [[2.0, 1.0, 0.0, -1.0]]
    """
    if not mask.any() or mask.all():
        return np.zeros(mask.shape, np.float32)
    outside, inside = (edt.edt(np.ascontiguousarray(each), parallel=1) for each in (~mask, mask))
    return np.where(mask, 1 - inside, outside).astype(np.float32)


def gap_weights(mask: np.ndarray, *, sigma: float) -> np.ndarray:
    """exp(-(d1 + d2)² / 2 sigma²) in the background of boolean ([Z,] Y, X), 0 in objects, which are the connected parts.

    d1 and d2 are the distances in pixels to the two nearest objects; beyond 4 sigma they count as infinite.
    """
    objects = regions_of(mask)
    nearest = np.full((2, *mask.shape), inf, np.float32)
    margin = ceil(_FAR * sigma)
    for number, box in enumerate(_boxes(objects), start=1):
        around = tuple(
            slice(max(0, side.start - margin), min(length, side.stop + margin))
            for side, length in zip(box, mask.shape, strict=True)
        )
        distance = edt.edt(np.ascontiguousarray(objects[around] != number), parallel=1)
        first, second = nearest[0][around], nearest[1][around]
        np.minimum(second, np.maximum(first, distance), out=second)
        np.minimum(first, distance, out=first)
    weights = np.exp(-((nearest[0] + nearest[1]) ** 2) / (2 * sigma**2))
    return np.where(mask, 0, weights).astype(np.float32)


def _boxes(objects: np.ndarray) -> list[tuple[slice, ...]]:
    from scipy.ndimage import find_objects

    return [box for box in find_objects(objects.astype(np.int32)) if box is not None]


@torch.no_grad()
def _of_each_channel(function: Callable[[np.ndarray], np.ndarray], truth: torch.Tensor) -> torch.Tensor:
    """`function` of the mask ([Z,] Y, X) of each channel of each patch, on the processor."""
    masks = (truth > 0.5).cpu().numpy()
    values = np.stack([np.stack([function(channel) for channel in patch]) for patch in masks])
    return torch.from_numpy(values).to(truth)
