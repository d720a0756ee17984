"""All metrics in the order of the menu."""

from nbtrainer.catalog.entry import Catalog
from nbtrainer.catalog.metrics.pixels import OF_PIXELS, OF_PROBABILITIES
from nbtrainer.catalog.metrics.shapes import OF_SHAPES

METRICS = Catalog("metric", *OF_PIXELS, *OF_SHAPES, *OF_PROBABILITIES)

_LOWER_IS_BETTER = frozenset({"loss"} | {name for name, entry in METRICS.items() if entry.lower_is_better})


def higher_is_better(name: str) -> bool:
    """Whether a larger value of the score `name` (`validation_dice`, `train_loss`, `dice (axon)`, ...) is better.

    >>> higher_is_better("validation_dice"), higher_is_better("train_loss")
    (True, False)
    """
    return name.partition(" (")[0].removeprefix("validation_").removeprefix("train_") not in _LOWER_IS_BETTER
