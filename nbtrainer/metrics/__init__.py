"""Scores: of pixels, from counts of each class; of objects, partitions and surfaces, from label images."""

from nbtrainer.catalog import higher_is_better
from nbtrainer.metrics.pixels import ConfusionCounts, PixelPredictions, count
from nbtrainer.metrics.state import (
    MetricState,
    PerClass,
    class_metric_name,
    metric_inputs,
    of_pixels,
    overall,
    scores,
)

__all__ = [
    "ConfusionCounts",
    "MetricState",
    "PerClass",
    "PixelPredictions",
    "class_metric_name",
    "count",
    "higher_is_better",
    "metric_inputs",
    "of_pixels",
    "overall",
    "scores",
]
