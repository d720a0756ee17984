"""Whole batches made on the device: regions are read and copied there, and warped and changed there."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch

from nbtrainer.augment.device.arrays import upload
from nbtrainer.augment.device.pipeline import apply_to_batch, is_batched
from nbtrainer.augment.device.sample import sample_batch
from nbtrainer.augment.device.sources import PixelSource, open_source
from nbtrainer.augment.patches import DrawnPatch, Patches
from nbtrainer.augment.warp import needed_slices, source_centre, warp_label

# pixels that are warped at once: on the way each takes about 100 bytes
_MOST_PIXELS = 4 * 1024**2


class PatchBatch(NamedTuple):
    """Images (B, C, [Z,] Y, X) float32 and labels on the device, (B, [Z,] Y, X) int64, or labels ([Z,] Y, X) in memory."""

    images: torch.Tensor
    labels: torch.Tensor | list[np.ndarray]


@dataclass(kw_only=True)
class DeviceBatches:
    """Batches of `patches` made on `device`, equal to those of the processor but for rounding.

    `with_label`: labels are made there too; else the processor cuts them, to encode them. A patch that drew a transform
    without a form for batches is made by the processor and copied. Threads may ask at the same time.
    """

    patches: Patches
    device: torch.device
    with_label: bool
    _source: PixelSource | None = field(default=None, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    @torch.no_grad()
    def make(self, drawn: Sequence[DrawnPatch]) -> PatchBatch:
        """The patches that were drawn."""
        here = [k for k, each in enumerate(drawn) if is_batched(each.sampled, with_label=self.with_label)]
        cut = {k: self.patches.cut(each) for k, each in enumerate(drawn) if k not in here}
        images: list[torch.Tensor] = []
        labels: list[torch.Tensor] = []
        if here:
            made, truth = self._warp([drawn[k] for k in here])
            made, truth = apply_to_batch(made, truth, [drawn[k].sampled for k in here])
            images.append(made)
            labels += [] if truth is None else [truth]
        if cut:
            images.append(upload(np.stack([patch.image for patch in cut.values()]), self.device))
            if self.with_label:
                stacked = np.stack([patch.label.astype(np.int64) for patch in cut.values()])
                labels.append(upload(stacked, self.device))
        # those of the processor stand last
        order = np.argsort([*here, *cut]) if here and cut else None
        if self.with_label:
            return PatchBatch(self._ordered(images, order), self._ordered(labels, order))
        own = [cut[k].label if k in cut else self._label(each) for k, each in enumerate(drawn)]
        return PatchBatch(self._ordered(images, order), own)

    def _ordered(self, parts: list[torch.Tensor], order: np.ndarray | None) -> torch.Tensor:
        return parts[0] if order is None else torch.cat(parts).index_select(0, upload(order, self.device))

    def _warp(self, drawn: Sequence[DrawnPatch]) -> tuple[torch.Tensor, torch.Tensor | None]:
        size = self.patches.sampler.patch_size
        most = max(1, _MOST_PIXELS // int(np.prod(size)))
        parts = [self._warp_some(drawn[first : first + most]) for first in range(0, len(drawn), most)]
        images = torch.cat([image for image, _ in parts])
        return images, torch.cat([label for _, label in parts if label is not None]) if self.with_label else None

    def _warp_some(self, drawn: Sequence[DrawnPatch]) -> tuple[torch.Tensor, torch.Tensor | None]:
        images, size = self.patches.images, self.patches.sampler.patch_size
        numbers = [each.location.index for each in drawn]
        needed = [
            needed_slices(images.shape(each.location.index), each.location.centre, size, each.spatial) for each in drawn
        ]
        return sample_batch(
            self.source.regions(numbers, needed),
            centres=np.array([source_centre(each.location.centre, size, each.spatial) for each in drawn]),
            matrices=np.array([each.spatial.matrix for each in drawn]),
            points=[each.spatial.control_points for each in drawn],
            levels=np.stack([images.intensity_map(number).levels for number in numbers], 1),
            size=size,
        )

    @property
    def source(self) -> PixelSource:
        """Where stored pixels are; opened late, when most of the device's memory that others need is taken."""
        with self._lock:
            if self._source is None:
                self._source = open_source(self.patches.images, self.device, with_label=self.with_label)
        return self._source

    def _label(self, drawn: DrawnPatch) -> np.ndarray:
        return warp_label(
            self.patches.images.views(drawn.location.index)[1],
            centre=drawn.location.centre,
            size=self.patches.sampler.patch_size,
            transform=drawn.spatial,
        )
