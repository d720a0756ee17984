"""How the weights are optimized, and what for (the Compile panel of EPySeg)."""

from typing import Any, ClassVar, Literal

from pydantic import field_validator
from pydantic_core import PydanticCustomError

from nbtrainer.catalog import METRICS
from nbtrainer.config.loss import LossSettings
from nbtrainer.config.loss_terms import AnyLossTerm, with_own_names
from nbtrainer.config.optimization import Optimization
from nbtrainer.config.section import field


class Compile(LossSettings, Optimization):
    """Optimizer, loss and metrics."""

    where: ClassVar[str] = "compile"

    loss_terms: list[AnyLossTerm] = field(
        title="Sum of losses",
        help="Losses that are added, each times its weight, in place of the one above; + adds a loss, - removes one. Each is logged by itself.",
        default_factory=list,
        advanced=True,
    )
    metrics: Literal["auto"] | list[str] = field(
        "auto",
        title="Metrics",
        help="Scores for people to read (the log gives them in percent); they do not influence training. "
        "+ adds one, - removes one.",
        choices=METRICS,
    )

    @field_validator("loss_terms", mode="before")
    @classmethod
    def _take_aliases(cls, value: Any) -> Any:
        return with_own_names(value)

    @field_validator("metrics")
    @classmethod
    def _names_each_once(cls, value: Any) -> Any:
        if isinstance(value, list) and len(set(value)) < len(value):
            wrong = f"{next(name for name in value if value.count(name) > 1)} is listed twice"
            raise PydanticCustomError("twice", "{wrong}", {"wrong": wrong, "remedy": "Name each metric once"})
        return value
