"""How the weights are optimized, and what for (the Compile panel of EPySeg)."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from nbtrainer.catalog import LOSSES, METRICS, OPTIMIZERS, SCHEDULES
from nbtrainer.catalog.losses import PARAMETERS
from nbtrainer.config.section import Section, field

Rate = Annotated[float, Field(ge=0, le=10_000)]
# of the run
Share = Annotated[float, Field(gt=0, lt=1)]


def _losses_with(parameter: str) -> dict[str, tuple[str, ...]]:
    return {"loss": tuple(name for name, entry in LOSSES.items() if parameter in entry.parameters)}


class Compile(Section):
    """Optimizer, loss and metrics."""

    where: ClassVar[str] = "compile"

    recompile: bool = field(
        True,
        title="Compile/recompile model",
        help="Off: a model that is started from keeps the optimizer, loss and metrics it was trained with.",
        advanced=True,
    )
    optimizer: str = field(
        "adamw",
        title="Optimizer",
        help="How weights follow the gradient. Start with Adam or AdamW.",
        choices=OPTIMIZERS,
    )
    learning_rate: float = field(
        0.003,
        title="Learning rate",
        help="Size of the steps. Lower it when the loss jumps or becomes worse; Adam alone likes 0.001, SGD 0.1.",
        gt=0,
        le=10_000,
        only_with={"schedule": tuple(name for name in SCHEDULES if name != "list")},
    )
    schedule: str = field(
        "one_cycle",
        title="Course of the learning rate",
        help="Whether the rate changes during the run.",
        choices=SCHEDULES,
        advanced=True,
    )
    warm_up_fraction: float = field(
        0.1,
        title="Warm-up",
        help="Share of the run during which the learning rate rises (not with a constant rate).",
        ge=0,
        lt=1,
        only_with={"schedule": tuple(name for name in SCHEDULES if name not in ("constant", "omnipose", "list"))},
        advanced=True,
    )
    milestones: list[Share] = field(
        title="Milestones",
        help="Of 'steps': the shares of the run at which the learning rate falls.",
        default_factory=lambda: [0.5, 0.75],
        max_length=100,
        only_with={"schedule": ("steps",)},
        advanced=True,
    )
    step_epochs: int = field(
        60,
        title="Falls every",
        help="Of 'step': the learning rate falls each time that so many epochs are over; EasyReg's is 60.",
        unit="epochs",
        ge=1,
        le=1_000_000,
        only_with={"schedule": ("step",)},
        advanced=True,
    )
    plateau_patience: int = field(
        10,
        title="Falls after",
        help="Of 'plateau': the learning rate falls when so many validations had no better score.",
        unit="validations",
        ge=1,
        le=1_000_000,
        only_with={"schedule": ("plateau",)},
        advanced=True,
    )
    rates: list[Rate] = field(
        title="Rates",
        help="Of 'list': the learning rate of each epoch, in order; the last one stays.",
        default_factory=list,
        max_length=1_000_000,
        only_with={"schedule": ("list",)},
        advanced=True,
    )
    decay: float = field(
        0.1,
        title="Decay",
        help="Of 'steps', 'step' and 'plateau': by what the learning rate is multiplied each time that it falls.",
        gt=0,
        le=1,
        only_with={"schedule": ("steps", "step", "plateau")},
        advanced=True,
    )
    power: float = field(
        0.9,
        title="Power",
        help="Of 'polynomial': 1 falls evenly; nnU-Net's is 0.9.",
        gt=0,
        le=10,
        only_with={"schedule": ("polynomial",)},
        advanced=True,
    )
    max_gradient_norm: float = field(
        0.0,
        title="Largest gradient",
        help="Gradients longer than this are shortened to it, which keeps a run calm; 0: never. nnU-Net's is 12.",
        ge=0,
        advanced=True,
    )
    ema_decay: float = field(
        0.0,
        title="Average of weights",
        help="What validates and is kept is a moving average of the weights, of which each step keeps this share; it calms a noisy end. 0: the weights themselves; else 0.99 to 0.9999.",
        ge=0,
        lt=1,
        advanced=True,
    )
    layer_decay: float = field(
        1.0,
        title="Rate of earlier layers",
        help="For fine-tuning: the learning rate is multiplied by this from each layer to the one before it, so that the first layers change least. 1: the same for all.",
        gt=0,
        le=1,
        advanced=True,
    )
    frozen_epochs: int = field(
        0,
        title="Keep loaded layers for",
        help="For fine-tuning: what was taken over from another model stays as it is for so many epochs, while the new layers learn.",
        unit="epochs",
        ge=0,
        le=1_000_000,
        advanced=True,
    )
    momentum: float = field(
        0.9,
        title="Momentum",
        help="For SGD and RMSprop: how much of the last step is kept.",
        ge=0,
        lt=1,
        only_with={"optimizer": ("sgd", "rmsprop")},
        advanced=True,
    )
    weight_decay: float = field(
        0.0,
        title="Weight decay",
        help="Pulls weights towards 0; a little can limit overfitting.",
        ge=0,
        le=1,
        advanced=True,
    )
    loss: str = field(
        "auto",
        title="Loss",
        help="What training makes small. The wrong one can spoil a training; 'auto' takes what suits the kind of segmentation.",
        choices=LOSSES,
        extra_choices={"auto": "auto"},
    )
    loss_smoothing: float = field(
        1e-5,
        title="Smoothing of overlap",
        help="Of Dice, Jaccard and Tversky: added above and below the fraction, so that an empty truth has a loss. MONAI's is 1e-5; larger values let patches without foreground count less.",
        gt=0,
        le=1000,
        only_with=_losses_with("smoothing"),
        advanced=True,
    )
    overlap_weight: float = field(
        1.0,
        title="Weight of overlap",
        help="Of sums with cross-entropy: how much Dice or Jaccard counts beside it; PyTorch Connectomics takes 0.5.",
        ge=0,
        le=1000,
        only_with=_losses_with("overlap_weight"),
        advanced=True,
    )
    foreground_balance: float = field(
        0.0,
        title="Weight of rare pixels",
        help="Of binary cross-entropy: 1 lets foreground and background of each patch count the same, as PyTorch Connectomics does (at most 19 times); 0 lets every pixel count the same.",
        ge=0,
        le=1,
        only_with=_losses_with("balance"),
        advanced=True,
    )
    tversky_alpha: float = field(
        0.5,
        title="Alpha of Tversky",
        help="How much false alarms count. Above 0.5 less is wrongly claimed.",
        ge=0,
        le=10,
        only_with=_losses_with("alpha"),
        advanced=True,
    )
    tversky_beta: float = field(
        0.5,
        title="Beta of Tversky",
        help="How much misses count. Above 0.5 more is found; 0.7 beside an alpha of 0.3 is Salehi's choice for lesions.",
        ge=0,
        le=10,
        only_with=_losses_with("beta"),
        advanced=True,
    )
    focal_gamma: float = field(
        2.0,
        title="Gamma of focal",
        help="How little easy pixels count: 0 is cross-entropy, 2 what Lin recommends.",
        ge=0,
        le=10,
        only_with=_losses_with("gamma"),
        advanced=True,
    )
    metrics: Literal["auto"] | list[str] = field(
        "auto",
        title="Metrics",
        help="Scores for people to read (the log gives them in percent); they do not influence training. "
        "+ adds one, - removes one.",
        choices=METRICS,
    )

    @property
    def loss_parameters(self) -> dict[str, float]:
        """The parameters of losses, under the names of their arguments."""
        return {name: getattr(self, setting) for name, setting in PARAMETERS.items()}

    @field_validator("metrics")
    @classmethod
    def _names_each_once(cls, value: Any) -> Any:
        if isinstance(value, list) and len(set(value)) < len(value):
            wrong = f"{next(name for name in value if value.count(name) > 1)} is listed twice"
            raise PydanticCustomError("twice", "{wrong}", {"wrong": wrong, "remedy": "Name each metric once"})
        return value
