"""Several classes: one channel for each, the background first; every pixel belongs to one of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np

from nbtrainer.config.task.semantic import SemanticSettings
from nbtrainer.data.overlay import Colour
from nbtrainer.data.roi import IGNORED
from nbtrainer.errors import SettingError
from nbtrainer.labels.labels_of_interest import LabelLookup
from nbtrainer.metrics import PixelPredictions
from nbtrainer.tasks.probabilities import smallest_type, softmax
from nbtrainer.tasks.task import Links, Task

if TYPE_CHECKING:
    import torch

# a class of one pixel in a million must not outweigh the rest a millionfold
_HEAVIEST = 10.0


@dataclass(frozen=True, kw_only=True)
class Semantic(Task[SemanticSettings]):
    """Which label values are classes.

    Attributes
    ----------
    class_values
        Label value of each class, in the order of the channels; 0, the background, first.
    class_names
        A name for each class.
    frequencies
        Share of the training pixels that each class has; empty: not counted.
    class_weights
        How much a pixel of each class counts in the loss; empty: all the same.
    """

    class_values: tuple[int, ...] = (0, 1)
    class_names: tuple[str, ...] = ("background", "1")
    frequencies: tuple[float, ...] = ()
    class_weights: tuple[float, ...] = ()

    name: ClassVar[str] = "semantic"
    outlines: ClassVar[Literal["objects", "foreground", "classes"]] = "classes"
    default_metrics: ClassVar[tuple[str, ...]] = ("dice", "iou")
    baseline_name: ClassVar[str] = "the most frequent class"
    encodes_batches: ClassVar[bool] = True

    @classmethod
    def create(
        cls,
        *,
        values: Iterable[int] = (),
        labels_of_interest: Sequence[int] = (),
        class_names: Sequence[str] = (),
        class_weights: Literal["none", "auto"] | Sequence[float] = "none",
        frequencies: dict[int, float] | None = None,
        **known: Any,
    ) -> Self:
        """The task for training labels with these values, or for those of interest among them, in that order.

        `class_names` name the classes besides the background, in the order of `labels_of_interest`, else of the values.
        `frequencies`: share of the training pixels by label value, for weights from the data.
        """
        of_interest = [value for value in dict.fromkeys(labels_of_interest) if value != 0]
        classes = of_interest or sorted({int(value) for value in values} - {0, known.get("ignored", IGNORED)})
        if len(class_names) > len(classes) > 0:
            raise SettingError(
                "task.class_names",
                f"there are {len(class_names)} names for {len(classes)} classes",
                "Name the classes besides the background, or list them in data.labels_of_interest",
            )
        names = [*class_names[: len(classes)], *map(str, classes[len(class_names) :])]
        shares = _shares(frequencies, classes)
        return cls.from_record(
            {
                **known,
                "class_values": (0, *classes),
                "class_names": ("background", *names),
                "labels_of_interest": of_interest,
                "frequencies": shares,
                "class_weights": _weights(class_weights, shares),
            }
        )

    @property
    def channels(self) -> tuple[str, ...]:
        return self.class_names

    @property
    def colours(self) -> tuple[Colour, ...]:
        given = tuple(_rgb(colour) for colour in self.settings.class_colours[: len(self.classes)])
        return given + super().colours[len(given) :]

    @property
    def classes(self) -> tuple[str, ...]:
        return self.class_names[1:]

    @property
    def loss_settings(self) -> dict[str, Any]:
        return {"classes": len(self.class_values), "class_weights": self.class_weights or None}

    def class_of(self, label: np.ndarray) -> np.ndarray:
        """The class of each pixel: its place among `class_values`, 0 for every other value."""
        return self._lookup.apply(label)

    def predicted_class_of(self, predicted: np.ndarray) -> np.ndarray:
        return self.class_of(predicted)

    def is_foreground(self, label: np.ndarray) -> np.ndarray:
        return self.class_of(label) > 0

    @cached_property
    def _lookup(self) -> LabelLookup:
        return LabelLookup(self.class_values)

    def __post_init__(self) -> None:
        for colour in self.settings.class_colours:
            _rgb(colour)
        twice = {name for name in self.class_names if self.class_names.count(name) > 1}
        if twice:
            wrong = f"{min(twice)!r} names two classes" + (" (it is the first of all)" if "background" in twice else "")
            raise SettingError("task.class_names", wrong, "Give each class a name of its own")

    def encode(self, label: np.ndarray, links: Links = ()) -> np.ndarray:
        """The class of each pixel as (1, [Z,] Y, X) float32, NaN where nothing is known."""
        target = self.class_of(label).astype(np.float32)
        target[~self.valid_mask(label)] = np.nan
        return target[np.newaxis]

    def target_of_batch(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        from nbtrainer.tasks.batch_targets import class_target  # brings torch, and the form asks a kind for its metrics

        return class_target(labels, self.class_values, ignored=self.ignored)

    def pixels(self, output: torch.Tensor, target: torch.Tensor) -> PixelPredictions:
        classes = output.new_tensor(range(output.shape[1])).view(1, -1, *[1] * (output.ndim - 2))
        truth = (target == classes).float() + 0 * target  # + NaN where nothing is known
        return PixelPredictions(output.softmax(1), output.argmax(1, keepdim=True) == classes, truth)

    def probability_maps(self, raw: np.ndarray) -> dict[str, np.ndarray]:
        return dict(zip(self.class_names, softmax(raw), strict=True))

    def compared_probabilities(self, raw: np.ndarray) -> np.ndarray:
        return softmax(raw)

    def decode(self, raw: np.ndarray) -> np.ndarray:
        """Network output (K, [Z,] Y, X) as the label value of the most likely class of each pixel."""
        values = np.array(self.class_values, smallest_type(max(self.class_values)))
        return values[raw.argmax(axis=0)]

    def baseline(self, image: np.ndarray) -> np.ndarray:
        """The class that most training pixels have, everywhere."""
        commonest = self.class_values[int(np.argmax(self.frequencies))] if self.frequencies else 0
        return np.full(image.shape[1:], commonest, smallest_type(max(self.class_values)))


def _rgb(colour: str) -> Colour:
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
        raise SettingError("task.class_colours", f"{colour!r} is no colour", "Write it as #rrggbb, for example #009e73")
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _shares(frequencies: dict[int, float] | None, classes: Sequence[int]) -> tuple[float, ...]:
    if not frequencies:
        return ()
    own = [float(frequencies.get(value, 0.0)) for value in classes]
    return (1 - sum(own), *own)


def _weights(class_weights: Literal["none", "auto"] | Sequence[float], shares: Sequence[float]) -> tuple[float, ...]:
    """One over the root of each class's share, as a share of their mean: rare classes count more, but not all."""
    if not isinstance(class_weights, str):
        return tuple(float(weight) for weight in class_weights)
    if class_weights == "none" or not shares:
        return ()
    raw = 1 / np.sqrt(np.maximum(shares, 1e-12))
    raw = np.minimum(raw / raw.min(), _HEAVIEST)
    return tuple((raw / raw.mean()).tolist())
