"""The metrics on the menu."""

from nbtrainer.catalog.metrics.entry import Metric
from nbtrainer.catalog.metrics.menu import METRICS, higher_is_better

__all__ = ["METRICS", "Metric", "higher_is_better"]
