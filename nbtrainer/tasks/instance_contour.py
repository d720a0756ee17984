"""Single objects by foreground and contour, with a distance and affinities if wished, as PyTorch Connectomics learns them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from nbtrainer.errors import UserError
from nbtrainer.labels import affinity, watershed
from nbtrainer.labels.clean import Small
from nbtrainer.labels.contour import contour
from nbtrainer.labels.distance import relative_distance
from nbtrainer.metrics import PixelPredictions
from nbtrainer.tasks.objects import Objects
from nbtrainer.tasks.task import Links, sigmoid

if TYPE_CHECKING:
    import torch

Affinities = Literal["none", "nearest", "long_range"]
Decoder = Literal["auto", "binary_connected", "binary_watershed", "bc_watershed", "bcd_watershed", "mutex_watershed"]

# what is tried for each threshold; the middle first, so that of equals the moderate one stays
_PROBABILITIES = (0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8, 0.9)
_TRIED: dict[str, tuple[float, ...]] = {
    "threshold": _PROBABILITIES,
    "seed_threshold": (*_PROBABILITIES, 0.95),
    "contour_threshold": _PROBABILITIES,
    "seed_distance": (0.5, 0.3, 0.1, 0.0, 0.7),
    "mask_distance": (-1.0, -0.5, 0.0),
    "affinity_threshold": _PROBABILITIES,
}
_THRESHOLDS: dict[str, tuple[str, ...]] = {
    "binary_connected": ("threshold",),
    "binary_watershed": ("threshold", "seed_threshold"),
    "bc_watershed": ("threshold", "seed_threshold", "contour_threshold"),
    "bcd_watershed": ("threshold", "seed_threshold", "contour_threshold", "seed_distance", "mask_distance"),
    "mutex_watershed": ("threshold", "affinity_threshold"),
}


@dataclass(frozen=True, kw_only=True)
class InstanceContour(Objects):
    """What the network learns of each object, and how objects are found in what it answers.

    Attributes
    ----------
    dim
        2 for images, 3 for volumes.
    contour_width
        Pixels of contour on either side of an edge.
    contour_with_background
        Whether the edge between an object and background is contour too, or only that between two objects.
    contours_in_plane
        Of a volume, whether contours lie in the slices, or also between them.
    with_distance
        Whether a channel holds the depth in the object, as a share of its greatest.
    affinities
        Whether channels say which neighbours ("nearest"), and which pixels farther apart ("long_range"), belong together.
    contour_weight, distance_weight, affinity_weight
        How much each of them counts in the loss beside the foreground.
    decoder
        How objects are found; "auto": the one that uses all channels.
    threshold
        Probability above which a pixel is part of an object.
    seed_threshold
        Probability of foreground above which a pixel may be part of a seed.
    contour_threshold
        Probability of contour below which it may.
    seed_distance, mask_distance
        Distance (-1 to 1) above which a pixel may be part of a seed, of an object; -1: all are.
    affinity_threshold
        Probability above which two neighbours belong together.
    min_object_size, min_seed_size
        Size in pixels below which an object becomes what `small_objects` says, and a seed none.
    small_objects
        "background", part of the "neighbour" that is touched most, or "none": they stay.
    keep_unseeded
        Whether foreground without a seed is an object, or background.
    slice_by_slice
        Whether a volume is a series of images: objects, targets and decoding are those of each slice.
    """

    dim: int = 2
    contour_width: int = 1
    contour_with_background: bool = True
    contours_in_plane: bool = True
    with_distance: bool = False
    affinities: Affinities = "none"
    contour_weight: float = 1.0
    distance_weight: float = 1.0
    affinity_weight: float = 1.0
    decoder: Decoder = "auto"
    threshold: float = 0.5
    seed_threshold: float = 0.5
    contour_threshold: float = 0.5
    seed_distance: float = 0.5
    mask_distance: float = -1.0
    affinity_threshold: float = 0.5
    min_seed_size: int = 4
    small_objects: Small = "background"
    keep_unseeded: bool = False
    slice_by_slice: bool = False

    name: ClassVar[str] = "instance_contour"
    default_loss: ClassVar[str] = "bce_dice"
    adjustable: ClassVar[tuple[str, ...]] = (
        *("decoder", "threshold", "seed_threshold", "contour_threshold", "seed_distance", "mask_distance"),
        *("affinity_threshold", "min_object_size", "min_seed_size", "small_objects", "keep_unseeded"),
    )

    def __post_init__(self) -> None:
        if self.decoder == "bcd_watershed" and not self.with_distance:
            raise UserError(
                "task.decoder",
                "bcd_watershed needs the distance, which is not learned",
                "Set task.with_distance, or choose auto",
                suggestions=("auto",),
            )
        if self.decoder == "mutex_watershed" and self.affinities == "none":
            raise UserError(
                "task.decoder",
                "mutex_watershed needs affinities, which are not learned",
                "Choose task.affinities nearest or long_range, or the decoder auto",
                suggestions=("auto",),
            )

    @property
    def offsets(self) -> tuple[affinity.Offset, ...]:
        """The step of each channel of affinities."""
        if self.affinities == "none":
            return ()
        flat = self.dim == 3 and self.slice_by_slice
        dim = 2 if flat else self.dim
        offsets = affinity.nearest_offsets(dim)
        if self.affinities == "long_range":
            offsets += affinity.long_range_offsets(dim, self.spacing or None)
        return tuple((0, *offset) for offset in offsets) if flat else offsets

    @property
    def channels(self) -> tuple[str, ...]:
        steps = tuple(
            f"affinity {' '.join(f'{step:+d}' if step else '0' for step in offset)}" for offset in self.offsets
        )
        return ("foreground", "contour", *(("distance",) if self.with_distance else ()), *steps)

    @property
    def loss_settings(self) -> dict[str, Any]:
        from nbtrainer.losses.targets import Target  # brings torch, and the form asks a kind for its metrics

        targets = [Target("foreground", 1), Target("contour", 1, self.contour_weight)]
        if self.with_distance:
            targets.append(Target("distance", 1, self.distance_weight, "mean_squared_error"))
        if self.offsets:
            targets.append(Target("affinities", len(self.offsets), self.affinity_weight))
        return {"targets": targets}

    @property
    def chosen_decoder(self) -> str:
        """The decoder, "auto" resolved."""
        if self.decoder != "auto":
            return self.decoder
        if self.affinities != "none":
            return "mutex_watershed"
        return "bcd_watershed" if self.with_distance else "bc_watershed"

    @property
    def candidates(self) -> dict[str, tuple[float, ...]]:
        """What to try for each threshold of the decoder (`nbtrainer.tasks.tuned`)."""
        return {name: _TRIED[name] for name in _THRESHOLDS[self.chosen_decoder]}

    @property
    def in_use(self) -> tuple[str, ...]:
        decoder = self.chosen_decoder
        has_seeds = decoder in ("binary_watershed", "bc_watershed", "bcd_watershed")
        used = {"decoder", *_THRESHOLDS[decoder], "min_object_size", "small_objects"}
        used |= {"min_seed_size", "keep_unseeded"} if has_seeds else set()
        return tuple(name for name in self.adjustable if name in used)

    def objects(self, label: np.ndarray, links: Links = ()) -> np.ndarray:
        if self.slice_by_slice and label.ndim == 3:
            return watershed.by_slice(lambda plane: self.objects(plane, links), label)
        return super().objects(label, links)

    def encode(self, label: np.ndarray, links: Links = ()) -> np.ndarray:
        """(K, [Z,] Y, X) float32 from 0 to 1 in the order of `channels`; the distance -1 to 1 is moved to 0 to 1.

        Nothing is known of a contour beside pixels of which nothing is known, nor of an affinity with one.
        """
        objects = self.objects(label, links)
        target = np.empty((self.output_channels, *label.shape), np.float32)
        target[0] = objects != 0
        contours_in_plane = self.contours_in_plane or self.slice_by_slice
        target[1] = contour(objects, self.contour_width, self.contour_with_background, contours_in_plane)
        if self.with_distance:
            target[2] = (self._distance(objects) + 1) / 2
        first = self.output_channels - len(self.offsets)
        if self.offsets:
            target[first:] = affinity.affinities(objects, self.offsets)
        unknown = ~self.valid_mask(label)
        if unknown.any():
            target[:, unknown] = np.nan
            target[1, contour(unknown, self.contour_width, contours_in_plane=contours_in_plane)] = np.nan
            for channel, offset in zip(target[first:], self.offsets, strict=True):
                here, there = affinity.ends(label.shape, offset)
                channel[here][unknown[there]] = np.nan
        return target

    def _distance(self, objects: np.ndarray) -> np.ndarray:
        if self.slice_by_slice and objects.ndim == 3:
            return np.stack([relative_distance(plane, self.spacing[1:] or None) for plane in objects])
        return relative_distance(objects, self.spacing or None)

    def pixels(self, output: torch.Tensor, target: torch.Tensor) -> PixelPredictions:
        """Of the foreground."""
        probability = output[:, :1].sigmoid()
        return PixelPredictions(probability, probability > self.threshold, target[:, :1])

    def probability_maps(self, raw: np.ndarray) -> dict[str, np.ndarray]:
        """Probabilities, and the distance from -1 (background) to 1 (the middle of an object)."""
        maps = dict(zip(self.channels, sigmoid(raw), strict=True))
        return {name: 2 * map_ - 1 if name == "distance" else map_ for name, map_ in maps.items()}

    def decode(self, raw: np.ndarray) -> np.ndarray:
        """Network output (K, [Z,] Y, X), logits, as labels ([Z,] Y, X): 0 and an id 1, 2, 3 ... for each object."""
        channels = sigmoid(raw)
        if self.slice_by_slice and channels.ndim == 4:
            return watershed.by_slice(self._decode, channels)
        return self._decode(channels)

    def _decode(self, channels: np.ndarray) -> np.ndarray:
        foreground, edge = channels[:2]
        decoder = self.chosen_decoder
        size: dict[str, Any] = {"smallest": self.min_object_size, "small": self.small_objects}
        if decoder == "binary_connected":
            return watershed.binary_connected(foreground, self.threshold, **size)
        if decoder == "mutex_watershed":
            return affinity.mutex_watershed(
                channels[len(self.channels) - len(self.offsets) :],
                [offset[-foreground.ndim :] for offset in self.offsets],
                foreground > self.threshold,
                self.affinity_threshold,
                **size,
            )
        seeds: dict[str, Any] = {
            "threshold": self.threshold,
            "seed_threshold": self.seed_threshold,
            "min_seed_size": self.min_seed_size,
            "keep_unseeded": self.keep_unseeded,
        }
        if decoder == "binary_watershed":
            return watershed.binary_watershed(foreground, **seeds, **size)
        if decoder == "bc_watershed":
            return watershed.bc_watershed(
                foreground,
                edge,
                contour_threshold=self.contour_threshold,
                **seeds,
                **size,
            )
        return watershed.bcd_watershed(
            foreground,
            edge,
            2 * channels[2] - 1,
            contour_threshold=self.contour_threshold,
            seed_distance=self.seed_distance,
            mask_distance=self.mask_distance,
            **seeds,
            **size,
        )

    def undo_flip_rotation(self, raw: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        """Affinities move to the channel of the step that they are about; `matrix` takes a step in the turned image to one in the image."""
        if not self.offsets:
            return raw
        first = len(self.channels) - len(self.offsets)
        result = raw.copy()
        place = {offset: channel for channel, offset in enumerate(self.offsets, first)}
        for channel, offset in enumerate(self.offsets, first):
            step = tuple(int(move) for move in np.round(np.asarray(matrix) @ offset))
            if step in place:
                result[place[step]] = raw[channel]
                continue
            # the same pair, seen from its other pixel
            back = tuple(-move for move in step)
            here, there = affinity.ends(raw.shape[1:], back)
            result[place[back]] = raw[channel]
            result[place[back]][here] = raw[channel][there]
        return result
