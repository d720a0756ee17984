"""The kinds of segmentation on the menu."""

from nbtrainer.catalog.entry import Catalog, Entry

TASKS = Catalog(
    "kind of segmentation",
    Entry(
        "binary",
        "Foreground (binary)",
        at="nbtrainer.tasks.binary:Binary",
        help="Every pixel is foreground or background; touching objects are not told apart.",
    ),
    Entry(
        "semantic",
        "Classes (semantic)",
        at="nbtrainer.tasks.semantic:Semantic",
        help="Every pixel belongs to one of several classes, numbered in the labels; 0 is the background.",
    ),
    Entry(
        "instance_contour",
        "Objects by contour (instances)",
        at="nbtrainer.tasks.instance_contour:InstanceContour",
        help="Every object by itself, found by its inside and its rim. Right for most; thin objects need affinities.",
        source="PyTorch Connectomics: Lin et al. 2021, https://arxiv.org/abs/2112.05754",
    ),
    Entry(
        "instance_flow",
        "Objects by flow (instances)",
        at="nbtrainer.tasks.instance_flow:InstanceFlow",
        help="Every object by itself, of any shape and thinness, found by following a field to its middle (Omnipose).",
        source="Cutler et al. 2022, https://doi.org/10.1038/s41592-022-01639-4",
    ),
    Entry(
        "epyseg",
        "Cells of a tissue (EPySeg)",
        at="nbtrainer.tasks.epyseg:Epyseg",
        help="Cells that fill the image, parted by bright outlines, as in epithelia.",
        source="Aigouy et al. 2020, https://doi.org/10.1242/dev.194589",
    ),
    Entry(
        "unsupervised",
        "Classes without labels (unsupervised)",
        at="nbtrainer.tasks.unsupervised:Unsupervised",
        help="Learns from images alone to part bright from dark; labels, if there are any, only score it.",
        source="Xia and Kulis 2017, https://arxiv.org/abs/1711.08506; CellSeg3D",
    ),
)
