"""What all transforms share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from nbtrainer.config.section import Section, field


def probability(default: float) -> Any:
    """The setting that every transform has."""
    return field(
        default,
        title="Probability",
        help="Share of patches that it changes.",
        ge=0,
        le=1,
    )


class Transform(Section):
    """The settings of one transform, known by its `kind`, which each model below declares.

    `is_safe`: it does not interpolate the label, so that outlines one pixel wide stay whole. `dims`: 2 if it changes
    images, 3 if it changes volumes. `is_drawn_per_axis`: its probability is that of each axis, not of the patch.
    """

    where: ClassVar[str] = "augmentation.steps"
    is_safe: ClassVar[bool] = True
    dims: ClassVar[tuple[int, ...]] = (2, 3)
    is_drawn_per_axis: ClassVar[bool] = False

    if TYPE_CHECKING:  # each model declares them with its own default
        kind: str
        probability: float
