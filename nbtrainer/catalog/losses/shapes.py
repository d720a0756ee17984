"""Losses on the menu that look at the shape of what is predicted: lines, boundaries and gaps."""

from nbtrainer.catalog.losses.entry import LossEntry
from nbtrainer.catalog.tasks import kinds_with

_SEPARATE = kinds_with("separate_channels")
_CLASSES = kinds_with("classes")
_PIXELS = _SEPARATE + _CLASSES

SHAPES = (
    LossEntry(
        "cl_dice",
        "clDice (thin structures)",
        at="nbtrainer.losses.shapes:CenterlineDice",
        help="Dice of centre lines: vessels, fibres and outlines stay connected. Add it to Dice or cross-entropy; takes about as long as a small network.",
        source="Shit et al. 2021, https://arxiv.org/abs/2003.07311",
        kinds=_PIXELS,
        formula="1 - 2 T S / (T + S), T = (Σ S(p) y + s) / (Σ S(p) + s), S = (Σ S(y) p + s) / (Σ S(y) + s), S(): soft skeleton; of classes without the background",
        parameters=(
            "smoothing",
            "iterations",
        ),
        aliases=(
            "SoftclDiceLoss",
            "cldice",
        ),
    ),
    LossEntry(
        "boundary",
        "Boundary",
        at="nbtrainer.losses.shapes:Boundary",
        help="Distance of what is wrong from the true boundary; for thin and small structures, added to Dice. Distances are calculated on the processor in each step.",
        source="Kervadec et al. 2019, https://arxiv.org/abs/1812.07032",
        kinds=_PIXELS,
        formula="mean of (p - y) φ, φ: distance in pixels to the true boundary, negative inside; of classes without the background",
        aliases=("BoundaryLoss",),
        on_processor=True,
    ),
    LossEntry(
        "hausdorff",
        "Hausdorff by distance",
        at="nbtrainer.losses.shapes:Hausdorff",
        help="Mistakes far from both boundaries count most. Add it with a small weight; the slowest loss, as distances of each prediction are calculated on the processor.",
        source="Karimi and Salcudean 2019, https://arxiv.org/abs/1904.10030",
        kinds=_PIXELS,
        formula="mean of (p - y)² (d(p)^a + d(y)^a), d: distance in pixels to the boundary; of classes without the background",
        parameters=("exponent",),
        aliases=("HausdorffDTLoss",),
        on_processor=True,
    ),
    LossEntry(
        "border_crossentropy",
        "Cross-entropy with border weights (U-Net)",
        at="nbtrainer.losses.shapes:BorderCrossEntropy",
        help="Background between objects that nearly touch counts more, so that they stay apart. Distances are calculated on the processor in each step.",
        source="Ronneberger et al. 2015, https://arxiv.org/abs/1505.04597",
        kinds=_SEPARATE,
        formula="mean of (1 + b exp(-(d1 + d2)² / 2σ²)) (-y log p - (1 - y) log(1 - p)), d1, d2: distance in pixels to the two nearest objects, in the background",
        parameters=(
            "border_weight",
            "border_sigma",
        ),
        on_processor=True,
    ),
)
