"""Lengths that files state, as micrometres."""

from __future__ import annotations

import math

# ImageJ writes the letter mu as an escape; OME-Zarr writes units in full
_MICROMETRES = {
    "angstrom": 1e-4, "å": 1e-4, "a": 1e-4,
    "pm": 1e-6, "picometer": 1e-6,
    "nm": 1e-3, "nanometer": 1e-3,
    "um": 1.0, "µm": 1.0, "μm": 1.0, "\\u00b5m": 1.0, "micron": 1.0, "micrometer": 1.0,
    "mm": 1e3, "millimeter": 1e3,
    "cm": 1e4, "centimeter": 1e4,
    "m": 1e6, "meter": 1e6,
    "in": 25400.0, "inch": 25400.0, "inches": 25400.0,
}  # fmt: skip

# from an atom's width to a hand's: anything else is a placeholder
_SMALLEST, _LARGEST = 1e-5, 1e5


def micrometres(unit: str | None) -> float | None:
    """How many micrometres one `unit` has; None if it is no length."""
    name = str(unit or "").strip().lower().replace("metre", "meter")
    return _MICROMETRES.get(name) or _MICROMETRES.get(name.removesuffix("s"))


def sane(**spacing: float | None) -> dict[str, float]:
    """Those of `spacing` (micrometres) that a microscope or scanner could have."""
    known = {axis: float(length) for axis, length in spacing.items() if length is not None}
    return {axis: length for axis, length in known.items() if math.isfinite(length) and _SMALLEST <= length <= _LARGEST}
