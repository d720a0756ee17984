"""How intensities are brought into one range, for training and for prediction alike."""

from typing import ClassVar

from nbtrainer.config.section import Section, field


class Normalization(Section):
    """Intensities are brought into one range, per image; the model keeps the rule and applies it at prediction."""

    where: ClassVar[str] = "normalization"

    outliers: str = field(
        "ignore",
        title="Remove outliers",
        help="Cut off a share of the darkest or brightest pixels (they take the value of the bound) before the range is measured.",
        choices={
            "ignore": "ignore outliers",
            "+": "+ (high intensities)",
            "-": "- (low intensities)",
            "+/-": "+/- (high and low)",
        },
    )
    outliers_percent: float = field(
        0.1,
        title="Share of outliers",
        help="Percentage of pixels cut off at each end that is chosen above.",
        unit="%",
        ge=0,
        le=30,
    )
    method: str = field(
        "rescaling",
        title="Method",
        help="Rescaling puts minimum and maximum at the ends of the range, Max 0 and the maximum; Standardization centres the "
        "mean; None keeps intensities, which may trouble training. Prediction does the same by itself.",
        choices={
            "rescaling": "Rescaling (min/max)",
            "max": "Max (auto)",
            "standardization": "Standardization",
            "none": "None",
        },
    )
    range: list[float] = field(
        title="Range",
        help="Where intensities end up. Standardization puts the mean in its middle, and one standard deviation above at its end.",
        default_factory=lambda: [0.0, 1.0],
        min_length=2,
        max_length=2,
    )
    per_channel: bool = field(
        True,
        title="Each channel by itself",
        help="Off: one rule from all channels together, which keeps their ratio (colours of stained tissue).",
        advanced=True,
    )
