"""Scores: of pixels, from counts of each class; of objects, partitions and surfaces, from label images."""

from nbtrainer.metrics.pixels import Counts, Pixels, count
from nbtrainer.metrics.state import OfClasses, Tally, families, higher_is_better, of_class, overall, scores

__all__ = [
    "Counts",
    "OfClasses",
    "Pixels",
    "Tally",
    "count",
    "families",
    "higher_is_better",
    "of_class",
    "overall",
    "scores",
]
