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
)
