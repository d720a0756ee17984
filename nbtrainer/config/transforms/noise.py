"""Noise."""

from __future__ import annotations

from typing import Literal

from nbtrainer.config.section import field
from nbtrainer.config.transforms.transform import Transform, probability


class Noise(Transform):
    """Adds noise of a camera; intensities stay within the patch's range."""

    kind: Literal["noise"] = field("noise", title="Noise")
    noise: str = field(
        "any",
        title="Noise",
        help="Gaussian is the same everywhere; Poisson, local variance and speckle grow with brightness; salt and pepper "
        "makes single pixels black or white.",
        choices={
            "any": "any of them",
            "gaussian": "Gaussian",
            "local_variance": "local variance",
            "poisson": "Poisson",
            "salt_and_pepper": "salt and pepper",
            "speckle": "speckle",
        },
    )
    level: str = field(
        "low",
        title="Level",
        help="Faint is barely seen and mostly less; low and high are strong. Variance of Gaussian noise, of a range "
        "of 1: 0.0025, 0.025, 0.1; of speckle 0.01, 0.1, 0.4; salt and pepper on 0.1, 10, 25 % of the pixels.",
        choices={"faint": "faint", "low": "low", "high": "high"},
    )
    strength: float = field(
        1.0,
        title="Strength",
        help="Multiplies the variance, or the share of pixels, of the level.",
        ge=0,
        le=1,
    )
    probability: float = probability(0.5)


class CutNoise(Transform):
    """Adds noise to a box of the patch; intensities stay within the patch's range."""

    kind: Literal["cut_noise"] = field("cut_noise", title="Noisy box")
    size_fraction: float = field(
        0.4,
        title="Size of the box",
        help="Its sides, as a share of the patch's.",
        old_names=("share",),
        ge=0,
        le=1,
    )
    amount: float = field(
        0.3,
        title="Largest noise",
        help="Largest change of a pixel, either way, as a share of the range of intensities in the patch.",
        ge=0,
        le=1,
    )
    probability: float = probability(0.75)
