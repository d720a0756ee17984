"""How patches are changed by chance, so that few images teach more."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, model_validator

from nbtrainer.config.section import Section, field
from nbtrainer.config.transforms import TRANSFORMS, AnyTransform, Transform
from nbtrainer.config.transforms.blur import Blur
from nbtrainer.config.transforms.brightness import Intensity
from nbtrainer.config.transforms.spatial import Elastic, Flip, Rotate, Rotate90, Shear, Zoom

STRENGTHS: dict[str, list[Transform]] = {
    "none": [],
    "light": [Flip(), Rotate90(), Intensity(brightness=0.05, contrast=0.1, gamma=0.1)],
    "standard": [Flip(), Rotate(), Zoom(), Elastic(), Intensity()],
    "strong": [
        Flip(),
        Rotate(),
        Zoom(min_factor=0.67, max_factor=1.5),
        Shear(probability=1.0),
        Elastic(displacement=8.0),
        Blur(sigma=1.5, probability=0.3),
        Intensity(brightness=0.2, contrast=0.5, gamma=0.5),
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
            "When to use it: from 5 images with more than 10 patches each, or with a large set of whole images. What is "
            "changed must still look like an image that the model may meet.",
        ),
    )
    steps: list[AnyTransform] = field(
        title="Changes",
        help="What may happen to a patch; + adds a change, - removes one. A change added twice is drawn twice for each patch, or twice as often where one is drawn.",
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
            return values | {"steps": [transform.model_dump() for transform in ready]}
        if isinstance(strength, str) and isinstance(values["steps"], list):
            return values | {"strength": _name_of(values["steps"], strength)}
        return values

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "strength" and value in STRENGTHS:
            super().__setattr__("steps", [transform.model_copy() for transform in STRENGTHS[value]])
        elif name == "steps":
            super().__setattr__("strength", _name_of(self.steps, self.strength))


def _name_of(transforms: list[Any], strength: str) -> str:
    """`strength` if `transforms` are still its list, the strength whose list they are, or `custom`."""
    values = [_values(transform) for transform in transforms]
    ready = {name: [transform.model_dump() for transform in listed] for name, listed in STRENGTHS.items()}
    if strength not in ready and strength != "custom":
        return strength
    return next((name for name, listed in ready.items() if listed == values), "custom")


def _values(transform: Any) -> Any:
    """The settings of a transform as a dict with the names of today."""
    if isinstance(transform, BaseModel):
        return transform.model_dump()
    model = TRANSFORMS.get(str(transform.get("kind"))) if isinstance(transform, dict) else None
    return model.with_new_names(transform) if model else transform
