"""How patches are changed by chance, so that few images teach more."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import BaseModel, Field, model_validator

from nbtrainer.config import messages
from nbtrainer.config import transforms as steps
from nbtrainer.config.section import Section, field
from nbtrainer.config.transforms import Transform
from nbtrainer.config.transforms import probability as _probability


class Flip(Transform):
    """Mirrors the patch, along each axis with this probability."""

    kind: Literal["flip"] = field("flip", title="Flip")
    probability: float = _probability(0.5)


class Rotate90(Transform):
    """Turns the patch by 90, 180 or 270 degrees, without interpolation."""

    kind: Literal["rotate90"] = field("rotate90", title="Rotate by 90 degrees")
    probability: float = _probability(0.75)


class Rotate(Transform):
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
    probability: float = _probability(1.0)


class Zoom(Transform):
    """Makes what is in the patch larger or smaller; every factor between the lowest and the highest is as frequent."""

    is_safe: ClassVar[bool] = False
    kind: Literal["zoom"] = field("zoom", title="Zoom")
    lowest: float = field(
        0.8,
        title="Lowest factor",
        help="0.8: objects shrink to 0.8 of their size at most.",
        ge=0.2,
        le=1,
    )
    highest: float = field(
        1.25,
        title="Highest factor",
        help="1.25: objects grow to 1.25 times their size at most. Omnipose has 0.5 to 1.5, each axis by itself.",
        ge=1,
        le=5,
    )
    per_axis: bool = field(
        False,
        title="Each axis by itself",
        help="Stretch y and x by different factors, and z of a volume, as Omnipose and PyTorch Connectomics do.",
        advanced=True,
    )
    probability: float = _probability(1.0)


class Translate(Transform):
    """Shifts the patch; what comes in is the image beside it, mirrored at its edge."""

    kind: Literal["translate"] = field("translate", title="Translate")
    amount: float = field(
        0.075,
        title="Amount",
        help="Largest shift along y and x, as a share of the patch; by whole pixels.",
        ge=0,
        le=0.5,
    )
    probability: float = _probability(1.0)


class Shear(Transform):
    """Slants the patch."""

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
    probability: float = _probability(0.5)


class Elastic(Transform):
    """Bends the patch like rubber."""

    is_safe: ClassVar[bool] = False
    kind: Literal["elastic"] = field("elastic", title="Elastic")
    displacement: float = field(
        4.0,
        title="Displacement",
        help="Typical distance that a knot of the rubber sheet moves.",
        unit="pixels",
        ge=0,
        le=100,
    )
    knot_distance: int = field(
        32,
        title="Distance of knots",
        help="Larger bends more gently.",
        unit="pixels",
        ge=4,
        le=512,
        advanced=True,
    )
    probability: float = _probability(1.0)


AnyStep = Annotated[
    Flip
    | Rotate90
    | Rotate
    | Zoom
    | Translate
    | Shear
    | Elastic
    | steps.Intensity
    | steps.ShiftIntensity
    | steps.Gamma
    | steps.GammaContrast
    | steps.PercentileStretch
    | steps.Invert
    | steps.Illumination
    | steps.BorderDarkening
    | steps.Blur
    | steps.MotionBlur
    | steps.CutBlur
    | steps.Noise
    | steps.CutNoise
    | steps.MissingPart
    | steps.BitDepth
    | steps.CopyPaste
    | steps.RollZ
    | steps.ShuffleZ
    | steps.MissingSection
    | steps.Misalignment
    | steps.Misrotation
    | steps.Identity,
    Field(discriminator="kind"),
]
STEPS: dict[str, type[Transform]] = {step.model_fields["kind"].default: step for step in get_args(get_args(AnyStep)[0])}
messages.register_tags(STEPS)

STRENGTHS: dict[str, list[Transform]] = {
    "none": [],
    "light": [Flip(), Rotate90(), steps.Intensity(brightness=0.05, contrast=0.1, gamma=0.1)],
    "standard": [Flip(), Rotate(), Zoom(), Elastic(), steps.Intensity()],
    "strong": [
        Flip(),
        Rotate(),
        Zoom(lowest=0.67, highest=1.5),
        Shear(probability=1.0),
        Elastic(displacement=8.0),
        steps.Blur(sigma=1.5, probability=0.3),
        steps.Intensity(brightness=0.2, contrast=0.5, gamma=0.5),
    ],
}


class Augmentation(Section):
    """Changes patches by chance, image and label together: more variety, less overfitting."""

    where: ClassVar[str] = "augmentation"

    strength: str = field(
        "none",
        title="Strength",
        help="A ready list of changes: none leaves patches as they are, light flips and turns, standard and strong warp too. "
        "Editing the list below makes it 'custom'.",
        choices={"none": "none", "light": "light", "standard": "standard", "strong": "strong", "custom": "custom"},
        guidance=(
            "When to use it: from 5 images with more than 10 tiles each, or with a large set of whole images. What is "
            "changed must still look like an image that the model may meet.",
        ),
    )
    steps: list[AnyStep] = field(
        title="Changes",
        help="What may happen to a patch; + adds a change, - removes one. A change added twice is drawn twice for each tile, or twice as often where one is drawn.",
        default_factory=list,
    )
    apply: str = field(
        "each",
        title="Of these changes",
        help="Each: every change with its own probability, several on one patch. One: a single entry of the list, drawn for "
        "each patch, in place of its probability; add None for patches that stay as they are.",
        choices={"each": "each by its probability", "one": "one for each patch"},
        advanced=True,
    )
    rotate_and_flip: bool = field(
        False,
        title="Rotate and flip",
        help="Besides the list: every patch is turned by 0, 90, 180 or 270 degrees and mirrored by chance, without "
        "interpolation. Safe for outlines one pixel wide.",
    )

    @model_validator(mode="before")
    @classmethod
    def _agree(cls, values: Any) -> Any:
        """`steps` decide; a strength alone stands for its list."""
        if not isinstance(values, dict):
            return values
        strength = values.get("strength", "none")
        if "steps" not in values:
            ready = STRENGTHS.get(strength, []) if isinstance(strength, str) else []
            return values | {"steps": [step.model_dump() for step in ready]}
        if isinstance(strength, str) and isinstance(values["steps"], list):
            return values | {"strength": _name_of(values["steps"], strength)}
        return values

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "strength" and value in STRENGTHS:
            super().__setattr__("steps", [step.model_copy() for step in STRENGTHS[value]])
        elif name == "steps":
            super().__setattr__("strength", _name_of(self.steps, self.strength))


def _name_of(transforms: list[Any], strength: str) -> str:
    """`strength` if `steps` are still its list, the strength whose list they are, or `custom`."""
    plain = [step.model_dump() if isinstance(step, BaseModel) else step for step in transforms]
    ready = {name: [step.model_dump() for step in listed] for name, listed in STRENGTHS.items()}
    if strength not in ready and strength != "custom":
        return strength
    return next((name for name, listed in ready.items() if listed == plain), "custom")
