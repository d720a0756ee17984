"""Light that is not the same everywhere."""

from __future__ import annotations

from typing import Literal

from nbtrainer.config.section import field
from nbtrainer.config.transforms.transform import Transform, probability


class Illumination(Transform):
    """Lights the patch unevenly; intensities stay within its range."""

    kind: Literal["illumination"] = field("illumination", title="Illumination")
    light: str = field(
        "any",
        title="Light",
        help="A ramp falls off from one side to the other, a spot from somewhere in the patch, clouds are irregular.",
        choices={"any": "any of them", "ramp": "ramp", "spot": "spot", "clouds": "clouds"},
    )
    strength: float = field(
        0.5,
        title="Largest strength",
        help="0.5: the darkest place keeps at least half of its light.",
        ge=0,
        le=1,
    )
    probability: float = probability(0.5)


class BorderDarkening(Transform):
    """Darkens the patch's border, as some cameras and stitched images do."""

    kind: Literal["border_darkening"] = field("border_darkening", title="Dark border")
    width: int = field(
        1,
        title="Width",
        help="Of the border.",
        unit="pixels",
        ge=0,
        le=100,
    )
    amount: float = field(
        1.0,
        title="Largest amount",
        help="0.5: the border keeps at least half of its light, 1: it may become as dark as the patch's minimum.",
        ge=0,
        le=1,
    )
    probability: float = probability(0.5)
