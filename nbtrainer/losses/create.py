"""A loss by its name in the catalog."""

from __future__ import annotations

from typing import Any

from torch import nn

from nbtrainer.catalog import LOSSES
from nbtrainer.losses.ignoring import Ignoring
from nbtrainer.losses.pixels import OfPixels


def create(name: str, settings: dict[str, Any], may_ignore: bool) -> nn.Module:
    """Loss `name` with the settings of a task. `may_ignore`: targets can hold NaN, where nothing is known."""
    loss = LOSSES.load(name)(**settings)
    assert isinstance(loss, nn.Module)
    # the others look at the neighbours of a pixel, and leave out what is unknown themselves
    return Ignoring(loss) if may_ignore and isinstance(loss, OfPixels) else loss
