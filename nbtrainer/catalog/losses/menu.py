"""All losses in the order of the menu."""

from nbtrainer.catalog.entry import Catalog
from nbtrainer.catalog.losses.errors import ERRORS
from nbtrainer.catalog.losses.fields import FIELDS
from nbtrainer.catalog.losses.masks import MASKS
from nbtrainer.catalog.losses.regularizers import REGULARIZERS
from nbtrainer.catalog.losses.shapes import SHAPES

LOSSES = Catalog("loss", *MASKS, *SHAPES, *ERRORS, *FIELDS, *REGULARIZERS)
