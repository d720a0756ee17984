"""What predictions shall be whatever the truth is: regularizers of PyTorch Connectomics (Lin et al. 2021)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

import torch
from torch import nn
from torch.nn import functional as F

from nbtrainer.losses.one_hot import Judged, OneHotLoss, mean_of_known
from nbtrainer.losses.pixels import full_precision

# nearer to 0.5, probabilities pay no more
_UNDECIDED = 0.01
# the root has no slope at 0
_TINY = 1e-7


class Decided(OneHotLoss):
    """Mean of 1 / max(|p - 0.5|, 0.01)."""

    def measure(self, pixels: Judged) -> torch.Tensor:
        p = self.chances(pixels)
        return mean_of_known(1 / (p - 0.5).abs().clamp_min(_UNDECIDED), known=pixels.known)


class ChannelRegularizer(nn.Module):
    """Holds output channels against each other; `places`: where each is, by name. Pixels of which nothing is known are left out."""

    def __init__(self, places: Mapping[str, int]) -> None:
        super().__init__()
        self.places = dict(places)

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The regularizer of logits (B, K, [Z,] Y, X); of the target only what is known is looked at."""
        known = ~target.isnan().any(dim=1, keepdim=True)
        any_known = known.any()
        logits = full_precision(logits).masked_fill(~known, 0)
        return mean_of_known(self.disagreement(logits), known=known | ~any_known) * any_known

    @abstractmethod
    def disagreement(self, logits: torch.Tensor) -> torch.Tensor:
        """What each pixel pays, (B, 1, [Z,] Y, X)."""

    def channel(self, logits: torch.Tensor, name: str) -> torch.Tensor:
        """The logits of one channel, (B, 1, [Z,] Y, X)."""
        place = self.places[name]
        return logits[:, place : place + 1]

    def distance(self, logits: torch.Tensor) -> torch.Tensor:
        """The distance from -1 to 1, which is learned as a probability."""
        return 2 * self.channel(logits, "distance").sigmoid() - 1


class ForegroundContour(ChannelRegularizer):
    """Mean of (edge(f) - c)²: the edge of the predicted foreground f, 3 pixels wide, shall be the predicted contour c.

    The edge is the length of the difference between neighbours on both sides, in y and x; the patch's own edge is none.
    """

    def disagreement(self, logits: torch.Tensor) -> torch.Tensor:
        foreground = self.channel(logits, "foreground").sigmoid()
        return (_edge(foreground) - self.channel(logits, "contour").sigmoid()).square()


class ContourDistance(ChannelRegularizer):
    """Mean of (c max(d, 0))²: on a predicted contour c the predicted distance d within objects shall be 0.

    Connectomics takes |d|, of distances that are 0 on both sides of a boundary; ours are -1 in the background.
    """

    def disagreement(self, logits: torch.Tensor) -> torch.Tensor:
        return (self.channel(logits, "contour").sigmoid() * self.distance(logits).relu()).square()


class ForegroundDistance(ChannelRegularizer):
    """Mean of -max(d, 0) log f - max(-d, 0) log(1 - f): the predicted distance d shall be positive in the foreground f alone."""

    def disagreement(self, logits: torch.Tensor) -> torch.Tensor:
        foreground, distance = self.channel(logits, "foreground"), self.distance(logits)
        return -distance.relu() * F.logsigmoid(foreground) - (-distance).relu() * F.logsigmoid(-foreground)


def _edge(foreground: torch.Tensor) -> torch.Tensor:
    planes = foreground.flatten(0, -3)[:, None]  # (planes, 1, Y, X): contours lie in planes
    padded = F.pad(planes, (1, 1, 1, 1), mode="replicate")
    along_y = padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]
    along_x = padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]
    length = (along_y.square() + along_x.square() + _TINY).sqrt().clamp_max(1)
    return F.max_pool2d(length, 3, stride=1, padding=1).view_as(foreground)
