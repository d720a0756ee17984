"""What the menu says of a metric."""

from dataclasses import dataclass

from nbtrainer.catalog.entry import Entry


@dataclass(frozen=True)
class Metric(Entry):
    """A metric. `of`: what it is computed from (see `nbtrainer.metrics.MetricState`); `unit` is empty for a share of 1."""

    of: str = "pixels"
    lower_is_better: bool = False
    unit: str = ""
