"""Regularizers on the menu: what predictions shall be whatever the truth is; they are added to a loss."""

from nbtrainer.catalog.losses.entry import LossEntry
from nbtrainer.catalog.tasks import kinds_with

_PIXELS = kinds_with("separate_channels", "classes")
_CONTOUR = kinds_with("contour")

REGULARIZERS = (
    LossEntry(
        "binary_regularizer",
        "Regularizer: decided",
        at="nbtrainer.losses.regularizers:Decided",
        help="Pulls probabilities away from 0.5, so that fewer pixels stay undecided.",
        source="PyTorch Connectomics: Lin et al. 2021, https://arxiv.org/abs/2112.05754",
        kinds=_PIXELS,
        formula="mean of 1 / max(|p - 0.5|, 0.01)",
        aliases=("BinaryReg",),
        is_regularizer=True,
    ),
    LossEntry(
        "foreground_contour",
        "Regularizer: foreground and contour agree",
        at="nbtrainer.losses.regularizers:ForegroundContour",
        help="Where the predicted foreground ends there shall be a predicted contour.",
        source="PyTorch Connectomics: Lin et al. 2021, https://arxiv.org/abs/2112.05754",
        kinds=_CONTOUR,
        formula="mean of (edge(f) - c)², edge: gradient of the foreground f in y and x, 3 pixels wide; c: contour",
        aliases=(
            "FgContour",
            "ForegroundContourConsistency",
        ),
        is_regularizer=True,
        channels=("foreground", "contour"),
    ),
    LossEntry(
        "contour_distance",
        "Regularizer: contour and distance agree",
        at="nbtrainer.losses.regularizers:ContourDistance",
        help="On a predicted contour the predicted distance shall be 0.",
        source="PyTorch Connectomics: Lin et al. 2021, https://arxiv.org/abs/2112.05754",
        kinds=_CONTOUR,
        formula="mean of (c |d|)², c: contour, d: distance from -1 to 1",
        aliases=(
            "ContourDT",
            "ContourDTConsistency",
        ),
        is_regularizer=True,
        channels=("contour", "distance"),
    ),
    LossEntry(
        "foreground_distance",
        "Regularizer: foreground and distance agree",
        at="nbtrainer.losses.regularizers:ForegroundDistance",
        help="The predicted distance shall be positive in the predicted foreground and negative outside.",
        source="PyTorch Connectomics: Lin et al. 2021, https://arxiv.org/abs/2112.05754",
        kinds=_CONTOUR,
        formula="mean of -max(d, 0) log f - max(-d, 0) log(1 - f), f: foreground, d: distance from -1 to 1",
        aliases=(
            "FgDT",
            "ForegroundDTConsistency",
        ),
        is_regularizer=True,
        channels=("foreground", "distance"),
    ),
)
