"""What training makes small."""

from nbtrainer.losses.create import create
from nbtrainer.losses.ignoring import Ignoring

__all__ = ["Ignoring", "create"]
