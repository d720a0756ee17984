"""What a network asks of the size of a patch."""

import math
from collections.abc import Callable, Sequence


def strides(dim: int, features: Sequence[int], anisotropic_levels: int) -> list[tuple[int, ...]]:
    """How many times smaller each halving makes ([z,] y, x); the first `anisotropic_levels` of them leave z as it is."""
    return [(1, 2, 2) if dim == 3 and level < anisotropic_levels else (2,) * dim for level in range(len(features) - 1)]


def size_divisors(dim: int, features: Sequence[int], anisotropic_levels: int) -> tuple[int, ...]:
    """Pixels whose multiples a network can halve: it pads patches with other sides ([z,] y, x) to these."""
    return tuple(math.prod(steps) for steps in zip(*strides(dim, features, anisotropic_levels), strict=True))


def network_shape(shape: Sequence[int], *, divisors: Sequence[int]) -> tuple[int, ...]:
    """The sides ([z,] y, x) that a network with these `divisors` computes on for a patch of `shape`: not less than its
    own. The deepest level keeps more than one pixel, as normalization needs."""
    sides = [-(-length // multiple) * multiple for length, multiple in zip(shape, divisors, strict=True)]
    if all(side == multiple for side, multiple in zip(sides, divisors, strict=True)):
        sides[-1] *= 2
    return tuple(sides)


def round_to_multiple(length: float, multiple: int, rounded: Callable[[float], int] = math.floor) -> int:
    """The side of a patch near `length` that suits a network: a multiple of `multiple`, and at least two of them."""
    return max(2 * multiple, rounded(length / multiple) * multiple)


def flat_levels_for(spacing: Sequence[float] | None, features: Sequence[int]) -> int:
    """How many halvings leave z as it is where voxels of this size ([z,] y, x) are long in z.

    As in nnU-Net (Isensee et al. 2021, https://doi.org/10.1038/s41592-020-01008-z) z is halved from where a voxel is
    less than twice as long as wide.
    """
    if spacing is None or len(spacing) < 3 or not all(size > 0 for size in spacing):
        return 0
    ratio = spacing[0] / min(spacing[1:])
    return min(len(features) - 1, max(0, math.floor(math.log2(ratio))))
