"""What all changes share."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from nbtrainer.config.section import Section, field


def probability(default: float) -> Any:
    """The setting that every change has."""
    return field(
        default,
        title="Probability",
        help="Share of patches that it changes.",
        ge=0,
        le=1,
    )


class Transform(Section):
    """One kind of change.

    `is_safe`: it does not interpolate the label, so that outlines one pixel wide stay whole. `dims`: 2 if it changes
    images, 3 if it changes volumes.
    """

    where: ClassVar[str] = "augmentation.steps"
    is_safe: ClassVar[bool] = True
    dims: ClassVar[tuple[int, ...]] = (2, 3)


class Identity(Transform):
    """Leaves the patch as it is: an entry that stands for no change where one entry is drawn for each patch."""

    kind: Literal["none"] = field("none", title="None")
    probability: float = probability(1.0)
