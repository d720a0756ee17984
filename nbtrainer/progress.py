"""How far something is, as whoever asked for it wants to know it."""

from collections.abc import Callable

OnProgress = Callable[[int, int], None]
"""Called again and again with what is done, and of how many."""
