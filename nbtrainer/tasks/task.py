"""What a kind of segmentation is: labels to target, prediction to labels, and what scores compare.

A kind has the settings of its model in `nbtrainer.config.task`, and beside them what is known of the data.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Self, TypeVar

import numpy as np

from nbtrainer import metrics
from nbtrainer.catalog import METRICS, TASKS
from nbtrainer.config.task import TaskSettings
from nbtrainer.config.task.shared import TunedSettings
from nbtrainer.data.overlay import COLOURS, Colour
from nbtrainer.data.pair import Pair
from nbtrainer.data.preparation import to_lists, to_tuples
from nbtrainer.data.roi import IGNORED
from nbtrainer.labels.clean import separate_objects
from nbtrainer.labels.integers import equals
from nbtrainer.labels.match import count_overlaps
from nbtrainer.metrics import MetricState, PerClass, PixelPredictions
from nbtrainer.metrics.objects import count_matches
from nbtrainer.metrics.partitions import measure_partition
from nbtrainer.metrics.surfaces import compare_surfaces

if TYPE_CHECKING:
    import torch  # takes seconds, and the form asks a kind for its metrics

Links = Sequence[tuple[int, int]]
S = TypeVar("S", bound=TaskSettings)


@dataclass(frozen=True, kw_only=True)
class Task(ABC, Generic[S]):
    """One kind of segmentation with its settings, and what it needs to know of the data.

    Attributes
    ----------
    settings
        Those of the kind, whole and judged; not to be changed (`with_settings` makes another task).
    labels_of_interest
        Label values that count; empty: every value except 0. The others are background.
    ignored
        Label value of pixels of which nothing is known: they enter no loss and no score.
    spacing
        Micrometres per pixel along ([z,] y, x); empty: not known, pixels count as cubes.
    """

    settings: S
    labels_of_interest: tuple[int, ...] = ()
    ignored: int = IGNORED
    spacing: tuple[float, ...] = ()

    name: ClassVar[str]
    # what drawn outlines are to this kind: a number an object, the same with crowds of objects, or a number a class
    outlines: ClassVar[Literal["objects", "foreground", "classes"]] = "foreground"
    default_metrics: ClassVar[tuple[str, ...]]
    baseline_name: ClassVar[str]
    # whether the network's last channels are the image, reconstructed
    reconstructs_input: ClassVar[bool] = False
    # whether `target_of_batch` is there; else the processor encodes patch by patch, as where objects must be connected
    encodes_batches: ClassVar[bool] = False

    @classmethod
    def create(cls, *, values: Iterable[int] = (), labels_of_interest: Sequence[int] = (), **known: Any) -> Self:
        """The task for training labels with these values.

        `known`: settings of the kind and attributes of the task, by name; settings that are left out have their defaults.
        """
        return cls.from_record({**known, "labels_of_interest": sorted(set(labels_of_interest) - {0})})

    @classmethod
    def arguments(cls) -> set[str]:
        """Names of what `create` takes."""
        named = {name for name in inspect.signature(cls.create).parameters if name != "known"}
        return named | cls._attributes() | set(cls._settings_model().model_fields)

    def as_record(self) -> dict[str, Any]:
        """Plain values for a checkpoint, of settings and attributes; `from_record` gives the task back."""
        settings = {name: getattr(self.settings, name) for name in type(self.settings).model_fields if name != "kind"}
        return settings | {name: to_lists(getattr(self, name)) for name in self._attributes()}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Self:
        """The task of these settings and attributes; what is missing, as in records of older versions, has its default."""
        attributes = cls._attributes() & record.keys()
        settings = {name: value for name, value in record.items() if name not in attributes}
        return cls(settings=cls._settings_model()(**settings), **{name: to_tuples(record[name]) for name in attributes})

    @classmethod
    def _settings_model(cls) -> type[S]:
        model: type[S] = TASKS.load_settings(cls.name)
        return model

    @classmethod
    def _attributes(cls) -> set[str]:
        """The attributes besides the settings."""
        return {each.name for each in fields(cls)} - {"settings"}

    def with_settings(self, **changed: Any) -> Self:
        """The same task with other values of some settings, which must be right ones."""
        return replace(self, settings=self.settings.model_copy(update=changed))

    @property
    @abstractmethod
    def channels(self) -> tuple[str, ...]:
        """What the network's output channels mean, in order."""

    @property
    def output_channels(self) -> int:
        return len(self.channels)

    @property
    def classes(self) -> tuple[str, ...]:
        """What pixel scores are told for besides their mean; empty if there is only a foreground."""
        return ()

    @property
    def colours(self) -> tuple[Colour, ...]:
        """What classes, or one object after the other, are shown in."""
        return COLOURS

    @property
    def loss_settings(self) -> dict[str, Any]:
        """Arguments of a loss for this task."""
        return {}

    @property
    def candidates(self) -> dict[str, tuple[float, ...]]:
        """What to try for each threshold that has an effect, to find the best on validation images; empty: none is tuned."""
        if not isinstance(self.settings, TunedSettings):
            return {}
        tuned = {name: decoding.candidates for name, decoding in self.settings.decoding().items()}
        return {name: tuned[name] for name in self.in_use if tuned[name]}

    @property
    def decoder(self) -> str:
        """The name of the decoder that is used; empty: the kind has one only."""
        return str(getattr(self.settings, self.settings.decoder_setting)) if self.settings.decoder_setting else ""

    @property
    def adjustable(self) -> tuple[str, ...]:
        """Settings that may be changed after a prediction, without predicting again."""
        return tuple(self.settings.decoding())

    @property
    def in_use(self) -> tuple[str, ...]:
        """Those of `adjustable` that have an effect while the others are as they are."""
        uses = self.settings.decoding().items()
        return tuple(name for name, each in uses if self.decoder in ("", *(each.decoders or (self.decoder,))))

    def may_ignore(self, pairs: Iterable[Pair]) -> bool:
        """Whether labels of `pairs` can hold pixels of which nothing is known."""
        return self.ignored != IGNORED or any(pair.regions or pair.has_crowd for pair in pairs)

    def valid_mask(self, label: np.ndarray) -> np.ndarray:
        """Where something is known: boolean, the shape of `label`."""
        return ~equals(label, self.ignored)

    def is_foreground(self, label: np.ndarray) -> np.ndarray:
        """Where `label` is foreground: boolean, same shape."""
        if self.labels_of_interest:
            return np.isin(label, self.labels_of_interest)
        return (label != 0) & self.valid_mask(label)

    def class_of(self, label: np.ndarray) -> np.ndarray:
        """The class of each pixel of a true label: 0 is background; uint8, same shape."""
        return self.is_foreground(label).astype(np.uint8)

    def predicted_class_of(self, predicted: np.ndarray) -> np.ndarray:
        """The class of each pixel of a label image that `decode` made."""
        return (predicted != 0).astype(np.uint8)

    @abstractmethod
    def encode(self, label: np.ndarray, links: Links = ()) -> np.ndarray:
        """What the network should answer to ([Z,] Y, X) integers: (T, [Z,] Y, X) float32, NaN where nothing is known.

        `links`: pairs of label values that are parts of one object.
        """

    def target(self, image: np.ndarray, label: np.ndarray, links: Links = ()) -> np.ndarray:
        """What the loss compares with the network's answer to image (C, [Z,] Y, X): the label encoded, in most kinds."""
        return self.encode(label, links)

    def target_of_batch(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """`target` of a batch in torch: images (B, C, [Z,] Y, X), labels (B, [Z,] Y, X) int64 on the same device."""
        raise NotImplementedError(f"{self.name} is encoded patch by patch")

    @abstractmethod
    def pixels(self, output: torch.Tensor, target: torch.Tensor) -> PixelPredictions:
        """What pixel scores compare, of network output (B, K, [Z,] Y, X) and encoded targets (B, T, [Z,] Y, X)."""

    @abstractmethod
    def probability_maps(self, raw: np.ndarray) -> dict[str, np.ndarray]:
        """Network output (K, [Z,] Y, X) as maps for people, each ([Z,] Y, X) float32, probabilities from 0 to 1."""

    def compared_probabilities(self, raw: np.ndarray) -> np.ndarray:
        """What of network output (K, [Z,] Y, X) tells how much several models agree: (C, [Z,] Y, X) float32, the probability
        of foreground (C is 1), or of each class in the order of the output."""
        return next(iter(self.probability_maps(raw).values()))[np.newaxis]

    @abstractmethod
    def decode(self, raw: np.ndarray) -> np.ndarray:
        """Network output (K, [Z,] Y, X) as labels ([Z,] Y, X)."""

    @abstractmethod
    def baseline(self, image: np.ndarray) -> np.ndarray:
        """Labels of image (C, [Z,] Y, X) by a trivial method, which a network has to beat."""

    @property
    def has_objects(self) -> bool:
        """Whether `objects` finds any, so that scores of objects can be measured; not known before of some kinds."""
        return self.objects(np.zeros((1,) * 2, np.uint8)) is not None

    def measures(self, metric: str) -> bool:
        """Whether `metric` can be measured for this task."""
        entry = METRICS[metric]
        return entry.suits(self.name) and (entry.of not in ("objects", "partitions") or self.has_objects)

    def objects(self, label: np.ndarray, links: Links = ()) -> np.ndarray | None:
        """The objects of a true label, each with an id of its own, for scores of objects; None: this kind has none."""
        return None

    def separated(self, label: np.ndarray, links: Links = ()) -> np.ndarray:
        """The foreground of a true label, each part of a value that does not touch the others with an id of its own."""
        return separate_objects(np.where(self.is_foreground(label), label, 0), links)

    def undo_flip_rotation(self, raw: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        """Network output (K, [Z,] Y, X) for a turned image, of which each pixel was put back in its place already.

        What has a direction follows here: `matrix` takes a step in the turned image to one in the image.
        """
        return raw

    def tally(self, raw: np.ndarray, *, label: np.ndarray, names: Iterable[str], links: Links = ()) -> MetricState:
        """What the metrics of these names need of network output (K, [Z,] Y, X) and the true label."""
        import torch

        inputs = metrics.metric_inputs(names)
        state = MetricState()
        of_pixels = inputs & {"pixels", "probabilities"}
        if of_pixels:
            target = self.encode(label, links)
            compared = self.pixels(torch.from_numpy(raw)[None], torch.from_numpy(target)[None])
            state.parts |= metrics.of_pixels(compared, of_pixels)
        if inputs - of_pixels:
            state += self._tally_of_labels(self.decode(raw), label, inputs - of_pixels, links)
        return state

    def tally_labels(
        self, predicted: np.ndarray, label: np.ndarray, names: Iterable[str], links: Links = ()
    ) -> MetricState:
        """The same of a predicted label image."""
        return self._tally_of_labels(predicted, label, metrics.metric_inputs(names), links)

    def _tally_of_labels(self, predicted: np.ndarray, label: np.ndarray, inputs: set[str], links: Links) -> MetricState:
        state = MetricState()
        known = self.valid_mask(label)
        of_pixels = inputs & {"pixels", "probabilities"}
        if of_pixels or "surfaces" in inputs:
            answers, truth = self.predicted_class_of(predicted), self.class_of(label)
        if of_pixels:
            classes = range(len(self.classes) + 1) if self.classes else (1,)
            own = np.stack([answers == each for each in classes])[None]
            true = np.stack([truth == each for each in classes])[None].astype(np.float32)
            true[:, :, ~known] = np.nan
            state.parts |= metrics.of_pixels(PixelPredictions(own * 1.0, own, true), of_pixels)
        if "surfaces" in inputs:
            spacing = self.spacing or (1.0,) * label.ndim
            classes = range(1, max(1, len(self.classes)) + 1)
            state.parts["surfaces"] = PerClass(
                tuple(
                    compare_surfaces(answers == each, truth == each, spacing=spacing, valid_mask=known)
                    for each in classes
                )
            )
        if inputs & {"objects", "partitions"}:
            objects = self.objects(label, links)
            assert objects is not None, f"{self.name} has no objects to score"
            shared = count_overlaps(predicted, objects, known)
            state.parts["objects"], state.parts["partitions"] = count_matches(shared), measure_partition(shared)
        return state
