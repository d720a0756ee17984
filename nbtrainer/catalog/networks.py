"""The networks on the menu, and what each asks of the size of a patch."""

from collections.abc import Sequence
from dataclasses import dataclass

from nbtrainer.catalog.entry import Catalog, Entry


@dataclass(frozen=True)
class Network(Entry):
    """A network. `has_style`: whether it tells what an image is like as a whole, of which a size model learns."""

    has_style: bool = False


NETWORKS = Catalog(
    "network",
    Network(
        "unet",
        "Compact U-Net",
        at="nbtrainer.models.unet:unet",
        help="Residual U-Net that halves by strides; light enough for a processor without a graphics card.",
        source="Kerfoot et al. 2019, https://doi.org/10.1007/978-3-030-12029-0_40",
    ),
    Network(
        "style_unet",
        "U-Net with style (Cellpose, Omnipose)",
        at="nbtrainer.models.style_unet:style_unet",
        help="Seven times the work of the compact U-Net. What an image is like as a whole reaches each step, and tells "
        "the size of objects.",
        source="Stringer et al. 2021, https://doi.org/10.1038/s41592-020-01018-x; Cutler et al. 2022, "
        "https://doi.org/10.1038/s41592-022-01639-4",
        has_style=True,
    ),
    Network(
        "wnet",
        "WNet",
        at="nbtrainer.models.wnet:wnet",
        help="Two U-Nets in a row, for learning without labels; CellSeg3D's features are 64, 128, 256, 512 and 1024.",
        source="Xia and Kulis 2017, https://arxiv.org/abs/1711.08506",
        kinds=("unsupervised",),
    ),
)


def size_multiple(name: str, features: Sequence[int]) -> int:
    """Pixels that each side of a patch must be a multiple of, so that network `name` can halve it."""
    return 2 ** (len(features) - 1)
