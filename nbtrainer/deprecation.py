"""Warnings that point at the line of whoever uses the package, and those of names that are to go."""

from __future__ import annotations

import sys
import warnings
from typing import Any

# what stands between that line and here: the package itself, and those that call it back
_BETWEEN = ("nbtrainer.", "pydantic.", "pydantic_core.", "functools", "contextlib", "typer.", "click.")


def warn_old_name(old: str, *, new: str) -> None:
    """Warn that `old` is what `new` was called before, at the first line outside the package on the way here.

    Python hides such a warning unless that line stands in the script or notebook that was started.
    """
    warnings.warn(
        f"{old} is the old name of {new}: use that, the old one goes with the next release",
        DeprecationWarning,
        stacklevel=stacklevel_outside(),
    )


class OldName:
    """An attribute of a class that stands for another one: `multiples = OldName("divisors")`."""

    def __init__(self, new: str) -> None:
        self.new = new

    def __set_name__(self, owner: type, name: str) -> None:
        self.old = name

    def __get__(self, instance: Any, owner: type) -> Any:
        warn_old_name(f"{owner.__name__}.{self.old}", new=self.new)
        return getattr(owner if instance is None else instance, self.new)


def stacklevel_outside() -> int:
    """The `stacklevel` of `warnings.warn`, from the function that calls this, for the first line outside the package."""
    count = 2
    frame = sys._getframe(2)
    while frame is not None and frame.f_back is not None and _is_between(frame.f_globals.get("__name__", "")):
        frame, count = frame.f_back, count + 1
    return count


def _is_between(module: str) -> bool:
    return module == "nbtrainer" or f"{module}.".startswith(_BETWEEN)
