"""Faults of a stack of sections: image and label are moved together."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from nbtrainer.config.section import field
from nbtrainer.config.transforms.transform import Transform, probability


def _motion() -> Any:
    return field(
        "any",
        title="What moves",
        help="Translation: all sections from one on. Slip: a single section.",
        choices={"any": "any of them", "translation": "translation", "slip": "slip"},
        old_names=("moved",),
    )


class RollZ(Transform):
    """Moves sections from one end of the volume to the other, in their order."""

    dims: ClassVar[tuple[int, ...]] = (3,)
    kind: Literal["roll_z"] = field("roll_z", title="Roll along z")
    probability: float = probability(0.5)


class ShuffleZ(Transform):
    """Puts the sections of the volume into another order; for stacks of separate images."""

    dims: ClassVar[tuple[int, ...]] = (3,)
    kind: Literal["shuffle_z"] = field("shuffle_z", title="Shuffle along z")
    probability: float = probability(0.5)


class MissingSection(Transform):
    """Leaves sections of the volume out, image and label; those behind move up, the end is mirrored."""

    dims: ClassVar[tuple[int, ...]] = (3,)
    kind: Literal["missing_section"] = field("missing_section", title="Missing sections")
    sections: int = field(
        2,
        title="Sections",
        help="How many are left out.",
        ge=0,
        le=100,
    )
    probability: float = probability(0.5)


class Misalignment(Transform):
    """Shifts sections of the volume against the others by whole pixels, image and label; the edge is mirrored."""

    dims: ClassVar[tuple[int, ...]] = (3,)
    kind: Literal["misalignment"] = field("misalignment", title="Shifted sections")
    displacement: int = field(
        16,
        title="Largest displacement",
        help="Along y and along x, either way.",
        unit="pixels",
        ge=0,
        le=512,
    )
    motion: str = _motion()
    probability: float = probability(0.25)


class Misrotation(Transform):
    """Rotates sections of the volume against the others, image and label; the edge is mirrored."""

    is_safe: ClassVar[bool] = False
    dims: ClassVar[tuple[int, ...]] = (3,)
    kind: Literal["misrotation"] = field("misrotation", title="Turned sections")
    degrees: float = field(
        5.0,
        title="Largest angle",
        help="Either way.",
        unit="degrees",
        ge=0,
        le=45,
    )
    motion: str = _motion()
    probability: float = probability(0.25)
