"""Which images train, which validate, which test."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nbtrainer.data.pair import Pair


class Split(NamedTuple):
    """Pairs by their use; no pair is in two of the lists."""

    train: list[Pair]
    validation: list[Pair]
    test: list[Pair]


def split_pairs(pairs: list[Pair], validation_fraction: float, seed: int) -> Split:
    """`pairs` by use; of those with use `auto`, this share is chosen for validation by `seed`.

    The share is rounded, with at least one image if it is above 0 and one image is left to train.
    """
    undecided = [pair for pair in pairs if pair.use == "auto"]
    count = round(validation_fraction * len(undecided))
    if validation_fraction > 0:
        count = max(1, count)
    trains = any(pair.use == "train" for pair in pairs)
    count = min(count, len(undecided) if trains else len(undecided) - 1)
    chosen = set(np.random.default_rng(seed).permutation(len(undecided))[: max(0, count)].tolist())
    validation = [pair for index, pair in enumerate(undecided) if index in chosen]
    train = [pair for index, pair in enumerate(undecided) if index not in chosen]
    return Split(
        train + [pair for pair in pairs if pair.use == "train"],
        validation + [pair for pair in pairs if pair.use == "validation"],
        [pair for pair in pairs if pair.use == "test"],
    )
