"""The metrics on the menu."""

from dataclasses import dataclass

from nbtrainer.catalog.entry import Catalog, Entry

_F = "https://en.wikipedia.org/wiki/F-score"


@dataclass(frozen=True)
class Metric(Entry):
    """A metric. `of`: what it is computed from (see `nbtrainer.metrics.Tally`); `unit` is empty for a share of 1."""

    of: str = "pixels"
    lower_is_better: bool = False
    unit: str = ""


METRICS = Catalog(
    "metric",
    Metric("dice", "Dice (F1)", at="nbtrainer.metrics.pixels:dice", help="Overlap, from 0 to 1.", source=_F),
    Metric(
        "iou",
        "IoU (Jaccard)",
        at="nbtrainer.metrics.pixels:iou",
        help="Overlap, stricter than Dice.",
        source="https://en.wikipedia.org/wiki/Jaccard_index",
    ),
    Metric(
        "accuracy",
        "Accuracy",
        at="nbtrainer.metrics.pixels:accuracy",
        help="Share of pixels that are right; flatters when the background is large.",
        source="https://en.wikipedia.org/wiki/Accuracy_and_precision",
    ),
    Metric(
        "precision",
        "Precision",
        at="nbtrainer.metrics.pixels:precision",
        help="Share of the predicted foreground that is right.",
        source="https://en.wikipedia.org/wiki/Precision_and_recall",
    ),
    Metric(
        "recall",
        "Recall",
        at="nbtrainer.metrics.pixels:recall",
        help="Share of the true foreground that is found.",
        source="https://en.wikipedia.org/wiki/Precision_and_recall",
    ),
    Metric("f2", "F2", at="nbtrainer.metrics.pixels:f2", help="Like Dice, but misses count four times.", source=_F),
    Metric(
        "mean_squared_error",
        "Mean squared error",
        at="nbtrainer.metrics.pixels:mean_squared_error",
        help="Of the probabilities; lower is better.",
        source="https://en.wikipedia.org/wiki/Mean_squared_error",
        lower_is_better=True,
        unit="error",
    ),
    Metric(
        "mean_absolute_error",
        "Mean absolute error",
        at="nbtrainer.metrics.pixels:mean_absolute_error",
        help="Of the probabilities; lower is better.",
        source="https://en.wikipedia.org/wiki/Mean_absolute_error",
        lower_is_better=True,
        unit="error",
    ),
)

LOWER_IS_BETTER = frozenset({"loss"} | {name for name, entry in METRICS.items() if entry.lower_is_better})
