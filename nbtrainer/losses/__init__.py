"""What training makes small."""

from nbtrainer.losses.create import create
from nbtrainer.losses.masked import Ignoring

__all__ = ["Ignoring", "create"]
