"""Scores on whole images that never train."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from torch import nn

from nbtrainer import metrics
from nbtrainer.data.dataset import Images
from nbtrainer.data.views import Region, whole
from nbtrainer.engine.device import autocast
from nbtrainer.inference.tiled import predict_tiled
from nbtrainer.metrics import Counts
from nbtrainer.tasks import Binary

# of images too large to be taken as a whole, about this many blocks are scored, of so many tiles along each axis
_MOST_BLOCKS, _BLOCK_TILES = 27, 2


@dataclass
class Validator:
    """Predicts whole images in tiles of `tile` and scores them: each score is the mean over the images."""

    network: nn.Module
    loss: nn.Module
    task: Binary
    images: Images
    tile: tuple[int, ...]
    metrics: list[str]
    device: torch.device
    precision: str

    def predict(self, index: int, region: Region | None = None) -> np.ndarray:
        """Network output (K, [Z,] Y, X) for image `index`, or for a part of it that is seen by itself."""
        self.network.eval()
        image = (self.images.whole(index) if region is None else self.images.region(index, region))[0]
        with autocast(self.device, self.precision):
            return predict_tiled(self.network, image, self.tile, self.device)

    def scores(
        self, report: Callable[[int, int], None], is_stopped: Callable[[], bool], keep: Collection[int] = ()
    ) -> tuple[dict[str, float], dict[int, np.ndarray]] | None:
        """Mean `loss` and metrics over all images, and the outputs for those in `keep`; None if it was stopped.

        Of an image too large to be taken as a whole, blocks are scored that are spread over it, and nothing is kept.
        """
        rows, outputs = [], {}
        work = [(index, region) for index in range(len(self.images)) for region in self._regions(index)]
        counts: dict[int, Counts] = {}
        losses: dict[int, list[float]] = {}
        for done, (index, region) in enumerate(work):
            report(done, len(work))
            if is_stopped():
                return None
            raw = self.predict(index, region)
            if index in keep and region is None:
                outputs[index] = raw
            label = self._label(index, region)
            target = torch.from_numpy(self.task.encode(label))[None]
            losses.setdefault(index, []).append(float(self.loss(torch.from_numpy(raw)[None], target)))
            counts[index] = counts.get(index, Counts()) + self.task.count(raw, label)
        for index, counted in counts.items():
            rows.append({"loss": float(np.mean(losses[index])), **metrics.scores(counted, self.metrics)})
        return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}, outputs

    def baseline(self) -> dict[str, float]:
        """Mean scores of the task's trivial method on the same images."""
        rows = []
        for index in range(len(self.images)):
            for region in self._regions(index):
                image, label = self.images.views(index)
                asked = region if region is not None else tuple(slice(0, length) for length in image.shape)
                guess = self.task.baseline(image.read(asked))
                rows.append(self.task.score_labels(guess, label.read(asked), self.metrics))
        return {name: float(np.mean([row[name] for row in rows])) for name in self.metrics}

    def _regions(self, index: int) -> list[Region | None]:
        """What is scored of image `index`: all of it (None), or of a large one evenly spread blocks."""
        if not self.images.is_large(index):
            return [None]
        shape = self.images.shape(index)
        size = [min(full, _BLOCK_TILES * length) for full, length in zip(shape, self.tile, strict=True)]
        per_axis = max(1, round(_MOST_BLOCKS ** (1 / len(shape))))
        starts = [
            sorted({int(at) for at in np.linspace(0, full - length, per_axis)})
            for full, length in zip(shape, size, strict=True)
        ]
        return [
            tuple(slice(start, start + length) for start, length in zip(corner, size, strict=True))
            for corner in product(*starts)
        ]

    def _label(self, index: int, region: Region | None) -> np.ndarray:
        label = self.images.views(index)[1]
        return whole(label) if region is None else label.read(region)
