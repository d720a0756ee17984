"""The losses on the menu."""

from nbtrainer.catalog.entry import Catalog, Entry

_JACCARD = "https://en.wikipedia.org/wiki/Jaccard_index"
_DICE = "Milletari et al. 2016, https://arxiv.org/abs/1606.04797"

LOSSES = Catalog(
    "loss",
    Entry(
        "binary_crossentropy",
        "Binary cross-entropy",
        at="nbtrainer.losses:BinaryCrossEntropy",
        help="Judges every pixel by itself; steady, but small objects count little.",
        source="https://en.wikipedia.org/wiki/Cross-entropy",
    ),
    Entry(
        "jaccard",
        "Jaccard (IoU)",
        at="nbtrainer.losses:Jaccard",
        help="Overlap of prediction and truth; good for binary masks.",
        source=_JACCARD,
    ),
    Entry(
        "dice",
        "Dice",
        at="nbtrainer.losses:Dice",
        help="Close kin of Jaccard; good when the foreground is small.",
        source=_DICE,
    ),
    Entry(
        "bce_jaccard",
        "BCE + Jaccard",
        at="nbtrainer.losses:BCEJaccard",
        help="Sum of both: steady at first, exact at the end.",
        source=_JACCARD,
    ),
    Entry(
        "bce_dice",
        "BCE + Dice",
        at="nbtrainer.losses:BCEDice",
        help="Sum of both; what we recommend for binary masks.",
        source=_DICE,
    ),
    Entry(
        "mean_squared_error",
        "Mean squared error",
        at="nbtrainer.losses:MeanSquaredError",
        help="For outputs that are not masks.",
        source="https://en.wikipedia.org/wiki/Mean_squared_error",
    ),
    Entry(
        "mean_absolute_error",
        "Mean absolute error",
        at="nbtrainer.losses:MeanAbsoluteError",
        help="For outputs that are not masks; outliers count less.",
        source="https://en.wikipedia.org/wiki/Mean_absolute_error",
    ),
)
