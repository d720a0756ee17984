"""Which transforms may happen to a patch."""

from __future__ import annotations

import numpy as np

from nbtrainer.config.augmentation import Augmentation
from nbtrainer.config.transforms import Transform
from nbtrainer.config.transforms.spatial import Flip, Rotate90

# every orientation is as frequent as any other
_ROTATE_AND_FLIP: tuple[Transform, ...] = (Rotate90(probability=0.75), Flip(probability=0.5))


def select_transforms(rng: np.random.Generator, settings: Augmentation) -> list[Transform]:
    """What is to be drawn for one patch: rotations by 90 degrees and flips if `rotate_and_flip`, then the list.

    `apply` is `each` (all of the list, each with its probability) or `one`: a single entry, the same chance for each. It
    then happens for certain, but a flip keeps its probability, which is that of each axis.
    """
    selected: list[Transform] = list(settings.steps)
    if settings.apply == "one" and selected:
        transform = selected[int(rng.integers(len(selected)))]
        certain = transform if transform.is_drawn_per_axis else transform.model_copy(update={"probability": 1.0})
        selected = [certain]
    return [*_ROTATE_AND_FLIP, *selected] if settings.rotate_and_flip else selected
