"""Which changes may happen to a patch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Params = dict[str, Any]

# every orientation is as frequent as any other
_ROTATE_AND_FLIP: list[Params] = [{"kind": "rotate90", "probability": 0.75}, {"kind": "flip", "probability": 0.5}]


def select_transforms(
    rng: np.random.Generator, transforms: Sequence[Params], apply: str, rotate_and_flip: bool
) -> list[Params]:
    """What is to be drawn for one patch: quarter turns and flips if `rotate_and_flip`, then `steps`.

    `apply` is `each` (all of `steps`, each with its probability) or `one`: a single entry, the same chance for each. It
    then happens for certain, but a flip keeps its probability, which is that of each axis.
    """
    chosen = list(transforms)
    if apply == "one" and chosen:
        chosen = [chosen[int(rng.integers(len(chosen)))]]
        chosen = [step if step["kind"] == "flip" else step | {"probability": 1.0} for step in chosen]
    return _ROTATE_AND_FLIP + chosen if rotate_and_flip else chosen
