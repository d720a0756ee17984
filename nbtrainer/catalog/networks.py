"""The networks on the menu, and what each asks of the size of a patch."""

from collections.abc import Sequence

from nbtrainer.catalog.entry import Catalog, Entry

NETWORKS = Catalog(
    "network",
    Entry(
        "unet",
        "Compact U-Net",
        at="nbtrainer.models.unet:unet",
        help="Residual U-Net that halves by strides; light enough for a processor without a graphics card.",
        source="Kerfoot et al. 2019, https://doi.org/10.1007/978-3-030-12029-0_40",
    ),
    Entry(
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
