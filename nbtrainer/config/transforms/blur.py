"""Changes of sharpness."""

from __future__ import annotations

from typing import Literal

from nbtrainer.config.section import field
from nbtrainer.config.transforms.transform import Transform, probability


class Blur(Transform):
    """Blurs the image, not the label."""

    kind: Literal["blur"] = field("blur", title="Blur")
    sigma: float = field(
        1.0,
        title="Largest sigma",
        help="Spread of the strongest blur.",
        unit="pixels",
        ge=0,
        le=20,
    )
    probability: float = probability(0.2)


class MotionBlur(Transform):
    """Smears the image along a line, as if the sample moved while it was imaged; of a volume, a few sections."""

    kind: Literal["motion_blur"] = field("motion_blur", title="Motion blur")
    length: int = field(
        11,
        title="Length",
        help="Length of the line; 1 changes nothing.",
        unit="pixels",
        ge=1,
        le=101,
    )
    sections: int = field(
        2,
        title="Sections",
        help="How many sections of a volume are smeared; an image always is.",
        ge=0,
        le=1000,
        advanced=True,
    )
    probability: float = probability(0.5)


class CutBlur(Transform):
    """Makes a box of the patch coarse, so that the network learns to see at lower resolution."""

    kind: Literal["cut_blur"] = field("cut_blur", title="Blurred box")
    size_fraction: float = field(
        0.4,
        title="Size of the box",
        help="Its sides, as a share of the patch's.",
        old_names=("share",),
        ge=0,
        le=1,
    )
    factor: int = field(
        8,
        title="Largest factor",
        help="The box is made 2 to this many times coarser, in the plane; 1 changes nothing.",
        ge=1,
        le=64,
    )
    probability: float = probability(0.5)
