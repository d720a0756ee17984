"""Foreground and background: one channel, the probability of foreground."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from nbtrainer.config.task.binary import BinarySettings
from nbtrainer.data.roi import IGNORED
from nbtrainer.metrics import PixelPredictions
from nbtrainer.tasks.probabilities import otsu, sigmoid, smallest_type
from nbtrainer.tasks.task import Links, Task

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class Binary(Task[BinarySettings]):
    """What is foreground in a label image, and how a prediction is written as one.

    Attributes
    ----------
    foreground
        The value that predictions write for foreground.
    """

    foreground: int = 1

    name: ClassVar[str] = "binary"
    default_metrics: ClassVar[tuple[str, ...]] = ("dice", "iou")
    baseline_name: ClassVar[str] = "Otsu's threshold"
    encodes_batches: ClassVar[bool] = True

    @classmethod
    def create(cls, *, values: Iterable[int] = (), labels_of_interest: Sequence[int] = (), **known: Any) -> Self:
        """The task for training labels with these values: predictions write the foreground's value if there is just one, else 1."""
        of_interest = set(labels_of_interest) - {0}
        unknown = (0, known.get("ignored", IGNORED))
        foreground_values = {
            value for value in values if value not in unknown and (not of_interest or value in of_interest)
        }
        foreground = foreground_values.pop() if len(foreground_values) == 1 else 1
        return super().create(labels_of_interest=labels_of_interest, foreground=foreground, **known)

    @property
    def channels(self) -> tuple[str, ...]:
        return ("foreground",)

    def encode(self, label: np.ndarray, links: Links = ()) -> np.ndarray:
        target = self.is_foreground(label).astype(np.float32)
        target[~self.valid_mask(label)] = np.nan
        return target[np.newaxis]

    def target_of_batch(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        from nbtrainer.tasks.batch_targets import (
            foreground_target,
        )  # brings torch, and the form asks a kind for its metrics

        return foreground_target(labels, self.labels_of_interest, ignored=self.ignored)

    def pixels(self, output: torch.Tensor, target: torch.Tensor) -> PixelPredictions:
        probability = output.sigmoid()
        return PixelPredictions(probability, probability > self.settings.threshold, target)

    def probability_maps(self, raw: np.ndarray) -> dict[str, np.ndarray]:
        return {"foreground": sigmoid(raw[0])}

    def decode(self, raw: np.ndarray) -> np.ndarray:
        """Network output (1, [Z,] Y, X), logits, as labels ([Z,] Y, X): 0 and the foreground's value."""
        is_foreground = sigmoid(raw[0]) > self.settings.threshold
        return np.where(is_foreground, self.foreground, 0).astype(smallest_type(self.foreground))

    def baseline(self, image: np.ndarray) -> np.ndarray:
        """Brighter than Otsu's threshold is foreground."""
        return otsu(image).astype(smallest_type(self.foreground)) * smallest_type(self.foreground)(self.foreground)
