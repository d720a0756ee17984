"""A box cut out of a patch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# first and end along each axis ([z,] y, x)
Box = tuple[tuple[int, int], ...]


def draw_box(rng: np.random.Generator, share: float, shape: Sequence[int]) -> Box:
    """Anywhere in a patch of `shape`, its sides a `share` of the patch's."""
    box = []
    for length in shape:
        side = round(share * length)
        start = int(rng.integers(length - side + 1))
        box.append((start, start + side))
    return tuple(box)


def inside(box: Box) -> tuple[slice, ...]:
    """`box` as an index, of all channels."""
    return (slice(None), *(slice(*along) for along in box))
