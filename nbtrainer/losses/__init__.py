"""What training makes small."""

from nbtrainer.losses.create import create, create_sum
from nbtrainer.losses.masked import MaskedLoss
from nbtrainer.losses.sums import WeightedLoss

__all__ = ["MaskedLoss", "WeightedLoss", "create", "create_sum"]
