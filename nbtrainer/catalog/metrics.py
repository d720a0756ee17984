"""The metrics on the menu. All are computed on the foreground of a binary mask."""

from nbtrainer.catalog.entry import Catalog, Entry

_F = "https://en.wikipedia.org/wiki/F-score"

METRICS = Catalog(
    "metric",
    Entry("dice", "Dice (F1)", at="nbtrainer.metrics:dice", help="Overlap, from 0 to 1.", source=_F),
    Entry(
        "iou",
        "IoU (Jaccard)",
        at="nbtrainer.metrics:iou",
        help="Overlap, stricter than Dice.",
        source="https://en.wikipedia.org/wiki/Jaccard_index",
    ),
    Entry(
        "accuracy",
        "Accuracy",
        at="nbtrainer.metrics:accuracy",
        help="Share of pixels that are right; flatters when the background is large.",
        source="https://en.wikipedia.org/wiki/Accuracy_and_precision",
    ),
    Entry(
        "precision",
        "Precision",
        at="nbtrainer.metrics:precision",
        help="Share of the predicted foreground that is right.",
        source="https://en.wikipedia.org/wiki/Precision_and_recall",
    ),
    Entry(
        "recall",
        "Recall",
        at="nbtrainer.metrics:recall",
        help="Share of the true foreground that is found.",
        source="https://en.wikipedia.org/wiki/Precision_and_recall",
    ),
    Entry("f2", "F2", at="nbtrainer.metrics:f2", help="Like Dice, but misses count four times.", source=_F),
    Entry(
        "mean_squared_error",
        "Mean squared error",
        at="nbtrainer.metrics:mean_squared_error",
        help="Of the probabilities; lower is better.",
        source="https://en.wikipedia.org/wiki/Mean_squared_error",
    ),
    Entry(
        "mean_absolute_error",
        "Mean absolute error",
        at="nbtrainer.metrics:mean_absolute_error",
        help="Of the probabilities; lower is better.",
        source="https://en.wikipedia.org/wiki/Mean_absolute_error",
    ),
)

LOWER_IS_BETTER = frozenset({"loss", "mean_squared_error", "mean_absolute_error"})
