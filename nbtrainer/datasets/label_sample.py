"""Some labels read to see what their objects look like: up to 50, evenly chosen, of a large one its middle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nbtrainer.data.pair import Pair
from nbtrainer.data.preparation import Preparation
from nbtrainer.data.views import blocks
from nbtrainer.errors import UserError
from nbtrainer.labels.integers import equals

MOST_SAMPLES = 50
# 50 labels of this size are measured in about ten seconds on a slow core
_MOST_PIXELS = 4 * 1024**2


@dataclass(frozen=True, eq=False, kw_only=True)
class Sample:
    """The label of a pair as it trains, ([z,] y, x), 0 where it is background, not of interest or not annotated.

    `shape` is that of the whole image, of which `label` may be a part; `known` the share of pixels that count.
    """

    pair: Pair
    label: np.ndarray
    shape: tuple[int, ...]
    known: float = 1.0

    @property
    def is_part(self) -> bool:
        """Whether the label is only the middle of a larger one, so that objects at its edge are cut."""
        return self.label.shape != self.shape


def choose_evenly(pairs: Sequence[Pair]) -> list[Pair]:
    """At most 50 of `pairs`, evenly spread."""
    if len(pairs) <= MOST_SAMPLES:
        return list(pairs)
    return [pairs[place] for place in np.linspace(0, len(pairs) - 1, MOST_SAMPLES).round().astype(int)]


def read_sample(pair: Pair, preparation: Preparation, of_interest: Sequence[int] = ()) -> Sample | None:
    """The label of `pair`; None if it cannot be read, which the check of the file tells."""
    try:
        label = preparation.open(pair)[1]
        regions = list(blocks(label.shape, _MOST_PIXELS))
        array = label.read(regions[len(regions) // 2])
    except (UserError, ValueError, MemoryError):
        return None
    ignored = equals(array, preparation.ignored)
    background = ignored
    values_of_interest = [value for value in of_interest if value]
    if values_of_interest:
        background = background | ~np.isin(array, values_of_interest)
    known = 1 - float(np.count_nonzero(ignored) / array.size)
    return Sample(pair=pair, label=np.where(background, 0, array).astype(array.dtype), shape=label.shape, known=known)
