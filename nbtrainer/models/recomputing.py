"""Networks that can keep less in training, and calculate it once more on the way back."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class Recomputing(Protocol):
    """A network with a switch: with `recomputes` it gives the same gradients with less memory, in more time."""

    recomputes: bool
