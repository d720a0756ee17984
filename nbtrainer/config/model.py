"""Which network learns, and from where it starts."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from nbtrainer.catalog import NETWORKS, size_divisors
from nbtrainer.config.section import PathText, Section, field


class Model(Section):
    """The network."""

    where: ClassVar[str] = "model"

    name: str = field(
        "unet",
        title="Network",
        help="The architecture. A light one learns as much in an hour on a laptop as a heavy one in a day.",
        choices=NETWORKS,
    )
    features: list[Annotated[int, Field(ge=1, le=2048)]] = field(
        title="Features per level",
        help="Channels at each level, from fine to coarse. One more level sees further, and pads patches to a larger multiple.",
        default_factory=lambda: [32, 64, 128, 256],
        min_length=2,
        max_length=8,
        advanced=True,
    )
    anisotropic_levels: Annotated[int, Field(ge=0, le=7)] | Literal["auto"] = field(
        "auto",
        title="Levels within slices",
        old_names=("flat_levels",),
        help="Volumes: how many of the levels look coarser at height and width only, as thick slices need. 'auto' follows "
        "the size of the voxels.",
        advanced=True,
    )
    input_channels: Annotated[int, Field(ge=1)] | Literal["auto"] = field(
        "auto",
        title="Input channels",
        help="'auto' counts them in the images.",
        advanced=True,
    )
    pretrained: PathText = field(
        "",
        title="Start from model",
        help="A checkpoint (.pt) or the folder of a run whose weights to start from. Empty: start from scratch.",
        path="file",
    )

    take_over: str = field(
        "weights",
        title="Take over",
        help="What of the model to start from: its weights, or its optimizer and its epoch too, to go on with the same images at another learning rate or for longer.",
        choices={"weights": "its weights", "everything": "weights, optimizer and epoch"},
        advanced=True,
    )
    start_epoch: int | None = field(
        None,
        title="Epochs begin at",
        help="Where to count from when everything is taken over; empty: where that run was. 0 begins the schedule of the learning rate anew.",
        ge=0,
        le=1_000_000,
        only_with={"take_over": ("everything",)},
        advanced=True,
    )

    def size_divisors(self, dim: int) -> tuple[int, ...]:
        """Pixels that the sides ([z,] y, x) of a patch must be multiples of; at least so, where `anisotropic_levels` is auto."""
        most = len(self.features) - 1
        return size_divisors(dim, self.features, most if self.anisotropic_levels == "auto" else self.anisotropic_levels)
