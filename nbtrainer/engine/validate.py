"""Scores on whole images that never train."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import nn

from nbtrainer import metrics
from nbtrainer.data.images import Images
from nbtrainer.data.views import Slices, whole
from nbtrainer.inference.device import autocast
from nbtrainer.inference.tiled import predict_tta
from nbtrainer.metrics import MetricState
from nbtrainer.tasks import Task

# more pixels than this are not scored in one validation; of more, blocks of so many tiles along each axis are
_MOST_PIXELS, _BLOCK_TILES = 32 * 1024**2, 2


class ScoredRegion(NamedTuple):
    """The loss of an image or a part of it; `tally` if it has a label, `output` (K, [Z,] Y, X) of the network if it is kept."""

    loss: float
    tally: MetricState | None
    output: np.ndarray | None


class ScoreRegions(Protocol):
    """Scores regions in their order, and tells of it; None if it was stopped."""

    def __call__(
        self,
        validator: Validator,
        regions: list[tuple[int, Slices | None]],
        *,
        keep: Collection[int],
        report: Callable[[int, int], None],
        is_stopped: Callable[[], bool],
    ) -> list[ScoredRegion] | None: ...


def score_regions(
    validator: Validator,
    regions: list[tuple[int, Slices | None]],
    *,
    keep: Collection[int],
    report: Callable[[int, int], None],
    is_stopped: Callable[[], bool],
) -> list[ScoredRegion] | None:
    """One after the other, in this process."""
    scored = []
    for done, (index, region) in enumerate(regions):
        report(done, len(regions))
        if is_stopped():
            return None
        scored.append(validator.score_region(index, region, keeps=index in keep))
    return scored


@dataclass(kw_only=True)
class Validator:
    """Predicts whole images with a network trained on `tile` and scores them: each score is the mean over the images.

    Sides of tiles are multiples of `divisors`, those of the network.

    Images without a label have a loss, and no score.
    """

    network: nn.Module
    loss: nn.Module
    task: Task
    images: Images
    tile: tuple[int, ...]
    divisors: tuple[int, ...]
    metrics: list[str]
    device: torch.device
    precision: str
    # called after each few tiles: an image may take minutes, and what is raised here ends it
    check: Callable[[], None] = lambda: None
    # takes a sentence about what memory did not suffice for
    tell: Callable[[str], None] | None = None
    score_regions: ScoreRegions = score_regions

    def predict(self, index: int, region: Slices | None = None) -> np.ndarray:
        """Network output (K, [Z,] Y, X) for image `index`, or for a part of it that is seen by itself."""
        return self.predict_array(self.pair(index, region)[0])

    def pair(self, index: int, region: Slices | None) -> tuple[np.ndarray, np.ndarray]:
        """Image, normalised, and label of pair `index`, or a part of them."""
        return self.images.whole(index) if region is None else self.images.region(index, region)

    def predict_array(self, image: np.ndarray) -> np.ndarray:
        """Network output (K, [Z,] Y, X) for a normalised image (C, [Z,] Y, X)."""
        self.network.eval()
        with autocast(self.device, self.precision):
            return predict_tta(
                self.network,
                image,
                self.tile,
                self.device,
                report=lambda done, of: self.check(),
                divisors=self.divisors,
                tell=self.tell,
            )

    def scores(
        self, report: Callable[[int, int], None], is_stopped: Callable[[], bool], keep: Collection[int] = ()
    ) -> tuple[dict[str, float], dict[int, np.ndarray]] | None:
        """Mean `loss` and metrics over all images, and the outputs for those in `keep`; None if it was stopped.

        Of very large images blocks are scored (see `evaluation_regions`), and nothing is kept.
        """
        outputs = {}
        regions = self.evaluation_regions()
        scored = self.score_regions(self, regions, keep=keep, report=report, is_stopped=is_stopped)
        if scored is None:
            return None
        tallies: dict[int, MetricState] = {}
        losses: dict[int, list[float]] = {}
        for (index, _), (loss, tally, output) in zip(regions, scored, strict=True):
            losses.setdefault(index, []).append(loss)
            if tally is not None:
                tallies[index] = tallies.get(index, MetricState()) + tally
            if output is not None:
                outputs[index] = output
        mean_loss = float(np.mean([np.mean(loss) for loss in losses.values()]))
        return {"loss": mean_loss, **self._overall(list(tallies.values()))}, outputs

    def score_region(self, index: int, region: Slices | None, *, keeps: bool) -> ScoredRegion:
        """Loss and tally of image `index` or a part of it; with the output for all of it if that is to be kept."""
        (image, label), links = self.pair(index, region), self.images.links(index)
        raw = self.predict_array(image)
        target = torch.from_numpy(self.task.target(image, label, links))[None]
        loss = float(self.loss(torch.from_numpy(raw)[None], target))
        tally = None
        if self.images.has_label(index):
            tally = self.task.tally(raw, label=label, names=self.metrics, links=links)
        return ScoredRegion(loss, tally, raw if keeps and region is None else None)

    def baseline(self) -> dict[str, float]:
        """Mean scores of the task's trivial method on the same images."""
        tallies: dict[int, MetricState] = {}
        for index, region in self.labelled_regions():
            image, label = (whole(view) if region is None else view.read(region) for view in self.images.views(index))
            tally = self.task.tally_labels(self.task.baseline(image), label, self.metrics, self.images.links(index))
            tallies[index] = tallies.get(index, MetricState()) + tally
        return self._overall(list(tallies.values()))

    def labelled_regions(self) -> list[tuple[int, Slices | None]]:
        """As `evaluation_regions`, of the images that have a label."""
        return [(index, region) for index, region in self.evaluation_regions() if self.images.has_label(index)]

    def evaluation_regions(self) -> list[tuple[int, Slices | None]]:
        """What is scored: every image (None: all of it); of more than 32 megapixels together, blocks spread evenly.

        The same in every validation, so that scores can be compared.
        """
        shapes = [self.images.shape(index) for index in range(len(self.images))]
        total = sum(int(np.prod(shape, dtype=np.int64)) for shape in shapes)
        if total <= _MOST_PIXELS:
            return [(index, None) for index in range(len(shapes))]
        size = [_BLOCK_TILES * length for length in self.tile]
        most = max(1, int(_MOST_PIXELS / np.prod(size, dtype=float)))
        chosen = sorted({int(at) for at in np.linspace(0, len(shapes) - 1, min(most, len(shapes)))})
        return [
            (index, region) for index in chosen for region in _spread(shapes[index], size, max(1, most // len(chosen)))
        ]

    def _overall(self, tallies: list[MetricState]) -> dict[str, float]:
        """Scores of all images; without those of which nothing could be measured."""
        scores = metrics.overall(tallies, self.metrics, classes=self.task.classes)
        return {name: value for name, value in scores.items() if not np.isnan(value)}


def _spread(shape: tuple[int, ...], size: list[int], count: int) -> list[Slices]:
    """About `count` blocks of at most `size`, evenly spread over `shape`, none of them twice."""
    fits = [-(-full // length) for full, length in zip(shape, size, strict=True)]
    per_axis = [1] * len(shape)
    while (axis := int(np.argmax([fit / used for fit, used in zip(fits, per_axis, strict=True)]))) is not None:
        grown = [used + (number == axis) for number, used in enumerate(per_axis)]
        if grown[axis] > fits[axis] or np.prod(grown) > count:
            break
        per_axis = grown
    starts = [
        sorted({int(at) for at in np.linspace(0, max(0, full - length), used)})
        for full, length, used in zip(shape, size, per_axis, strict=True)
    ]
    return [
        tuple(slice(start, min(full, start + length)) for start, length, full in zip(corner, size, shape, strict=True))
        for corner in product(*starts)
    ]
