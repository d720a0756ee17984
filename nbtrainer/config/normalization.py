"""How intensities are brought into one range, for training and for prediction alike."""

from typing import Annotated, ClassVar

from pydantic import Field

from nbtrainer.config.section import Section, field


class Normalization(Section):
    """Intensities are brought into one range; the model keeps the rule and applies it at prediction."""

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
        help="Rescaling puts minimum and maximum at the ends of the range, Max 0 and the maximum, Percentile two percentiles; "
        "Standardization centres the mean in it. None keeps intensities, which may trouble training. Prediction does the same by itself.",
        choices={
            "rescaling": "Rescaling (min/max)",
            "max": "Max (auto)",
            "standardization": "Standardization",
            "percentile": "Percentile",
            "z_score": "Z-score (mean 0, deviation 1)",
            "mean": "Mean normalization",
            "255": "Divide by 255 (8 bit)",
            "4095": "Divide by 4095 (12 bit)",
            "65535": "Divide by 65535 (16 bit)",
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
    percentiles: list[Annotated[float, Field(ge=0, le=100)]] = field(
        title="Percentiles",
        help="Only for Percentile: which two percentages of the pixels are put at the ends of the range.",
        unit="%",
        default_factory=lambda: [0.01, 99.99],
        min_length=2,
        max_length=2,
        advanced=True,
    )
    clip: bool = field(
        True,
        title="Clip to the range",
        help="Only for Percentile: what lies beyond takes the value of the range's end.",
        advanced=True,
    )
    scope: str = field(
        "image",
        title="Measured on",
        help="Each image by itself makes up for different exposure; the whole training set keeps differences of brightness that mean something.",
        choices={"image": "each image", "dataset": "the whole training set"},
        advanced=True,
    )
    per_channel: bool = field(
        True,
        title="Each channel by itself",
        help="Off: one rule from all channels together, which keeps their ratio (colours of stained tissue).",
        advanced=True,
    )
