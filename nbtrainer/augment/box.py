"""A box within a patch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# first and end along each axis ([z,] y, x)
Box = tuple[tuple[int, int], ...]


def sample_box(rng: np.random.Generator, size_fraction: float, shape: Sequence[int]) -> Box:
    """Anywhere in a patch of `shape`, its sides a `size_fraction` of the patch's."""
    box = []
    for length in shape:
        side = round(size_fraction * length)
        start = int(rng.integers(length - side + 1))
        box.append((start, start + side))
    return tuple(box)


def box_index(box: Box) -> tuple[slice, ...]:
    """`box` as an index into an image (C, [Z,] Y, X), of all channels."""
    return (slice(None), *(slice(*along) for along in box))
