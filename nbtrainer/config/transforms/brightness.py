"""Changes of brightness, contrast and tone: the same for every pixel of one intensity."""

from __future__ import annotations

from typing import Literal

from nbtrainer.config.section import field
from nbtrainer.config.transforms.transform import Transform, probability


class Intensity(Transform):
    """Changes brightness, contrast and gamma of the image; never inverts it."""

    kind: Literal["intensity"] = field("intensity", title="Intensity")
    brightness: float = field(
        0.1,
        title="Brightness",
        help="Largest shift, as a share of the range of intensities in the patch.",
        ge=0,
        le=1,
    )
    contrast: float = field(
        0.25,
        title="Contrast",
        help="0.25: contrast between 0.75 and 1.25 times the original.",
        ge=0,
        lt=1,
    )
    gamma: float = field(
        0.25,
        title="Gamma",
        help="0.25: gamma between 0.8 and 1.25.",
        ge=0,
        le=3,
    )
    per_section: bool = field(
        False,
        title="Each section by itself",
        help="Of a volume, every section is changed differently, as where sections were imaged one by one.",
        advanced=True,
    )
    probability: float = probability(1.0)


class ShiftIntensity(Transform):
    """Adds the same number to all intensities, as where the camera's offset differs."""

    kind: Literal["shift_intensity"] = field("shift_intensity", title="Shift intensity")
    offset: float = field(
        0.7,
        title="Offset",
        help="Largest shift, either way, of the normalized image, whose range is mostly 0 to 1.",
        ge=0,
        le=10_000,
    )
    probability: float = probability(0.1)


class Gamma(Transform):
    """Bends the scale of intensities between the patch's extremes; gammas near 1 are the most frequent."""

    kind: Literal["gamma"] = field("gamma", title="Gamma")
    min_gamma: float = field(
        0.75,
        title="Lowest gamma",
        help="Below 1 what is dim becomes brighter.",
        old_names=("lowest",),
        ge=0.2,
        le=1,
    )
    max_gamma: float = field(
        2.5,
        title="Highest gamma",
        help="Above 1 what is dim becomes dimmer.",
        old_names=("highest",),
        ge=1,
        le=10,
    )
    probability: float = probability(1.0)


class GammaContrast(Transform):
    """Bends the scale of intensities along a curve drawn from a menu, within the patch's range."""

    kind: Literal["gamma_contrast"] = field("gamma_contrast", title="Gamma and contrast curves")
    curve: str = field(
        "any",
        title="Curve",
        help="Percentiles cuts both ends of the range, gamma and logarithm brighten what is dim, sigmoid steepens the middle.",
        choices={
            "any": "any of them",
            "percentiles": "percentiles",
            "gamma": "gamma",
            "log": "logarithm",
            "sigmoid": "sigmoid",
        },
    )
    strength: float = field(
        1.0,
        title="Strength",
        help="1: the curve in full, 0.5: halfway between the image and the curve.",
        ge=0,
        le=1,
    )
    probability: float = probability(0.5)


class PercentileStretch(Transform):
    """Cuts the darkest and the brightest pixels and stretches the rest over the patch's range."""

    kind: Literal["percentile_stretch"] = field("percentile_stretch", title="Stretch between percentiles")
    percent: float = field(
        0.1,
        title="Largest cut",
        help="Share of the pixels that is cut at either end, at most.",
        unit="%",
        ge=0,
        le=40,
    )
    probability: float = probability(0.5)


class Invert(Transform):
    """Makes dark pixels bright and bright ones dark; for images of both kinds."""

    kind: Literal["invert"] = field("invert", title="Invert")
    probability: float = probability(0.5)
