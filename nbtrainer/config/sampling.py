"""How training patches are cut out of the images."""

from typing import Annotated, ClassVar

from pydantic import Field

from nbtrainer.config.section import Section, field


class Sampling(Section):
    """How images are cut into patches; memory grows with the size of a patch."""

    where: ClassVar[str] = "sampling"

    patch_size: list[Annotated[int, Field(ge=1, le=65_536)]] = field(
        title="Patch height, width",
        help="Size of the patches that the network sees, y then x. Any size trains, multiples of 8, 16 or 32 cost least; 128 or 256 is a good start.",
        unit="pixels",
        default_factory=lambda: [256, 256],
        min_length=2,
        max_length=3,
    )
    whole_images: bool = field(
        False,
        title="Whole images",
        help="No patches: each image is seen whole, padded to the size of the largest one. For small images and volumes.",
        advanced=True,
    )
    method: str = field(
        "random",
        title="Where patches are cut",
        help="'Anywhere' shows other patches in every epoch, more of large images; the grid shows the same ones again.",
        choices={
            "random": "anywhere, by chance",
            "grid": "on a grid that covers each image",
            "image": "one of each image, by chance",
            "balanced": "each class equally often",
        },
    )
    overlap: int = field(
        0,
        title="Overlap of the grid",
        help="Pixels that neighbouring patches of the grid share, at most half a patch.",
        unit="pixels",
        ge=0,
        advanced=True,
    )
    samples_per_image: Annotated[int, Field(ge=1)] | None = field(
        None,
        title="Patches per image",
        help="How many patches of each image an epoch has, wherever they are cut by chance. Empty: as many as fit into it.",
        advanced=True,
    )
    foreground_fraction: float = field(
        0.0,
        title="Patches centred on an object",
        help="Share of patches whose centre is labelled. Raise it when objects are rare.",
        ge=0,
        le=1,
        advanced=True,
    )
    min_foreground: float = field(
        0.0,
        title="Least foreground",
        old_names=("least_foreground",),
        help="A patch of which less than this is labelled is given up and another drawn. 0: every patch is taken.",
        ge=0,
        le=1,
        advanced=True,
    )
    min_objects: int = field(
        0,
        title="Fewest objects",
        old_names=("least_objects",),
        help="A patch with fewer objects is given up too: connected pixels of one value, counted before the patch is warped. "
        "With 2 the network sees neighbours.",
        ge=0,
        le=10_000,
        advanced=True,
    )
    rejection_probability: float = field(
        0.95,
        title="Rejection probability",
        old_names=("rejection",),
        help="How often a patch with too little in it is given up; the others are taken, so that background is seen too.",
        ge=0,
        le=1,
        advanced=True,
    )
    max_attempts: int = field(
        50,
        title="Most attempts",
        old_names=("trials",),
        help="After so many patches with too little in them the one with most objects is taken, of those with enough the fullest.",
        ge=1,
        le=1000,
        advanced=True,
    )
    hard_fraction: float = field(
        0.0,
        title="Patches that were hard",
        help="Share of patches cut where the network was most wrong in the epoch before. Too much teaches mistakes in the labels.",
        ge=0,
        le=0.9,
        advanced=True,
    )
