"""A loss by its name in the catalog."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from nbtrainer.catalog import LOSSES
from nbtrainer.losses.masked import MaskedLoss
from nbtrainer.losses.pixels import PixelLoss
from nbtrainer.losses.targets import MultiTargetLoss


def create(name: str, settings: dict[str, Any], parameters: Mapping[str, float], *, may_ignore: bool) -> nn.Module:
    """Loss `name` with the settings of a task: arguments of the loss, or `targets`, each of which has one.

    `parameters`: smoothing, alpha, beta and gamma, of which each loss takes those that its entry names.
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
    # the others look at the neighbours of a pixel, and leave out what is unknown themselves
    return MaskedLoss(loss) if may_ignore and isinstance(loss, PixelLoss) else loss
