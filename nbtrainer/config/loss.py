"""What is optimized: a loss, and the parameters of those that have some."""

from typing import Any, ClassVar

from nbtrainer.catalog import LOSSES, Catalog
from nbtrainer.catalog.losses import PARAMETERS
from nbtrainer.catalog.tasks import kinds_with
from nbtrainer.config.section import Section, field

# a regularizer alone has no truth to follow
_ALONE = Catalog("loss", *(entry for entry in LOSSES.values() if not entry.is_regularizer))
# as long as no sum is listed
_NO_TERMS: dict[str, tuple[Any, ...]] = {"loss_terms": ([],)}


def _with(parameter: str) -> dict[str, tuple[Any, ...]]:
    return {**_NO_TERMS, "loss": tuple(name for name, entry in LOSSES.items() if parameter in entry.parameters)}


class LossSettings(Section):
    """One loss with its parameters; a sum of several has them in its terms."""

    where: ClassVar[str] = "compile"

    loss: str = field(
        "auto",
        title="Loss",
        help="What training makes small. The wrong one can spoil a training; 'auto' takes what suits the kind of segmentation.",
        choices=_ALONE,
        extra_choices={"auto": "auto"},
        only_with=_NO_TERMS,
    )
    loss_smoothing: float = field(
        1e-5,
        title="Smoothing of overlap",
        help="Of Dice, Jaccard, Tversky, clDice and cosine: added above and below the fraction, so that an empty truth has a loss. MONAI's is 1e-5; larger values let patches without foreground count less.",
        gt=0,
        le=1000,
        only_with=_with("smoothing"),
        advanced=True,
    )
    overlap_per_patch: bool = field(
        False,
        title="Overlap of each patch",
        help="Of Dice and Jaccard. On: each patch has an overlap of its own, and the mean counts, as in PyTorch Connectomics (with a smoothing of 100). Off: all patches of a batch are one.",
        only_with=_with("per_patch"),
        advanced=True,
    )
    overlap_with_background: bool = field(
        True,
        title="Overlap of the background",
        help="Of Dice and Jaccard of classes. Off: the background does not count, as in nnU-Net.",
        only_with=_with("with_background"),
        kinds=kinds_with("classes"),
        advanced=True,
    )
    overlap_weight: float = field(
        1.0,
        title="Weight of overlap",
        help="Of sums with cross-entropy: how much Dice or Jaccard counts beside it; PyTorch Connectomics takes 0.5.",
        ge=0,
        le=1000,
        only_with=_with("overlap_weight"),
        advanced=True,
    )
    foreground_balance: float = field(
        0.0,
        title="Weight of rare pixels",
        help="Of cross-entropy, focal with alpha and errors of masks: 1 lets foreground and background of each patch count the same, as PyTorch Connectomics does (at most 19 times); 0 lets every pixel count the same.",
        ge=0,
        le=1,
        only_with=_with("balance"),
        advanced=True,
    )
    tversky_alpha: float = field(
        0.5,
        title="Alpha of Tversky",
        help="How much false alarms count. Above 0.5 less is wrongly claimed.",
        ge=0,
        le=10,
        only_with=_with("alpha"),
        advanced=True,
    )
    tversky_beta: float = field(
        0.5,
        title="Beta of Tversky",
        help="How much misses count. Above 0.5 more is found; 0.7 beside an alpha of 0.3 is Salehi's choice for lesions.",
        ge=0,
        le=10,
        only_with=_with("beta"),
        advanced=True,
    )
    focal_gamma: float = field(
        2.0,
        title="Gamma of focal",
        help="How little easy pixels count: 0 is cross-entropy, 2 what Lin recommends.",
        ge=0,
        le=10,
        only_with=_with("gamma"),
        advanced=True,
    )

    focal_alpha: float = field(
        0.25,
        title="Alpha of focal",
        help="How much the foreground counts; the background counts the rest of 1. Lin's choice is 0.25. Of classes all of them count so much.",
        ge=0,
        le=1,
        only_with=_with("foreground_weight"),
        advanced=True,
    )
    border_weight: float = field(
        10.0,
        title="Weight of gaps",
        help="How much more background counts where two objects nearly touch; U-Net's is 10.",
        ge=0,
        le=1000,
        only_with=_with("border_weight"),
        advanced=True,
    )
    border_sigma: float = field(
        5.0,
        title="Reach of gaps",
        help="How fast that weight falls with the distance to the two nearest objects; U-Net's is 5.",
        unit="pixels",
        gt=0,
        le=100,
        only_with=_with("border_sigma"),
        advanced=True,
    )
    huber_delta: float = field(
        1.0,
        title="Delta of Huber",
        help="Errors up to this are squared. Probabilities differ by 1 at most, so that only values below 1 change anything.",
        gt=0,
        le=1000,
        only_with=_with("delta"),
        advanced=True,
    )
    skeleton_iterations: int = field(
        3,
        title="Thinning of clDice",
        help="How often structures are thinned to find their centre lines: half the width of the widest, or more; each takes time and memory.",
        unit="pixels",
        ge=0,
        le=50,
        only_with=_with("iterations"),
        advanced=True,
    )
    hausdorff_exponent: float = field(
        2.0,
        title="Power of the distance",
        help="Of the Hausdorff loss: how much more mistakes count the further away they are.",
        gt=0,
        le=4,
        only_with=_with("exponent"),
        advanced=True,
    )

    @property
    def loss_parameters(self) -> dict[str, Any]:
        """The parameters of losses, under the names of their arguments."""
        return {name: getattr(self, setting) for name, setting in PARAMETERS.items()}
