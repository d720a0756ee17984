"""Single objects by their distance and flow, as Omnipose learns them; for objects of any shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from nbtrainer.labels.flow.fields import flow_fields
from nbtrainer.labels.flow.masks import Method, masks_from_fields
from nbtrainer.metrics import PixelPredictions
from nbtrainer.tasks.objects import Objects
from nbtrainer.tasks.task import Links, sigmoid

if TYPE_CHECKING:
    import torch

# Omnipose's: what the flow is multiplied by, and the distance in the background
_FLOW, _BACKGROUND = 5.0, -5.0
# what is tried for each threshold; the first of equals stays
_TRIED: dict[str, tuple[float, ...]] = {
    "mask_threshold": (0.0, -0.5, 0.5, -1.0, 1.0, 1.5, -2.0),
    "flow_threshold": (0.4, 0.0, 0.2, 0.8),
    "min_border_depth": (0.55, 0.45, 0.65, 0.75, 0.35, 0.9),
}


@dataclass(frozen=True, kw_only=True)
class InstanceFlow(Objects):
    """How objects are found in distance and flow.

    Attributes
    ----------
    dim
        2 for images, 3 for volumes.
    with_boundary
        Whether a channel holds the boundary (Omnipose's nclasses 3; without it 2).
    decode_by
        How pixels become objects: see `labels.flow.masks`.
    mask_threshold
        Distance above which a pixel belongs to an object.
    min_border_depth
        For "join": depth in pixels of the border between two parts that are one object.
    flow_threshold
        Objects whose own flow differs by more are dropped; 0: none is.
    hole_size
        Holes up to this share of their object, in percent, are filled.
    """

    dim: int = 2
    with_boundary: bool = False
    decode_by: Method = "join"
    mask_threshold: float = 0.0
    min_border_depth: float = 0.55
    flow_threshold: float = 0.4
    hole_size: float = 3.0

    name: ClassVar[str] = "instance_flow"
    default_loss: ClassVar[str] = "omnipose"
    adjustable: ClassVar[tuple[str, ...]] = (
        *("decode_by", "mask_threshold", "min_border_depth", "flow_threshold", "hole_size", "min_object_size"),
    )

    @property
    def channels(self) -> tuple[str, ...]:
        flows = [f"flow {axis}" for axis in "zyx"[-self.dim :]]
        return (*flows, "distance", *(("boundary",) if self.with_boundary else ()))

    @property
    def candidates(self) -> dict[str, tuple[float, ...]]:
        names = ("mask_threshold", "flow_threshold", *(("min_border_depth",) if self.decode_by == "join" else ()))
        return {name: _TRIED[name] for name in names}

    @property
    def in_use(self) -> tuple[str, ...]:
        return tuple(name for name in self.adjustable if name != "min_border_depth" or self.decode_by == "join")

    def encode(self, label: np.ndarray, links: Links = ()) -> np.ndarray:
        """(d + 2, [Z,] Y, X) float32: 5 times the flow (z, y, x), the distance (-5 in the background), the boundary (0, 1).

        Nothing is known of objects that touch pixels of which nothing is known: where they end is not.
        """
        # linked parts are one object only where they touch, so that ids stay apart here
        objects = np.where(self.is_foreground(label), label, 0)
        fields = flow_fields(objects, links, self._spacing)
        target = np.empty((self.dim + 2, *label.shape), np.float32)
        target[: self.dim] = _FLOW * fields.flow
        target[self.dim] = np.where(objects != 0, fields.distance, _BACKGROUND)
        target[self.dim + 1] = fields.boundary
        unknown = ~self.valid_mask(label)
        if unknown.any():
            target[:, unknown | _touching(objects, unknown)] = np.nan
        return target

    def pixels(self, output: torch.Tensor, target: torch.Tensor) -> PixelPredictions:
        """Of the foreground, by the distance."""
        distance, truth = output[:, self.dim : self.dim + 1], target[:, self.dim : self.dim + 1]
        is_true = (truth > 0).to(truth.dtype) + 0 * truth  # + NaN where nothing is known
        return PixelPredictions((distance - self.mask_threshold).sigmoid(), distance > self.mask_threshold, is_true)

    def probability_maps(self, raw: np.ndarray) -> dict[str, np.ndarray]:
        """Flows (about 1 long), the distance in pixels, and the probability of boundary."""
        planes = [*(raw[: self.dim] / _FLOW), raw[self.dim], *map(sigmoid, raw[self.dim + 1 :])]
        return {name: map_.astype(np.float32) for name, map_ in zip(self.channels, planes, strict=True)}

    def decode(self, raw: np.ndarray) -> np.ndarray:
        """Network output (d + 1 or d + 2, [Z,] Y, X) as labels ([Z,] Y, X): 0 and an id 1, 2, 3 ... for each object."""
        return masks_from_fields(
            raw[self.dim],
            raw[: self.dim] / _FLOW,
            raw[self.dim + 1] if self.with_boundary else None,
            spacing=self._spacing,
            mask_threshold=self.mask_threshold,
            method=self.decode_by,
            min_border_depth=self.min_border_depth,
            flow_threshold=self.flow_threshold,
            hole_size=self.hole_size,
            min_size=self.min_object_size,
        )

    def undo_flip_rotation(self, raw: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        """The flow turns with the image; `matrix` takes a step in the turned image to one in the image."""
        result = raw.copy()
        result[: self.dim] = np.einsum("ij,j...->i...", np.asarray(matrix), raw[: self.dim])
        return result

    @property
    def _spacing(self) -> tuple[float, ...] | None:
        return self.spacing or None


def _touching(labels: np.ndarray, ignore_mask: np.ndarray) -> np.ndarray:
    """Pixels of objects that have a neighbour in `unknown`, or overlap its rim."""
    from scipy.ndimage import binary_dilation

    near = np.unique(labels[binary_dilation(ignore_mask, iterations=1)])
    return np.isin(labels, near[near != 0])
