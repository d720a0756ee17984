"""The loss of learning classes without labels: soft normalized cuts, and the reconstructed image from the classes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import exp

import torch
from torch import nn
from torch.nn import functional as F

# the intensities that sigma_intensity refers to run from 0 to this
_INTENSITIES = 100.0
_SMALLEST = 1e-6


class NormalizedCuts(nn.Module):
    """`cuts_weight` x soft normalized cuts of the classes + `reconstruction_weight` x error of the reconstructed image.

    For WNet (Xia and Kulis 2017), with the settings of CellSeg3D. `terms` holds both parts of the last call, unweighted.

    Parameters
    ----------
    classes
        How many channels of the output are classes; the others are the reconstructed image.
    radius, sigma_spatial, sigma_intensity
        As `soft_normalized_cuts` has them; intensities of each patch and channel run from 0 to 100.
    reconstruction
        mse: mean squared error. bce: binary cross-entropy, for images from 0 to 1; values beyond are cut off.
    """

    def __init__(
        self,
        *,
        classes: int,
        radius: int,
        sigma_spatial: float,
        sigma_intensity: float,
        reconstruction: str,
        cuts_weight: float,
        reconstruction_weight: float,
    ) -> None:
        super().__init__()
        self.classes = classes
        self.radius = radius
        self.sigma_spatial = sigma_spatial
        self.sigma_intensity = sigma_intensity
        self.reconstruction = reconstruction
        self.cuts_weight = cuts_weight
        self.reconstruction_weight = reconstruction_weight
        self.terms: dict[str, torch.Tensor] = {}

    def forward(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The loss of output (B, classes + C, [Z,] Y, X) for the normalised image `target` (B, C or more, [Z,] Y, X).

        Channels of the target beyond C are not looked at: a task may keep a truth there, for scores.
        """
        # sums over a patch leave what 16 bits can hold
        with torch.autocast(output.device.type, enabled=False):
            classes, reconstruction = output.float().split([self.classes, output.shape[1] - self.classes], dim=1)
            image = target[:, : reconstruction.shape[1]].float()
            cuts = soft_normalized_cuts(
                classes.softmax(dim=1),
                image=_rescaled(image),
                radius=self.radius,
                sigma_spatial=self.sigma_spatial,
                sigma_intensity=self.sigma_intensity,
            ).mean()
            if self.reconstruction == "mse":
                error = F.mse_loss(reconstruction, image)
            else:
                error = F.binary_cross_entropy_with_logits(reconstruction, image.clamp(0, 1))
        self.terms = {"normalized_cuts": cuts.detach(), "reconstruction": error.detach()}
        return self.cuts_weight * cuts + self.reconstruction_weight * error


def soft_normalized_cuts(
    probabilities: torch.Tensor, *, image: torch.Tensor, radius: int, sigma_spatial: float, sigma_intensity: float
) -> torch.Tensor:
    """K less the sum over classes of assoc(class, class) / assoc(class, image), one value a patch: (B,).

    assoc(A, B) is the sum of w(u, v) A(u) B(v) over all pixels u and v; 0 means that no weight is cut; classes that are
    the same everywhere reach K - 1.

    Parameters
    ----------
    probabilities
        (B, K, [Z,] Y, X), which sum to 1 over K.
    image
        (B, C, [Z,] Y, X).
    radius
        Pixels no further apart than this are joined by
        w(u, v) = exp(-|u - v|² / `sigma_spatial`²) exp(-|image(u) - image(v)|² / `sigma_intensity`²), others by 0;
        a pixel and itself by 1.

    Notes
    -----
    This is the formula of Xia and Kulis (2017). CellSeg3D compares each pixel with the mean of its class instead of
    with its neighbours, and squares the squared difference once more.
    """
    joined, weight = _weighted_sums(
        probabilities.detach(), image=image, radius=radius, sigma_spatial=sigma_spatial, sigma_intensity=sigma_intensity
    )
    axes = tuple(range(2, image.ndim))
    # assoc(class, class) is quadratic: its gradient is twice `joined`, so that no graph of the shifts is kept
    within = (probabilities * joined).sum(axes)
    within = 2 * within - within.detach()
    total = (probabilities * weight).sum(axes).clamp_min(_SMALLEST)
    return probabilities.shape[1] - (within / total).sum(dim=1)


@torch.no_grad()
def _weighted_sums(
    probabilities: torch.Tensor, *, image: torch.Tensor, radius: int, sigma_spatial: float, sigma_intensity: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Sums over the neighbours v of each pixel: w(u, v) p(v) (B, K, ...), and w(u, v) (B, 1, ...)."""
    joined = probabilities.clone()
    weight = torch.ones_like(image[:, :1])
    for here, there, distance in _neighbours(tuple(image.shape[2:]), radius):
        difference = (image[here] - image[there]).square_().sum(dim=1, keepdim=True)
        w = difference.mul_(-1 / sigma_intensity**2).exp_().mul_(exp(-(distance**2) / sigma_spatial**2))
        weight[here] += w
        weight[there] += w
        joined[here] += w * probabilities[there]
        joined[there] += w * probabilities[here]
    return joined, weight


_Where = tuple[slice, ...]


def _neighbours(shape: tuple[int, ...], radius: int) -> Iterator[tuple[_Where, _Where, float]]:
    """Every pair of pixels at most `radius` apart once: where the one is, where the other, and how far apart they are."""
    for shift in product(range(-radius, radius + 1), repeat=len(shape)):
        distance = sum(step**2 for step in shift) ** 0.5
        if shift <= (0,) * len(shape) or distance > radius:
            continue
        everything = (slice(None), slice(None))
        here = tuple(
            slice(max(0, -step), max(0, length - max(0, step))) for step, length in zip(shift, shape, strict=True)
        )
        there = tuple(
            slice(max(0, step), max(0, length + min(0, step))) for step, length in zip(shift, shape, strict=True)
        )
        yield everything + here, everything + there, distance


def _rescaled(image: torch.Tensor) -> torch.Tensor:
    """Each patch and channel from 0 to 100; 0 where it is even."""
    axes = tuple(range(2, image.ndim))
    low = image.amin(axes, keepdim=True)
    extent = image.amax(axes, keepdim=True) - low
    return (image - low) * torch.where(extent > 0, _INTENSITIES / extent.clamp_min(_SMALLEST), 0.0)
