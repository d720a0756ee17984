"""What the data is: every pair and how it is read, the pair table, thumbnails, the task that labels ask for."""

from nbtrainer.datasets.pair_table import pair_table, pairs_of_run
from nbtrainer.datasets.survey import Survey, survey
from nbtrainer.datasets.thumbnails import Thumbnail, finding_picture, histogram, regions, thumbnail

__all__ = [
    "Survey",
    "Thumbnail",
    "finding_picture",
    "histogram",
    "pair_table",
    "pairs_of_run",
    "regions",
    "survey",
    "thumbnail",
]
