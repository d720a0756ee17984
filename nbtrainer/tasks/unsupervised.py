"""Classes learned from images alone: one channel for each, then the reconstructed image from the classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from nbtrainer.config.task.unsupervised import UnsupervisedSettings
from nbtrainer.labels.clean import without_small
from nbtrainer.labels.connected import regions_of
from nbtrainer.labels.watershed import binary_connected, binary_watershed, voronoi_otsu
from nbtrainer.metrics import PixelPredictions
from nbtrainer.tasks.probabilities import otsu, sigmoid, softmax
from nbtrainer.tasks.task import Links, Task

if TYPE_CHECKING:
    import torch

# CellSeg3D's: smaller seeds of its watershed are chance
_SMALLEST_SEED_PX = 3


@dataclass(frozen=True, kw_only=True)
class Unsupervised(Task[UnsupervisedSettings]):
    """How many classes are learned, from what image, and which is foreground.

    Labels are never learned from. Where there are some, scores compare the foreground with them.

    Attributes
    ----------
    input_channels
        How many channels the image has.
    """

    input_channels: int = 1

    name: ClassVar[str] = "unsupervised"
    default_metrics: ClassVar[tuple[str, ...]] = ("dice", "iou")
    baseline_name: ClassVar[str] = "Otsu's threshold"
    reconstructs_input: ClassVar[bool] = True
    encodes_batches: ClassVar[bool] = True

    @property
    def channels(self) -> tuple[str, ...]:
        classes = [f"class {number}" for number in range(1, self.settings.number_of_classes + 1)]
        return (*classes, *(f"image {number}" for number in range(1, self.input_channels + 1)))

    @property
    def loss_settings(self) -> dict[str, Any]:
        return {
            "classes": self.settings.number_of_classes,
            "radius": self.settings.cuts_radius,
            "sigma_spatial": self.settings.cuts_sigma_spatial,
            "sigma_intensity": self.settings.cuts_sigma_intensity,
            "cuts_weight": self.settings.cuts_weight,
            "reconstruction": self.settings.reconstruction,
            "reconstruction_weight": self.settings.reconstruction_weight,
        }

    def encode(self, label: np.ndarray, links: Links = ()) -> np.ndarray:
        """For scores only: 1 in the foreground, NaN where nothing is known; (1, [Z,] Y, X) float32."""
        target = self.is_foreground(label).astype(np.float32)
        target[~self.valid_mask(label)] = np.nan
        return target[np.newaxis]

    def target(self, image: np.ndarray, label: np.ndarray, links: Links = ()) -> np.ndarray:
        """The image, which the network shall paint again, and behind it the truth for scores."""
        return np.concatenate([image.astype(np.float32, copy=False), self.encode(label, links)])

    def target_of_batch(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        import torch  # takes seconds, and the form asks a kind for its metrics

        from nbtrainer.tasks.batch_targets import foreground_target

        truth = foreground_target(labels, self.labels_of_interest, ignored=self.ignored)
        return torch.cat([images, truth], 1)

    def pixels(self, output: torch.Tensor, target: torch.Tensor) -> PixelPredictions:
        import torch

        shares = output[:, : self.settings.number_of_classes].softmax(1)
        chosen = [
            self._foreground(*pair) for pair in zip(shares, output[:, self.settings.number_of_classes :], strict=True)
        ]
        number = torch.stack([torch.as_tensor(each, device=output.device) for each in chosen])
        number = number.view(-1, *[1] * (output.ndim - 1))
        probability = shares.take_along_dim(number, dim=1)
        return PixelPredictions(probability, shares.argmax(1, keepdim=True) == number, target[:, -1:])

    def probability_maps(self, raw: np.ndarray) -> dict[str, np.ndarray]:
        reconstruction = raw[self.settings.number_of_classes :]
        if self.settings.reconstruction == "bce":
            reconstruction = sigmoid(reconstruction)
        shares = [*self._shares(raw), *reconstruction.astype(np.float32)]
        return dict(zip(self.channels, shares, strict=True))

    def decode(self, raw: np.ndarray) -> np.ndarray:
        """Network output (K + C, [Z,] Y, X) as 1 where the foreground's class is the most likely, else 0.

        With post-processing, objects of what belongs to that class: 0 and an id 1, 2, 3 ... for each.
        """
        shares = self._shares(raw)
        number = self._foreground(shares, raw[self.settings.number_of_classes :])
        size: dict[str, Any] = {"smallest": self.settings.min_object_size, "small": "background"}
        match self.settings.post_processing:
            case "connected":
                return binary_connected(shares[number], threshold=self.settings.threshold, **size)
            case "watershed":
                return binary_watershed(
                    shares[number],
                    threshold=self.settings.threshold,
                    seed_threshold=self.settings.seed_threshold,
                    min_seed_size=_SMALLEST_SEED_PX,
                    keep_unseeded=False,
                    **size,
                )
            case "voronoi_otsu":
                return voronoi_otsu(
                    shares[number],
                    spot_sigma=self.settings.spot_sigma,
                    outline_sigma=self.settings.outline_sigma,
                    **size,
                )
        return (shares.argmax(axis=0) == number).astype(np.uint8)

    @property
    def has_objects(self) -> bool:
        return self.settings.post_processing != "none"

    def objects(self, label: np.ndarray, links: Links = ()) -> np.ndarray | None:
        """The objects of a true label, if predictions have any: parts that do not touch are objects of their own."""
        if not self.has_objects:
            return None
        return self.separated(label, links)

    def baseline(self, image: np.ndarray) -> np.ndarray:
        """Brighter than Otsu's threshold is foreground; with post-processing, its connected parts."""
        threshold = otsu(image)
        if self.has_objects:
            return without_small(regions_of(threshold), self.settings.min_object_size)
        return threshold.astype(np.uint8)

    def _shares(self, raw: np.ndarray) -> np.ndarray:
        return softmax(raw[: self.settings.number_of_classes])

    def _foreground(self, probabilities: Any, reconstruction: Any) -> Any:
        """The foreground's class; which one is bright is seen in the reconstructed image."""
        return (
            brightest_class(probabilities, reconstruction)
            if self.settings.foreground_class < 0
            else self.settings.foreground_class
        )


def brightest_class(probabilities: Any, image: Any) -> Any:
    """The class whose mean intensity is the highest; the first of equals.

    Parameters
    ----------
    probabilities
        (K, [Z,] Y, X), numpy array or torch tensor: how much of each pixel belongs to each class.
    image
        (C, [Z,] Y, X); of several channels the mean counts.
    """
    axes = tuple(range(1, len(probabilities.shape)))
    grey = image.mean(0)
    weight = probabilities.sum(axes)
    # from the darkest pixel upwards, so that a class that is nowhere is not the brightest
    return ((probabilities * (grey - grey.min())).sum(axes) / (weight + (weight == 0))).argmax()
