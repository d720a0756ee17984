"""Which network learns, and from where it starts."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from nbtrainer.catalog import NETWORKS
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
        help="Channels at each level, from fine to coarse. One more level sees further and needs patches of a larger multiple.",
        default_factory=lambda: [32, 64, 128, 256],
        min_length=2,
        max_length=8,
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
