"""Single objects by their distance and flow, as Omnipose learns them; for objects of any shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from nbtrainer.config.task.instance_flow import InstanceFlowSettings
from nbtrainer.labels.flow.fields import flow_fields
from nbtrainer.labels.flow.masks import masks_from_fields
from nbtrainer.metrics import PixelPredictions
from nbtrainer.tasks.objects import ObjectTask
from nbtrainer.tasks.probabilities import sigmoid
from nbtrainer.tasks.task import Links

if TYPE_CHECKING:
    import torch

# Omnipose's: what the flow is multiplied by, and the distance in the background
_FLOW, _BACKGROUND = 5.0, -5.0


@dataclass(frozen=True, kw_only=True)
class InstanceFlow(ObjectTask[InstanceFlowSettings]):
    """How objects are found in distance and flow."""

    name: ClassVar[str] = "instance_flow"

    @property
    def channels(self) -> tuple[str, ...]:
        flows = [f"flow {axis}" for axis in "zyx"[-self.settings.dim :]]
        return (*flows, "distance", *(("boundary",) if self.settings.with_boundary else ()))

    def encode(self, label: np.ndarray, links: Links = ()) -> np.ndarray:
        """(d + 2, [Z,] Y, X) float32: 5 times the flow (z, y, x), the distance (-5 in the background), the boundary (0, 1).

        Nothing is known of objects that touch pixels of which nothing is known: where they end is not.
        """
        # linked parts are one object only where they touch, so that ids stay apart here
        objects = np.where(self.is_foreground(label), label, 0)
        fields = flow_fields(objects, links, self._spacing)
        target = np.empty((self.settings.dim + 2, *label.shape), np.float32)
        target[: self.settings.dim] = _FLOW * fields.flow
        target[self.settings.dim] = np.where(objects != 0, fields.distance, _BACKGROUND)
        target[self.settings.dim + 1] = fields.boundary
        unknown = ~self.valid_mask(label)
        if unknown.any():
            target[:, unknown | _touching(objects, ignore_mask=unknown)] = np.nan
        return target

    def pixels(self, output: torch.Tensor, target: torch.Tensor) -> PixelPredictions:
        """Of the foreground, by the distance."""
        distance, truth = (
            output[:, self.settings.dim : self.settings.dim + 1],
            target[:, self.settings.dim : self.settings.dim + 1],
        )
        is_true = (truth > 0).to(truth.dtype) + 0 * truth  # + NaN where nothing is known
        return PixelPredictions(
            (distance - self.settings.mask_threshold).sigmoid(), distance > self.settings.mask_threshold, is_true
        )

    def probability_maps(self, raw: np.ndarray) -> dict[str, np.ndarray]:
        """Flows (about 1 long), the distance in pixels, and the probability of boundary."""
        planes = [
            *(raw[: self.settings.dim] / _FLOW),
            raw[self.settings.dim],
            *map(sigmoid, raw[self.settings.dim + 1 :]),
        ]
        return {name: map_.astype(np.float32) for name, map_ in zip(self.channels, planes, strict=True)}

    def compared_probabilities(self, raw: np.ndarray) -> np.ndarray:
        """As for pixel scores: of the distance above the threshold of the mask, as a logit."""
        distance = raw[self.settings.dim] - self.settings.mask_threshold
        return sigmoid(distance)[np.newaxis]

    def decode(self, raw: np.ndarray) -> np.ndarray:
        """Network output (d + 1 or d + 2, [Z,] Y, X) as labels ([Z,] Y, X): 0 and an id 1, 2, 3 ... for each object."""
        return masks_from_fields(
            raw[self.settings.dim],
            flow=raw[: self.settings.dim] / _FLOW,
            boundary=raw[self.settings.dim + 1] if self.settings.with_boundary else None,
            spacing=self._spacing,
            mask_threshold=self.settings.mask_threshold,
            method=self.decoder,
            min_border_depth=self.settings.min_border_depth,
            flow_threshold=self.settings.flow_threshold,
            hole_size=self.settings.hole_size,
            min_size=self.settings.min_object_size,
        )

    def undo_flip_rotation(self, raw: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        """The flow turns with the image; `matrix` takes a step in the turned image to one in the image."""
        result = raw.copy()
        result[: self.settings.dim] = np.einsum("ij,j...->i...", np.asarray(matrix), raw[: self.settings.dim])
        return result

    @property
    def _spacing(self) -> tuple[float, ...] | None:
        return self.spacing or None


def _touching(labels: np.ndarray, *, ignore_mask: np.ndarray) -> np.ndarray:
    """Pixels of objects that have a neighbour in `ignore_mask`, or overlap its rim."""
    from scipy.ndimage import binary_dilation

    near = np.unique(labels[binary_dilation(ignore_mask, iterations=1)])
    return np.isin(labels, near[near != 0])
