"""What is lost from an image, and what appears twice."""

from __future__ import annotations

from typing import ClassVar, Literal

from nbtrainer.config.section import field
from nbtrainer.config.transforms.transform import Transform, probability


class MissingPart(Transform):
    """Wipes a band from the image, not from the label, so that the network learns to fill gaps."""

    kind: Literal["missing_part"] = field("missing_part", title="Missing part")
    width: float = field(
        64.0,
        title="Largest width",
        help="Of the band, which shows the mean intensity of its section.",
        unit="pixels",
        ge=0,
        le=1000,
    )
    section_fraction: float = field(
        0.5,
        title="Share of sections",
        help="Of a volume, how many sections lose a band, each another one; an image always does.",
        old_names=("share_of_sections",),
        ge=0,
        le=1,
        advanced=True,
    )
    probability: float = probability(0.5)


class BitDepth(Transform):
    """Leaves fewer shades between the patch's extremes, as files of fewer bits have."""

    kind: Literal["bit_depth"] = field("bit_depth", title="Loss of bit depth")
    bits: int = field(
        14,
        title="Largest loss",
        help="Of 16 bits, how many are lost at most; 14 leaves 4 shades. Losses of about half as many are the most frequent.",
        unit="bits",
        ge=0,
        le=15,
    )
    probability: float = probability(0.5)


class CopyPaste(Transform):
    """Copies whole objects, pixels and label, to free places of the patch; more of what is rare."""

    kind: Literal["copy_paste"] = field("copy_paste", title="Copy and paste")
    max_objects: int = field(
        3,
        title="Most objects",
        help="1 to this many objects are copied, as long as a free place is found. Objects that the patch's edge or ignored pixels cut are not.",
        old_names=("objects",),
        ge=0,
        le=100,
    )
    new_ids: bool = field(
        False,
        title="New ids",
        help="On: each copy has an id of its own in the label, for labels of instances. Off: it keeps the value, "
        "as classes must.",
        old_names=("new_numbers",),
    )
    probability: float = probability(0.5)


class ModeFilter(Transform):
    """Smooths the edges of labels by a majority vote of neighbours, as Omnipose does once a crop is turned and scaled."""

    is_safe: ClassVar[bool] = False

    kind: Literal["mode_filter"] = field("mode_filter", title="Majority filter of labels")
    probability: float = probability(1.0)
