"""Single objects by foreground and contour, with a distance and affinities if wished, as PyTorch Connectomics learns them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from nbtrainer.config.task.instance_contour import InstanceContourSettings
from nbtrainer.errors import SettingError
from nbtrainer.labels import affinity, watershed
from nbtrainer.labels.contour import contour
from nbtrainer.labels.distance import relative_distance
from nbtrainer.metrics import PixelPredictions
from nbtrainer.tasks.objects import ObjectTask
from nbtrainer.tasks.probabilities import sigmoid
from nbtrainer.tasks.task import Links

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class InstanceContour(ObjectTask[InstanceContourSettings]):
    """What the network learns of each object, and how objects are found in what it predicts."""

    name: ClassVar[str] = "instance_contour"

    def __post_init__(self) -> None:
        if self.settings.decoder == "bcd_watershed" and not self.settings.with_distance:
            raise SettingError(
                "task.decoder",
                "bcd_watershed needs the distance, which is not learned",
                "Set task.with_distance, or choose auto",
                suggestions=("auto",),
            )
        if self.settings.decoder == "mutex_watershed" and self.settings.affinities == "none":
            raise SettingError(
                "task.decoder",
                "mutex_watershed needs affinities, which are not learned",
                "Choose task.affinities nearest or long_range, or the decoder auto",
                suggestions=("auto",),
            )

    @property
    def offsets(self) -> tuple[affinity.Offset, ...]:
        """The step of each channel of affinities."""
        if self.settings.affinities == "none":
            return ()
        flat = self.settings.dim == 3 and self.settings.slice_by_slice
        dim = 2 if flat else self.settings.dim
        offsets = affinity.nearest_offsets(dim)
        if self.settings.affinities == "long_range":
            offsets += affinity.long_range_offsets(dim, self.spacing or None)
        return tuple((0, *offset) for offset in offsets) if flat else offsets

    @property
    def channels(self) -> tuple[str, ...]:
        steps = tuple(
            f"affinity {' '.join(f'{step:+d}' if step else '0' for step in offset)}" for offset in self.offsets
        )
        return ("foreground", "contour", *(("distance",) if self.settings.with_distance else ()), *steps)

    @property
    def loss_settings(self) -> dict[str, Any]:
        from nbtrainer.losses.targets import Target  # brings torch, and the form asks a kind for its metrics

        targets = [Target("foreground", 1), Target("contour", 1, self.settings.contour_weight)]
        if self.settings.with_distance:
            targets.append(Target("distance", 1, self.settings.distance_weight, "mean_squared_error"))
        if self.offsets:
            targets.append(Target("affinities", len(self.offsets), self.settings.affinity_weight))
        return {"targets": targets}

    @property
    def decoder(self) -> str:
        """The decoder, "auto" resolved: the one that uses all channels."""
        if self.settings.decoder != "auto":
            return self.settings.decoder
        if self.settings.affinities != "none":
            return "mutex_watershed"
        return "bcd_watershed" if self.settings.with_distance else "bc_watershed"

    def objects(self, label: np.ndarray, links: Links = ()) -> np.ndarray:
        if self.settings.slice_by_slice and label.ndim == 3:
            return watershed.by_slice(lambda plane: self.objects(plane, links), label)
        return super().objects(label, links)

    def encode(self, label: np.ndarray, links: Links = ()) -> np.ndarray:
        """(K, [Z,] Y, X) float32 from 0 to 1 in the order of `channels`; the distance -1 to 1 is moved to 0 to 1.

        Nothing is known of a contour beside pixels of which nothing is known, nor of an affinity with one.
        """
        objects = self.objects(label, links)
        target = np.empty((self.output_channels, *label.shape), np.float32)
        target[0] = objects != 0
        contours_in_plane = self.settings.contours_in_plane or self.settings.slice_by_slice
        width = self.settings.contour_width
        target[1] = contour(
            objects,
            width=width,
            with_background=self.settings.contour_with_background,
            contours_in_plane=contours_in_plane,
        )
        if self.settings.with_distance:
            target[2] = (self._distance(objects) + 1) / 2
        first = self.output_channels - len(self.offsets)
        if self.offsets:
            target[first:] = affinity.affinities(objects, self.offsets)
        unknown = ~self.valid_mask(label)
        if unknown.any():
            target[:, unknown] = np.nan
            rim = contour(unknown, width=width, with_background=True, contours_in_plane=contours_in_plane)
            target[1, rim] = np.nan
            for channel, offset in zip(target[first:], self.offsets, strict=True):
                here, there = affinity.ends(label.shape, offset)
                channel[here][unknown[there]] = np.nan
        return target

    def _distance(self, objects: np.ndarray) -> np.ndarray:
        if self.settings.slice_by_slice and objects.ndim == 3:
            return np.stack([relative_distance(plane, self.spacing[1:] or None) for plane in objects])
        return relative_distance(objects, self.spacing or None)

    def pixels(self, output: torch.Tensor, target: torch.Tensor) -> PixelPredictions:
        """Of the foreground."""
        probability = output[:, :1].sigmoid()
        return PixelPredictions(probability, probability > self.settings.threshold, target[:, :1])

    def probability_maps(self, raw: np.ndarray) -> dict[str, np.ndarray]:
        """Probabilities, and the distance from -1 (background) to 1 (the middle of an object)."""
        maps = dict(zip(self.channels, sigmoid(raw), strict=True))
        return {name: 2 * map_ - 1 if name == "distance" else map_ for name, map_ in maps.items()}

    def decode(self, raw: np.ndarray) -> np.ndarray:
        """Network output (K, [Z,] Y, X), logits, as labels ([Z,] Y, X): 0 and an id 1, 2, 3 ... for each object."""
        channels = sigmoid(raw)
        if self.settings.slice_by_slice and channels.ndim == 4:
            return watershed.by_slice(self._decode, channels)
        return self._decode(channels)

    def _decode(self, channels: np.ndarray) -> np.ndarray:
        foreground, edge = channels[:2]
        decoder = self.decoder
        size: dict[str, Any] = {"smallest": self.settings.min_object_size, "small": self.settings.small_objects}
        if decoder == "binary_connected":
            return watershed.binary_connected(foreground, threshold=self.settings.threshold, **size)
        if decoder == "mutex_watershed":
            return affinity.mutex_watershed(
                channels[len(self.channels) - len(self.offsets) :],
                [offset[-foreground.ndim :] for offset in self.offsets],
                foreground > self.settings.threshold,
                threshold=self.settings.affinity_threshold,
                **size,
            )
        seeds: dict[str, Any] = {
            "threshold": self.settings.threshold,
            "seed_threshold": self.settings.seed_threshold,
            "min_seed_size": self.settings.min_seed_size,
            "keep_unseeded": self.settings.keep_unseeded,
        }
        if decoder == "binary_watershed":
            return watershed.binary_watershed(foreground, **seeds, **size)
        if decoder == "bc_watershed":
            return watershed.bc_watershed(
                foreground,
                contour=edge,
                contour_threshold=self.settings.contour_threshold,
                **seeds,
                **size,
            )
        return watershed.bcd_watershed(
            foreground,
            contour=edge,
            distance=2 * channels[2] - 1,
            contour_threshold=self.settings.contour_threshold,
            seed_distance=self.settings.seed_distance,
            mask_distance=self.settings.mask_distance,
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
