"""Scores on whole images that never train."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from nbtrainer.data.dataset import Images
from nbtrainer.engine.device import autocast
from nbtrainer.inference.tiled import predict_tiled
from nbtrainer.tasks import Binary


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

    def predict(self, index: int) -> np.ndarray:
        """Network output (K, Y, X) for image `index`."""
        self.network.eval()
        image, _ = self.images.whole(index)
        with autocast(self.device, self.precision):
            return predict_tiled(self.network, image, self.tile, self.device)

    def scores(
        self, report: Callable[[int, int], None], is_stopped: Callable[[], bool], keep: Collection[int] = ()
    ) -> tuple[dict[str, float], dict[int, np.ndarray]] | None:
        """Mean `loss` and metrics over all images, and the outputs for those in `keep`; None if it was stopped."""
        rows, outputs = [], {}
        for index in range(len(self.images)):
            report(index, len(self.images))
            if is_stopped():
                return None
            raw = self.predict(index)
            if index in keep:
                outputs[index] = raw
            label = self.images.raw(index)[1]
            target = torch.from_numpy(self.task.encode(label))[None]
            loss = float(self.loss(torch.from_numpy(raw)[None], target))
            rows.append({"loss": loss, **self.task.score_raw(raw, label, self.metrics)})
        return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}, outputs

    def baseline(self) -> dict[str, float]:
        """Mean scores of the task's trivial method on the same images."""
        rows = []
        for index in range(len(self.images)):
            image, label = self.images.raw(index)
            rows.append(self.task.score_labels(self.task.baseline(image), label, self.metrics))
        return {name: float(np.mean([row[name] for row in rows])) for name in self.metrics}
