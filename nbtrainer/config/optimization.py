"""How the weights are optimized."""

from typing import Annotated, ClassVar

from pydantic import Field

from nbtrainer.catalog import OPTIMIZERS, SCHEDULES
from nbtrainer.config.section import Section, field

Rate = Annotated[float, Field(ge=0, le=10_000)]
# of the run
Share = Annotated[float, Field(gt=0, lt=1)]


class Optimization(Section):
    """Optimizer, learning rate and its course."""

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
