"""What training makes small."""

from nbtrainer.losses.create import create
from nbtrainer.losses.masked import MaskedLoss

__all__ = ["MaskedLoss", "create"]
