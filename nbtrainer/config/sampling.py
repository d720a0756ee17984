"""How training patches are cut out of the images."""

from typing import Annotated, ClassVar

from pydantic import Field

from nbtrainer.config.section import Section, field


class Sampling(Section):
    """How images are cut into patches (tiles); memory grows with the size of a patch."""

    where: ClassVar[str] = "sampling"

    patch_size: list[Annotated[int, Field(ge=1, le=65_536)]] = field(
        title="Tile height, width",
        help="Size of the tiles that the network sees, y then x. Most networks need multiples of 8, 16 or 32; 128 or 256 is a good start.",
        unit="pixels",
        default_factory=lambda: [256, 256],
        min_length=2,
        max_length=3,
    )
    method: str = field(
        "random",
        title="Where tiles are cut",
        help="'Anywhere' shows other tiles in every epoch; the grid shows the same ones again.",
        choices={"random": "anywhere, by chance", "grid": "on a grid that covers each image"},
    )
    foreground_fraction: float = field(
        0.0,
        title="Tiles centred on an object",
        help="Share of tiles whose centre is labelled. Raise it when objects are rare.",
        ge=0,
        le=1,
        advanced=True,
    )
