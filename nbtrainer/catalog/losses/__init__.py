"""The losses on the menu."""

from nbtrainer.catalog.losses.entry import PARAMETERS, LossEntry
from nbtrainer.catalog.losses.menu import LOSSES

__all__ = ["LOSSES", "PARAMETERS", "LossEntry"]
