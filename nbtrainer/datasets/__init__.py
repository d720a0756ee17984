"""What the data is: every pair and how it is read, the pair table, thumbnails, the task that labels ask for."""

from nbtrainer.datasets.pair_table import pair_table, pairs_of_run
from nbtrainer.datasets.survey import Survey, survey
from nbtrainer.datasets.thumbnails import Picture, finding_picture, histogram, picture, regions

__all__ = [
    "Picture",
    "Survey",
    "finding_picture",
    "histogram",
    "pair_table",
    "pairs_of_run",
    "picture",
    "regions",
    "survey",
]
