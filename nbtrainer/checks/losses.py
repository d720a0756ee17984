"""The check of a sum of losses: each must suit the kind of segmentation, and one at least must follow the truth."""

from __future__ import annotations

from collections.abc import Iterator

from nbtrainer.catalog import LOSSES, TASKS
from nbtrainer.config import Config
from nbtrainer.config.messages import join_or
from nbtrainer.errors import Finding, UserError

_WHERE = "compile.loss_terms"


def check_loss_terms(config: Config) -> Iterator[Finding]:
    """Losses of a sum that cannot be calculated, or by which nothing is learned."""
    terms = config.compile.loss_terms
    if not terms:
        return
    channels = _channels(config)
    for place, term in enumerate(terms):
        entry, where = LOSSES[term.loss], f"{_WHERE}[{place}]"
        if not entry.suits(config.task.kind):
            yield Finding(
                where=where,
                wrong=f"{entry.title} is no loss for the kind {config.task.kind}",
                remedy=f"Remove it; it is for {join_or(entry.kinds)}",
            )
        elif missing := [name for name in entry.channels if channels is not None and name not in channels]:
            yield Finding(
                where=where,
                wrong=f"{entry.title} needs the {join_or(missing)}, which is not learned",
                remedy=f"Switch task.with_{missing[0]} on, or remove the regularizer",
            )
        if term.loss == "tversky" and term.parameters["alpha"] == term.parameters["beta"] == 0:
            yield Finding(
                where=f"{where}.alpha",
                wrong="with an alpha and a beta of 0 no mistake counts, and nothing is learned",
                remedy="Give numbers whose sum is about 1, such as 0.3 and 0.7",
                suggestions=(0.5,),
            )
    if not any(term.weight for term in terms):
        yield Finding(
            where=f"{_WHERE}[0].weight",
            wrong="all weights are 0, and nothing is learned",
            remedy="Give one of the losses a weight, such as 1",
            suggestions=(1.0,),
        )
    elif not any(term.weight for term in terms if not LOSSES[term.loss].is_regularizer):
        yield Finding(
            where=_WHERE,
            wrong="regularizers alone know nothing of the labels",
            remedy=f"Add a loss, such as {LOSSES[TASKS[config.task.kind].default_loss].title}",
        )


def _channels(config: Config) -> tuple[str, ...] | None:
    """The output channels, where they are known without looking at the data."""
    if not any(LOSSES[term.loss].channels for term in config.compile.loss_terms):
        return None
    try:
        channels: tuple[str, ...] = TASKS.load(config.task.kind)(settings=config.task).channels
    except (TypeError, UserError):  # needs the data; or is told elsewhere
        return None
    return channels
