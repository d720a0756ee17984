"""Transforms of a patch's geometry, image and label together: all of them are one interpolation."""

from __future__ import annotations

from typing import ClassVar, Literal

from nbtrainer.config.section import field
from nbtrainer.config.transforms.transform import Transform, probability


class SpatialSettings(Transform):
    """A transform that says where each pixel comes from, rather than what becomes of its intensity."""


class Flip(SpatialSettings):
    """Mirrors the patch, along each axis with this probability."""

    is_drawn_per_axis: ClassVar[bool] = True
    kind: Literal["flip"] = field("flip", title="Flip")
    probability: float = probability(0.5)


class Rotate90(SpatialSettings):
    """Turns the patch by 90, 180 or 270 degrees, without interpolation."""

    kind: Literal["rotate90"] = field("rotate90", title="Rotate by 90 degrees")
    probability: float = probability(0.75)


class Rotate(SpatialSettings):
    """Turns the patch by any angle up to this one, either way."""

    is_safe: ClassVar[bool] = False
    kind: Literal["rotate"] = field("rotate", title="Rotate")
    degrees: float = field(
        180.0,
        title="Angle",
        help="Largest angle, either way.",
        unit="degrees",
        ge=0,
        le=180,
    )
    probability: float = probability(1.0)


class Zoom(SpatialSettings):
    """Makes what is in the patch larger or smaller; every factor between the lowest and the highest is as frequent."""

    is_safe: ClassVar[bool] = False
    kind: Literal["zoom"] = field("zoom", title="Zoom")
    min_factor: float = field(
        0.8,
        title="Lowest factor",
        help="0.8: objects shrink to 0.8 of their size at most.",
        old_names=("lowest",),
        ge=0.2,
        le=1,
    )
    max_factor: float = field(
        1.25,
        title="Highest factor",
        help="1.25: objects grow to 1.25 times their size at most. Omnipose has 0.5 to 1.5, each axis by itself.",
        old_names=("highest",),
        ge=1,
        le=5,
    )
    per_axis: bool = field(
        False,
        title="Each axis by itself",
        help="Stretch y and x by different factors, and z of a volume, as Omnipose and PyTorch Connectomics do.",
        advanced=True,
    )
    probability: float = probability(1.0)


class Translate(SpatialSettings):
    """Shifts the patch; what comes in is the image beside it, mirrored at its edge."""

    kind: Literal["translate"] = field("translate", title="Translate")
    amount: float = field(
        0.075,
        title="Amount",
        help="Largest shift along y and x, as a share of the patch; by whole pixels.",
        ge=0,
        le=0.5,
    )
    probability: float = probability(1.0)


class Shear(SpatialSettings):
    """Shears the patch in the plane."""

    is_safe: ClassVar[bool] = False
    kind: Literal["shear"] = field("shear", title="Shear")
    degrees: float = field(
        10.0,
        title="Angle",
        help="Largest angle, either way.",
        unit="degrees",
        ge=0,
        le=45,
    )
    probability: float = probability(0.5)


class Elastic(SpatialSettings):
    """Deforms the patch smoothly: control points of a grid move by chance, what lies between them follows."""

    is_safe: ClassVar[bool] = False
    kind: Literal["elastic"] = field("elastic", title="Elastic")
    displacement: float = field(
        4.0,
        title="Displacement",
        help="Typical distance that a control point moves.",
        unit="pixels",
        ge=0,
        le=100,
    )
    control_point_distance: int = field(
        32,
        title="Distance of control points",
        old_names=("knot_distance",),
        help="Larger bends more gently.",
        unit="pixels",
        ge=4,
        le=512,
        advanced=True,
    )
    probability: float = probability(1.0)
