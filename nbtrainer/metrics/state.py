"""What scores are made of, for one image or several, and the scores by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nbtrainer.catalog import METRICS
from nbtrainer.metrics.pixels import ConfusionCounts, PixelPredictions, count, per_class
from nbtrainer.metrics.probabilities import sum_probabilities


@dataclass(frozen=True)
class PerClass:
    """A record for each class."""

    records: tuple[Any, ...]

    def __add__(self, other: PerClass) -> PerClass:
        return PerClass(tuple(one + another for one, another in zip(self.records, other.records, strict=True)))


@dataclass
class MetricState:
    """Records by what they count (`pixels`, `objects` ...), each of which can be added to another of its sort."""

    parts: dict[str, Any] = field(default_factory=dict)

    def __add__(self, other: MetricState) -> MetricState:
        names = [*self.parts, *(name for name in other.parts if name not in self.parts)]
        both = {name: [tally.parts[name] for tally in (self, other) if name in tally.parts] for name in names}
        return MetricState(
            {name: states[0] if len(states) == 1 else states[0] + states[1] for name, states in both.items()}
        )


def metric_inputs(names: Iterable[str]) -> set[str]:
    """What the metrics of these names are computed from.

    >>> sorted(metric_inputs(["dice", "iou", "ap_50"]))
    ['objects', 'pixels']
    """
    return {METRICS[name].of for name in names}


def of_pixels(compared: PixelPredictions, inputs: set[str]) -> dict[str, Any]:
    """The records of `inputs`, `pixels` and `probabilities`, by what they count."""
    makers: dict[str, Callable[[PixelPredictions], Any]] = {"pixels": count, "probabilities": sum_probabilities}
    return {name: makers[name](compared) for name in sorted(inputs)}


def class_metric_name(metric: str, *, name: str) -> str:
    """What the score `metric` of the class `name` is called.

    >>> class_metric_name("dice", name="axon")
    'dice (axon)'
    """
    return f"{metric} ({name})"


def scores(tally: MetricState, names: Sequence[str], *, classes: Sequence[str] = ()) -> dict[str, float]:
    """The metrics of these names; of pixels the mean over `classes` (the background is not among them), then each.

    >>> counts = ConfusionCounts(
    ...     true_positive=np.array([3]),
    ...     false_positive=np.array([1]),
    ...     false_negative=np.array([1]),
    ...     true_negative=np.array([5]),
    ... )
    >>> scores(MetricState({"pixels": counts}), ["dice", "iou"])
    {'dice': 0.75, 'iou': 0.6}
    """
    by_name: dict[str, float] = {}
    for name in names:
        family = METRICS[name].of
        if family not in tally.parts:
            continue
        record, score = tally.parts[family], METRICS.load(name)
        own = np.zeros(0)
        if isinstance(record, ConfusionCounts):
            plain = ConfusionCounts.from_plain(record.plain())
            by_name[name], own = per_class(plain, score(plain))
        elif isinstance(record, PerClass):
            own = np.array([score(each) for each in record.records])
            by_name[name] = float("nan") if np.isnan(own).all() else float(np.nanmean(own))
        else:
            by_name[name] = float(score(record))
        if len(own) == len(classes):
            by_name |= {
                class_metric_name(name, name=each): float(value) for each, value in zip(classes, own, strict=True)
            }
    return by_name


def overall(tallies: Sequence[MetricState], names: Sequence[str], *, classes: Sequence[str] = ()) -> dict[str, float]:
    """Scores of several images together.

    Of objects, all are counted together, so that a crowded image weighs more than an empty one. Of pixels, partitions
    and surfaces, the mean over the images in which there is something to score; of several classes, each first by
    itself, so that a class that is missing in one image does not change what the mean means.

    >>> missed = {"false_negative": np.array([1]), "true_negative": np.array([9])}
    >>> counts = [ConfusionCounts(true_positive=np.array([hits]), **missed) for hits in (1, 3)]
    >>> states = [MetricState({"pixels": each}) for each in counts]
    >>> overall(states, ["iou"])  # 1/2 and 3/4
    {'iou': 0.625}
    """
    rows = [scores(tally, names, classes=classes) for tally in tallies]
    pooled = scores(sum(tallies, MetricState()), names, classes=classes)
    by_name: dict[str, float] = {}
    for name, value in pooled.items():
        plain = name.partition(" (")[0]
        if METRICS[plain].of == "objects":
            by_name[name] = value
            continue
        values = [row[name] for row in rows if not np.isnan(row[name])]
        by_name[name] = float(np.mean(values)) if values else float("nan")
    for name in names:
        own = [
            by_name[key]
            for each in classes
            if (key := class_metric_name(name, name=each)) in by_name and not np.isnan(by_name[key])
        ]
        if own:
            by_name[name] = float(np.mean(own))
    return by_name
