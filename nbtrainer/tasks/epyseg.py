"""Cells of a tissue by their outlines, in EPySeg's seven channels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from scipy.ndimage import gaussian_filter

from nbtrainer.config.task.epyseg import EpysegSettings
from nbtrainer.data.roi import IGNORED
from nbtrainer.labels.clean import dilate, without_small
from nbtrainer.labels.contour import contour
from nbtrainer.labels.outlines import cells_from_channels, cells_from_outlines, outline_channels, outline_mask
from nbtrainer.labels.watershed import by_slice
from nbtrainer.metrics import PixelPredictions
from nbtrainer.tasks.probabilities import sigmoid
from nbtrainer.tasks.task import Links, Task

if TYPE_CHECKING:
    import torch

# what fills more of the pixels is no line
_MOST_OUTLINE = 0.5
# in pixels, for the cells of the baseline
_SMOOTH = 3.0


@dataclass(frozen=True, kw_only=True)
class Epyseg(Task[EpysegSettings]):
    """What labels show, and how cells are found in the seven channels. A stack is a series of images."""

    name: ClassVar[str] = "epyseg"
    outlines: ClassVar[Literal["objects", "foreground", "classes"]] = "objects"
    default_metrics: ClassVar[tuple[str, ...]] = ("ap_50", "f1_50", "dice")
    baseline_name: ClassVar[str] = "watershed of the smoothed image"

    @classmethod
    def create(
        cls,
        *,
        values: Iterable[int] = (),
        labels_of_interest: Sequence[int] = (),
        label_style: Literal["auto", "cells", "outlines"] = "auto",
        frequencies: dict[int, float] | None = None,
        **known: Any,
    ) -> Self:
        """The task for training labels with these values.

        By "auto" labels with one value besides 0 show outlines, unless it fills more than half of the pixels
        (`frequencies`: share of the training pixels by label value).
        """
        of_interest = set(labels_of_interest) - {0}
        if label_style == "auto":
            label_values = {int(value) for value in values} - {0, known.get("ignored", IGNORED)}
            used_values = label_values & of_interest if of_interest else label_values
            filled = sum((frequencies or {}).get(value, 0.0) for value in used_values)
            label_style = "outlines" if len(used_values) == 1 and filled <= _MOST_OUTLINE else "cells"
        return super().create(labels_of_interest=labels_of_interest, label_style=label_style, **known)

    @property
    def channels(self) -> tuple[str, ...]:
        return (
            *("outline", "outline, 3 wide", "outline, 5 wide", "inside of 3 wide", "inside of 5 wide"),
            *("seeds", "no seeds"),
        )

    @property
    def keeps_unseeded(self) -> bool:
        """Whether an area without a seed is a cell; by "auto" where labels show outlines, which enclose cells only."""
        chosen = self.settings.keep_unseeded
        return self.settings.label_style == "outlines" if chosen == "auto" else chosen == "yes"

    def class_of(self, label: np.ndarray) -> np.ndarray:
        """1 on the outline of cells, three pixels wide."""
        if self.settings.label_style == "outlines":
            return dilate(cells_from_outlines(self.is_foreground(label), keep_line=True) == 0)
        return dilate(outline_mask(self.objects(label)))

    def predicted_class_of(self, predicted: np.ndarray) -> np.ndarray:
        return dilate(outline_mask(predicted))

    def objects(self, label: np.ndarray, links: Links = ()) -> np.ndarray:
        """The cells; in a stack, those of each slice."""
        if label.ndim == 3:
            return by_slice(lambda plane: self.objects(plane, links), label)
        if self.settings.label_style == "cells":
            return self.separated(label, links)
        return cells_from_outlines(self.is_foreground(label))

    def encode(self, label: np.ndarray, links: Links = ()) -> np.ndarray:
        """(7, [Z,] Y, X) float32, 0 or 1; NaN where nothing is known, and so near to it that an outline could reach."""
        if self.settings.label_style == "outlines":
            target = outline_channels(cells_from_outlines(self.is_foreground(label), keep_line=True), True)
        else:
            target = outline_channels(self.objects(label, links))
        unknown = ~self.valid_mask(label)
        if unknown.any():
            rim = contour(unknown, width=3, with_background=True, contours_in_plane=True)
            target[:, unknown | rim] = np.nan
        return target

    def pixels(self, output: torch.Tensor, target: torch.Tensor) -> PixelPredictions:
        """Of the outline three pixels wide, which two channels tell."""
        probability = (output[:, 1:2].sigmoid() + 1 - output[:, 3:4].sigmoid()) / 2
        return PixelPredictions(probability, probability > self.settings.outline_threshold, target[:, 1:2])

    def probability_maps(self, raw: np.ndarray) -> dict[str, np.ndarray]:
        return dict(zip(self.channels, sigmoid(raw), strict=True))

    def decode(self, raw: np.ndarray) -> np.ndarray:
        """Network output (7, [Z,] Y, X), logits, as labels ([Z,] Y, X): 0 and an id 1, 2, 3 ... for each cell."""
        return cells_from_channels(
            sigmoid(raw),
            outline_threshold=self.settings.outline_threshold,
            seed_threshold=self.settings.seed_threshold,
            keep_unseeded=self.keeps_unseeded,
            smallest=self.settings.min_object_size,
            smallest_share=self.settings.smallest_share,
            touching_border=self.settings.touching_border,
        )

    def baseline(self, image: np.ndarray) -> np.ndarray:
        """A cell around each dark spot of the smoothed image: outlines are bright."""
        from skimage.segmentation import watershed  # scikit-image's modules take long to load

        grey = image.mean(axis=0, dtype=np.float32)
        if grey.ndim == 3:
            return by_slice(lambda plane: self.baseline(plane[np.newaxis]), grey)
        cells = watershed(gaussian_filter(grey, _SMOOTH))
        return without_small(cells, self.settings.min_object_size, "neighbour")
