"""The terms of a sum of losses: a model for each loss of the catalog, with its weight and its parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Union

from pydantic import Field, create_model
from pydantic.fields import FieldInfo

from nbtrainer.catalog import LOSSES
from nbtrainer.catalog.losses import PARAMETERS, LossEntry
from nbtrainer.config import messages
from nbtrainer.config.loss import LossSettings
from nbtrainer.config.section import Section, field, metadata_of

_BOUNDS = ("ge", "gt", "le", "lt")


class LossTerm(Section):
    """One loss of a sum, known by its name in the catalog; each model below adds the parameters of its loss."""

    where: ClassVar[str] = "compile.loss_terms"
    tag: ClassVar[str] = "loss"
    documented_in: ClassVar[str] = "losses.md"

    if TYPE_CHECKING:  # each model declares it with its own default
        loss: str
    weight: float = field(
        1.0,
        title="Weight",
        help="What the loss is multiplied with in the sum.",
        ge=0,
        le=1_000_000,
    )

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of the loss, under the names of its arguments."""
        return {name: getattr(self, name) for name in LOSSES[self.loss].parameters}


def _model(entry: LossEntry) -> type[LossTerm]:
    declared: dict[str, Any] = {name: _parameter(PARAMETERS[name]) for name in entry.parameters}
    declared["loss"] = (Literal[entry.name], field(entry.name, title=entry.title))
    camel = "".join(part.capitalize() for part in entry.name.split("_"))
    model = create_model(f"{camel}Term", __base__=LossTerm, __module__=__name__, __doc__=entry.help, **declared)
    model.kinds = entry.kinds
    return model


def _parameter(setting: str) -> tuple[Any, FieldInfo]:
    """A parameter as the setting beside `compile.loss` declares it, without the losses that it has an effect with."""
    info = LossSettings.model_fields[setting]
    bounds = {name: getattr(each, name) for each in info.metadata for name in _BOUNDS if hasattr(each, name)}
    metadata = metadata_of(info)._replace(only_with={}, advanced=False, old_names=())
    own: Any = Field(
        info.default,
        title=info.title,
        description=info.description,
        json_schema_extra={"metadata": metadata},  # type: ignore[dict-item]
        **bounds,
    )
    return info.annotation, own


def with_own_names(value: Any) -> Any:
    """A list of terms, in which a loss that was given by one of its other names has the one of the catalog."""
    if not isinstance(value, list):
        return value
    return [
        {**term, LossTerm.tag: LOSSES.name_of(term[LossTerm.tag])}
        if isinstance(term, dict) and isinstance(term.get(LossTerm.tag), str)
        else term
        for term in value
    ]


LOSS_TERMS = {name: _model(entry) for name, entry in LOSSES.items()}
messages.register_tags(LOSS_TERMS)

if TYPE_CHECKING:
    AnyLossTerm = LossTerm
else:
    AnyLossTerm = Annotated[Union[tuple(LOSS_TERMS.values())], Field(discriminator="loss")]  # noqa: UP007
