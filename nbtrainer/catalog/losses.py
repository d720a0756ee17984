"""The losses on the menu."""

from dataclasses import dataclass

from nbtrainer.catalog.entry import Catalog, Entry
from nbtrainer.catalog.tasks import kinds_with


@dataclass(frozen=True)
class LossEntry(Entry):
    """A loss. `parameters`: those of its arguments that can be set, in the Compile panel under the name of `PARAMETERS`."""

    parameters: tuple[str, ...] = ()


# the setting in `config.compile` of each parameter
PARAMETERS = {
    "smoothing": "loss_smoothing",
    "alpha": "tversky_alpha",
    "beta": "tversky_beta",
    "gamma": "focal_gamma",
    "overlap_weight": "overlap_weight",
    "balance": "foreground_balance",
}

_SEPARATE = kinds_with("separate_channels")
_CLASSES = kinds_with("classes")
_PIXELS = _SEPARATE + _CLASSES
_JACCARD = "https://en.wikipedia.org/wiki/Jaccard_index"
_DICE = "Milletari et al. 2016, https://arxiv.org/abs/1606.04797"

LOSSES = Catalog(
    "loss",
    LossEntry(
        "binary_crossentropy",
        "Binary cross-entropy",
        at="nbtrainer.losses.pixels:CrossEntropy",
        help="Judges every pixel by itself; steady, but small objects count little.",
        source="https://en.wikipedia.org/wiki/Cross-entropy",
        kinds=_SEPARATE,
        parameters=("balance",),
    ),
    LossEntry(
        "jaccard",
        "Jaccard (IoU)",
        at="nbtrainer.losses.pixels:Jaccard",
        help="Overlap of prediction and truth; good for binary masks.",
        source=_JACCARD,
        kinds=_PIXELS,
        parameters=("smoothing",),
    ),
    LossEntry(
        "dice",
        "Dice",
        at="nbtrainer.losses.pixels:Dice",
        help="Close kin of Jaccard; good when the foreground is small.",
        source=_DICE,
        kinds=_PIXELS,
        parameters=("smoothing",),
    ),
    LossEntry(
        "bce_jaccard",
        "BCE + Jaccard",
        at="nbtrainer.losses.pixels:JaccardCrossEntropy",
        help="Sum of both: steady at first, exact at the end.",
        source=_JACCARD,
        kinds=_SEPARATE,
        parameters=("smoothing", "overlap_weight", "balance"),
    ),
    LossEntry(
        "bce_dice",
        "BCE + Dice",
        at="nbtrainer.losses.pixels:DiceCrossEntropy",
        help="Sum of both; what we recommend for binary masks. 'dice_ce' is the same formula, by the name that it has for classes.",
        source=_DICE,
        kinds=_SEPARATE,
        parameters=("smoothing", "overlap_weight", "balance"),
    ),
    LossEntry(
        "categorical_crossentropy",
        "Cross-entropy of classes",
        at="nbtrainer.losses.pixels:CrossEntropy",
        help="Judges every pixel by itself; rare classes count little unless they are weighted.",
        source="https://en.wikipedia.org/wiki/Cross-entropy",
        kinds=_CLASSES,
    ),
    LossEntry(
        "dice_ce",
        "Dice + cross-entropy",
        at="nbtrainer.losses.pixels:DiceCrossEntropy",
        help="Sum of both: steady at first, exact at the end; what we recommend for classes. Of a foreground it is BCE + Dice.",
        source="Isensee et al. 2021, https://doi.org/10.1038/s41592-020-01008-z",
        kinds=_PIXELS,
        parameters=("smoothing", "overlap_weight"),
    ),
    LossEntry(
        "jaccard_ce",
        "Jaccard + cross-entropy",
        at="nbtrainer.losses.pixels:JaccardCrossEntropy",
        help="Like Dice + cross-entropy, stricter about overlap.",
        source=_JACCARD,
        kinds=_CLASSES,
        parameters=("smoothing", "overlap_weight"),
    ),
    LossEntry(
        "focal",
        "Focal",
        at="nbtrainer.losses.pixels:Focal",
        help="Pixels that are easy count little; for rare objects in much background.",
        source="Lin et al. 2017, https://arxiv.org/abs/1708.02002",
        kinds=_PIXELS,
        parameters=("gamma",),
    ),
    LossEntry(
        "dice_focal",
        "Dice + focal",
        at="nbtrainer.losses.pixels:DiceFocal",
        help="Half of Dice and focal together.",
        source="Zhu et al. 2019, https://arxiv.org/abs/1808.05238",
        kinds=_PIXELS,
        parameters=("smoothing", "gamma"),
    ),
    LossEntry(
        "generalized_dice",
        "Generalized Dice",
        at="nbtrainer.losses.pixels:GeneralizedDice",
        help="Dice in which small classes count as much as large ones; with one channel it is Dice.",
        source="Sudre et al. 2017, https://arxiv.org/abs/1707.03237",
        kinds=_PIXELS,
    ),
    LossEntry(
        "tversky",
        "Tversky",
        at="nbtrainer.losses.pixels:Tversky",
        help="Kin of Dice that can weigh misses (beta) and false alarms (alpha); while both are 0.5 it is Dice.",
        source="Salehi et al. 2017, https://arxiv.org/abs/1706.05721",
        kinds=_PIXELS,
        parameters=("smoothing", "alpha", "beta"),
    ),
    LossEntry(
        "mean_squared_error",
        "Mean squared error",
        at="nbtrainer.losses.pixels:MeanSquaredError",
        help="For outputs that are not masks.",
        source="https://en.wikipedia.org/wiki/Mean_squared_error",
        kinds=_PIXELS,
    ),
    LossEntry(
        "mean_absolute_error",
        "Mean absolute error",
        at="nbtrainer.losses.pixels:MeanAbsoluteError",
        help="For outputs that are not masks; outliers count less.",
        source="https://en.wikipedia.org/wiki/Mean_absolute_error",
        kinds=_PIXELS,
    ),
    LossEntry(
        "omnipose",
        "Flow, distance and boundary (Omnipose)",
        at="nbtrainer.losses.flow:FlowLoss",
        help="Errors of flow, its direction and length, of the distance, the boundary, and of where pixels are led.",
        source="Cutler et al. 2022, https://doi.org/10.1038/s41592-022-01639-4",
        kinds=kinds_with("flow"),
    ),
    LossEntry(
        "normalized_cuts",
        "Normalized cuts + reconstruction",
        at="nbtrainer.losses.normalized_cuts:NormalizedCuts",
        help="Classes that cut the image where it changes, and from which it can be reconstructed; needs no labels.",
        source="Xia and Kulis 2017, https://arxiv.org/abs/1711.08506",
        kinds=kinds_with("reconstruction"),
    ),
)
