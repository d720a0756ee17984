"""A loss by its name in the catalog, or a sum of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from nbtrainer.catalog import LOSSES
from nbtrainer.losses.masked import MaskedLoss
from nbtrainer.losses.pixels import PixelLoss
from nbtrainer.losses.sums import SumOfLosses, SumTerm, WeightedLoss, distinct_names
from nbtrainer.losses.targets import MultiTargetLoss, Target


def create(name: str, settings: dict[str, Any], parameters: Mapping[str, Any], *, may_ignore: bool) -> nn.Module:
    """Loss `name` with the settings of a task: arguments of the loss, or `targets`, each of which has one.

    `parameters`: those of losses by the names of their arguments, of which each loss takes those that its entry names.
    `may_ignore`: targets can hold NaN, where nothing is known.
    """
    if "targets" in settings:
        targets = settings["targets"]
        return MultiTargetLoss(
            targets, [create(target.loss or name, {}, parameters, may_ignore=may_ignore) for target in targets]
        )
    own = {each: parameters[each] for each in LOSSES[name].parameters}
    loss = LOSSES.load(name)(**settings, **own)
    assert isinstance(loss, nn.Module)
    # the others find what is unknown themselves
    return MaskedLoss(loss) if may_ignore and isinstance(loss, PixelLoss) else loss


def create_sum(
    terms: Sequence[WeightedLoss], settings: dict[str, Any], parameters: Mapping[str, Any], *, may_ignore: bool
) -> nn.Module:
    """The sum of `terms` with the settings of a task; of several targets, each has the sum for itself.

    A target with a loss of its own keeps that, with these `parameters`. Regularizers that hold channels against each other
    are added once, for all targets.
    """
    if "targets" not in settings:
        return _sum_of(terms, settings, may_ignore=may_ignore)
    targets: Sequence[Target] = settings["targets"]
    each = [term for term in terms if not LOSSES[term.name].channels]
    across = [term for term in terms if LOSSES[term.name].channels]
    of_targets: nn.Module = MultiTargetLoss(
        targets,
        [
            create(target.loss, {}, parameters, may_ignore=may_ignore)
            if target.loss
            else _sum_of(each, {}, may_ignore=may_ignore)
            for target in targets
        ],
    )
    if not across:
        return of_targets
    places = {target.name: sum(one.channels for one in targets[:at]) for at, target in enumerate(targets)}
    regularizers = [SumTerm(term.name, term.weight, LOSSES.load(term.name)(places)) for term in across]
    return SumOfLosses([SumTerm("", 1.0, of_targets), *regularizers])


def _sum_of(terms: Sequence[WeightedLoss], settings: dict[str, Any], *, may_ignore: bool) -> SumOfLosses:
    losses = [create(term.name, settings, term.parameters, may_ignore=may_ignore) for term in terms]
    names = distinct_names(terms)
    return SumOfLosses(
        [SumTerm(name, term.weight, loss) for name, term, loss in zip(names, terms, losses, strict=True)]
    )
