"""The metrics on the menu."""

from dataclasses import dataclass

from nbtrainer.catalog.entry import Catalog, Entry
from nbtrainer.catalog.tasks import kinds_with

_OBJECTS = kinds_with("objects")
# surfaces of masks can be compared
_MASKS = kinds_with("masks")
_F = "https://en.wikipedia.org/wiki/F-score"


@dataclass(frozen=True)
class Metric(Entry):
    """A metric. `of`: what it is computed from (see `nbtrainer.metrics.MetricState`); `unit` is empty for a share of 1."""

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
    Metric(
        "hausdorff_95",
        "Hausdorff distance 95",
        at="nbtrainer.metrics.surfaces:hausdorff_95",
        help="How far the surfaces of prediction and truth lie apart, but for the worst 5 %.",
        source="Huttenlocher et al. 1993, https://doi.org/10.1109/34.232073",
        kinds=_MASKS,
        of="surfaces",
        lower_is_better=True,
        unit="px",
    ),
    Metric(
        "surface_distance",
        "Mean surface distance",
        at="nbtrainer.metrics.surfaces:mean_surface_distance",
        help="How far the surfaces of prediction and truth lie apart on average.",
        source="Heimann et al. 2009, https://doi.org/10.1109/TMI.2009.2013851",
        kinds=_MASKS,
        of="surfaces",
        lower_is_better=True,
        unit="px",
    ),
    Metric(
        "ap_50",
        "Average precision at IoU 0.5",
        at="nbtrainer.metrics.objects:ap_50",
        help="Objects found, by all that are there or claimed; an object counts if it overlaps by half.",
        source="Caicedo et al. 2019, https://doi.org/10.1038/s41592-019-0612-7",
        kinds=_OBJECTS,
        of="objects",
    ),
    Metric(
        "ap_75",
        "Average precision at IoU 0.75",
        at="nbtrainer.metrics.objects:ap_75",
        help="The same, stricter about outlines.",
        source="Caicedo et al. 2019, https://doi.org/10.1038/s41592-019-0612-7",
        kinds=_OBJECTS,
        of="objects",
    ),
    Metric(
        "mean_ap",
        "Mean average precision",
        at="nbtrainer.metrics.objects:mean_ap",
        help="Mean over IoU 0.5 to 0.95.",
        source="Caicedo et al. 2019, https://doi.org/10.1038/s41592-019-0612-7",
        kinds=_OBJECTS,
        of="objects",
    ),
    Metric(
        "f1_50",
        "F1 of objects at IoU 0.5",
        at="nbtrainer.metrics.objects:f1_50",
        help="Like Dice, but of objects instead of pixels.",
        source="Caicedo et al. 2019, https://doi.org/10.1038/s41592-019-0612-7",
        kinds=_OBJECTS,
        of="objects",
    ),
    Metric(
        "object_precision",
        "Precision of objects",
        at="nbtrainer.metrics.objects:object_precision",
        help="Share of the predicted objects that are there.",
        source="Caicedo et al. 2019, https://doi.org/10.1038/s41592-019-0612-7",
        kinds=_OBJECTS,
        of="objects",
    ),
    Metric(
        "object_recall",
        "Recall of objects",
        at="nbtrainer.metrics.objects:object_recall",
        help="Share of the true objects that are found.",
        source="Caicedo et al. 2019, https://doi.org/10.1038/s41592-019-0612-7",
        kinds=_OBJECTS,
        of="objects",
    ),
    Metric(
        "panoptic_quality",
        "Panoptic quality",
        at="nbtrainer.metrics.objects:panoptic_quality",
        help="F1 of objects times the mean IoU of those that match.",
        source="Kirillov et al. 2019, https://arxiv.org/abs/1801.00868",
        kinds=_OBJECTS,
        of="objects",
    ),
    Metric(
        "mean_matched_iou",
        "Mean IoU of matched objects",
        at="nbtrainer.metrics.objects:mean_matched_iou",
        help="How well the outlines of found objects fit.",
        source="Kirillov et al. 2019, https://arxiv.org/abs/1801.00868",
        kinds=_OBJECTS,
        of="objects",
    ),
    Metric(
        "splits",
        "Split objects",
        at="nbtrainer.metrics.objects:splits",
        help="True objects that were predicted in several pieces.",
        source="Arganda-Carreras et al. 2015, https://doi.org/10.3389/fnana.2015.00142",
        kinds=_OBJECTS,
        of="objects",
        lower_is_better=True,
        unit="objects",
    ),
    Metric(
        "merges",
        "Merged objects",
        at="nbtrainer.metrics.objects:merges",
        help="Predicted objects that hold several true ones.",
        source="Arganda-Carreras et al. 2015, https://doi.org/10.3389/fnana.2015.00142",
        kinds=_OBJECTS,
        of="objects",
        lower_is_better=True,
        unit="objects",
    ),
    Metric(
        "variation_of_information",
        "Variation of information",
        at="nbtrainer.metrics.partitions:variation_of_information",
        help="What prediction and truth do not share; for objects that fill the image, as in electron microscopy.",
        source="Meila 2007, https://doi.org/10.1016/j.jmva.2006.11.013",
        kinds=_OBJECTS,
        of="partitions",
        lower_is_better=True,
        unit="bits",
    ),
    Metric(
        "vi_split",
        "Variation of information: splits",
        at="nbtrainer.metrics.partitions:vi_split",
        help="The part that too many pieces cause.",
        source="Meila 2007, https://doi.org/10.1016/j.jmva.2006.11.013",
        kinds=_OBJECTS,
        of="partitions",
        lower_is_better=True,
        unit="bits",
    ),
    Metric(
        "vi_merge",
        "Variation of information: merges",
        at="nbtrainer.metrics.partitions:vi_merge",
        help="The part that merged objects cause.",
        source="Meila 2007, https://doi.org/10.1016/j.jmva.2006.11.013",
        kinds=_OBJECTS,
        of="partitions",
        lower_is_better=True,
        unit="bits",
    ),
    Metric(
        "adapted_rand_error",
        "Adapted Rand error",
        at="nbtrainer.metrics.partitions:adapted_rand_error",
        help="Pairs of pixels that are wrongly together or apart; for electron microscopy.",
        source="Arganda-Carreras et al. 2015, https://doi.org/10.3389/fnana.2015.00142",
        kinds=_OBJECTS,
        of="partitions",
        lower_is_better=True,
    ),
)

_LOWER_IS_BETTER = frozenset({"loss"} | {name for name, entry in METRICS.items() if entry.lower_is_better})


def higher_is_better(name: str) -> bool:
    """Whether a larger value of the score `name` (`validation_dice`, `train_loss`, `dice (axon)`, ...) is better.

    >>> higher_is_better("validation_dice"), higher_is_better("train_loss")
    (True, False)
    """
    return name.partition(" (")[0].removeprefix("validation_").removeprefix("train_") not in _LOWER_IS_BETTER
