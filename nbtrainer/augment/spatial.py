"""Spatial transforms of a patch, composed into one map of coordinates, so that the image is interpolated once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

# ((yy, yx), (xy, xx)): what is drawn is a matter of the plane; as plain numbers, numpy needs ten times as long for so few
Plane = tuple[tuple[float, float], tuple[float, float]]
_IDENTITY: Plane = ((1.0, 0.0), (0.0, 1.0))


@dataclass(frozen=True)
class ControlPoints:
    """A smooth deformation: `displacement` (d, K...) float32, in pixels ([z,] y, x), at the points of a grid.

    They lie `distance` pixels apart about the middle of the patch, the outermost beyond it.
    """

    displacement: np.ndarray
    distance: int


@dataclass(frozen=True, kw_only=True)
class SpatialParams:
    """What one transform contributes: a linear map of the plane, a factor along z, a deformation, a shift ([z,] y, x).

    All of them say where a pixel of the patch comes from: a factor below 1 makes objects larger.
    """

    plane: Plane | None = None
    depth: float = 1.0
    control_points: ControlPoints | None = None
    shift: tuple[int, ...] = ()


@dataclass(frozen=True)
class SpatialTransform:
    """Where each pixel of a patch comes from, as offsets ([z,] y, x) from the patch's centre.

    `matrix` (d, d) takes an offset in the patch to one in the image; `control_points` displace it further. `shift` (d,)
    moves the centre by whole pixels.
    """

    matrix: np.ndarray
    control_points: ControlPoints | None = None
    shift: tuple[int, ...] = ()

    @property
    def is_exact(self) -> bool:
        """Whether pixels only change places: flips and rotations by 90 degrees, without interpolation."""
        return self.control_points is None and all(
            sorted(map(abs, row)) == [0.0] * (len(row) - 1) + [1.0] for row in self.matrix.tolist()
        )


def compose(params: Sequence[SpatialParams], dim: int) -> SpatialTransform:
    """One after the other, for a patch of `dim` axes; of deformations whose grids differ the last counts."""
    plane, depth, shift = _IDENTITY, 1.0, [0] * dim
    points: ControlPoints | None = None
    for added in params:
        plane = plane if added.plane is None else _product(added.plane, plane)
        depth *= added.depth
        shift = [total + by for total, by in zip(shift, added.shift or [0] * dim, strict=True)]
        points = _add(points, added=added.control_points)
    matrix = plane if dim == 2 else ((depth, 0.0, 0.0), (0.0, *plane[0]), (0.0, *plane[1]))
    return SpatialTransform(np.array(matrix), points, tuple(shift))


@lru_cache(maxsize=2)
def no_displacement(dim: int) -> tuple[np.ndarray, ...]:
    """What stands for control points and their weights where nothing is deformed."""
    return (np.zeros((dim,) + (0,) * dim, np.float32), *[np.zeros((0, 5), np.float32)] * dim)


def _product(left: Plane, right: Plane) -> Plane:
    ((a, b), (c, d)), ((e, f), (g, h)) = left, right
    return (a * e + b * g, a * f + b * h), (c * e + d * g, c * f + d * h)


def _add(points: ControlPoints | None, *, added: ControlPoints | None) -> ControlPoints | None:
    if points is None or added is None or points.distance != added.distance:
        return added or points
    return ControlPoints(points.displacement + added.displacement, points.distance)
