"""Foreground and background: one channel, the probability of foreground."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

from nbtrainer import metrics
from nbtrainer.data.pair import Pair
from nbtrainer.data.region import IGNORED
from nbtrainer.metrics import Counts


@dataclass(frozen=True)
class Binary:
    """What is foreground in a label image, and how a prediction is written as one.

    Attributes
    ----------
    foreground
        The value that predictions write for foreground.
    labels_of_interest
        Label values that count as foreground; empty: every value except 0.
    threshold
        Probability above which a pixel is foreground.
    ignored
        Label value of pixels of which nothing is known: they are neither, and enter no loss and no score.
    """

    foreground: int = 1
    labels_of_interest: tuple[int, ...] = ()
    threshold: float = 0.5
    ignored: int = IGNORED

    name: ClassVar[str] = "binary"
    output_channels: ClassVar[int] = 1
    default_loss: ClassVar[str] = "bce_dice"
    default_metrics: ClassVar[tuple[str, ...]] = ("dice", "iou")
    baseline_name: ClassVar[str] = "Otsu's threshold"

    @classmethod
    def from_values(
        cls, values: Iterable[int], labels_of_interest: Sequence[int], threshold: float, ignored: int = IGNORED
    ) -> Binary:
        """The task for training labels with these values: predictions write the foreground's value if there is just one, else 1."""
        wanted = set(labels_of_interest) - {0}
        found = {value for value in values if value not in (0, ignored) and (not wanted or value in wanted)}
        return cls(found.pop() if len(found) == 1 else 1, tuple(sorted(wanted)), threshold, ignored)

    def as_record(self) -> dict[str, Any]:
        """Plain values for a checkpoint; `Binary(**record)` gives the task back."""
        return asdict(self) | {"labels_of_interest": list(self.labels_of_interest)}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Binary:
        return cls(**{**record, "labels_of_interest": tuple(record["labels_of_interest"])})

    def may_ignore(self, pairs: Iterable[Pair]) -> bool:
        """Whether labels of `pairs` can hold pixels of which nothing is known."""
        return self.ignored != IGNORED or any(pair.regions for pair in pairs)

    def known(self, label: np.ndarray) -> np.ndarray:
        """Where something is known: boolean, the shape of `label`."""
        return label != self.ignored

    def is_foreground(self, label: np.ndarray) -> np.ndarray:
        """Where `label` is foreground: boolean, same shape."""
        if self.labels_of_interest:
            return np.isin(label, self.labels_of_interest)
        return (label != 0) & self.known(label)

    def class_of(self, label: np.ndarray) -> np.ndarray:
        """The class of each pixel for balanced sampling: 1 in the foreground, else 0; uint8, same shape."""
        return self.is_foreground(label).astype(np.uint8)

    def encode(self, label: np.ndarray) -> np.ndarray:
        """What the network should answer to ([Z,] Y, X) integers: (1, [Z,] Y, X) float32, 1 in the foreground, NaN where nothing is known."""
        target = self.is_foreground(label).astype(np.float32)
        target[~self.known(label)] = np.nan
        return target[np.newaxis]

    def probability(self, raw: np.ndarray) -> np.ndarray:
        """Network output (1, [Z,] Y, X), logits, as probabilities ([Z,] Y, X)."""
        return (0.5 * (1 + np.tanh(0.5 * raw[0]))).astype(np.float32)

    def decode(self, raw: np.ndarray) -> np.ndarray:
        """Network output (1, [Z,] Y, X), logits, as labels ([Z,] Y, X): 0 and the foreground's value."""
        kind = np.uint8 if self.foreground < 2**8 else np.uint16 if self.foreground < 2**16 else np.uint32
        return np.where(self.probability(raw) > self.threshold, self.foreground, 0).astype(kind)

    def count(self, raw: np.ndarray, label: np.ndarray) -> Counts:
        """Counts of network output against the label image, where something is known."""
        return self._count(self.probability(raw), label)

    def score_labels(self, predicted: np.ndarray, label: np.ndarray, names: list[str]) -> dict[str, float]:
        """Scores of a predicted label image against the true one."""
        return metrics.scores(self._count((predicted != 0) * 1.0, label), names)

    def _count(self, probability: np.ndarray, label: np.ndarray) -> Counts:
        known = self.known(label)
        if known.all():
            return metrics.count(probability, self.is_foreground(label), self.threshold)
        return metrics.count(probability[known], self.is_foreground(label)[known], self.threshold)

    def baseline(self, image: np.ndarray) -> np.ndarray:
        """Foreground of image (C, [Z,] Y, X) by Otsu's threshold on the mean of its channels: brighter is foreground."""
        from skimage.filters import threshold_otsu

        grey = image.mean(axis=0)
        return (
            (grey > threshold_otsu(grey)).astype(np.uint8) * self.foreground
            if grey.min() < grey.max()
            else np.zeros(grey.shape, np.uint8)
        )
