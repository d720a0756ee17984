"""Scores of surfaces: how far the outlines of a predicted and a true mask lie apart, in 2D and 3D.

The surface of a mask is its pixels with a face towards the outside; beyond the edge of the image is outside (as in
MONAI). Distances are measured from pixel centre to pixel centre, in the unit of the spacing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import edt
import numpy as np
from scipy.ndimage import binary_dilation, binary_erosion, find_objects

from nbtrainer.labels.integers import bincount, equals

# distances are sums of squares in 32 bits: 3 x 0.1 may come out a little above 0.3
_ROUNDING = 1e-5


def _nothing() -> tuple[np.ndarray, np.ndarray]:
    return np.zeros(0), np.zeros(0, np.int64)


@dataclass(frozen=True, eq=False)
class Surfaces:
    """Every distance between two surfaces, and how many pixels have it; adding pools images, without loss.

    On a grid few distances occur: 240,000 voxels of the surface of a ball had 237 to another (spacing 2, 1, 1).

    Attributes
    ----------
    predicted, true
        (distances, counts): from each pixel of the predicted surface to the nearest of the true one, and in reverse.
        Distances ascend; inf where the image has the class in one of both masks only.
    one_sided
        Images that have the class in one of both masks only: they enter `surface_dice`, but no distance.
    """

    predicted: tuple[np.ndarray, np.ndarray] = field(default_factory=_nothing)
    true: tuple[np.ndarray, np.ndarray] = field(default_factory=_nothing)
    one_sided: int = 0

    def __add__(self, other: Surfaces) -> Surfaces:
        return Surfaces(
            _count_equal(*(np.concatenate(both) for both in zip(self.predicted, other.predicted, strict=True))),
            _count_equal(*(np.concatenate(both) for both in zip(self.true, other.true, strict=True))),
            self.one_sided + other.one_sided,
        )


def compare_surfaces(
    predicted: np.ndarray, truth: np.ndarray, *, spacing: Sequence[float], valid_mask: np.ndarray | None = None
) -> Surfaces:
    """Distances between the surfaces of two masks.

    Parameters
    ----------
    predicted, truth
        (Z, Y, X) or (Y, X) boolean.
    spacing
        Size of a pixel along each axis, in whatever unit the distances shall have.
    valid_mask
        Boolean, same shape: where the truth is known. Both masks end there; surface with a face towards the unknown is
        not measured, but what is measured may find it near.

    Raises
    ------
    ValueError
        If shapes differ, or `spacing` does not have one number above 0 for each axis.

    >>> predicted, truth = np.zeros((9, 9), bool), np.zeros((9, 9), bool)
    >>> predicted[2:7, 3:8], truth[2:7, 2:7] = True, True
    >>> hausdorff_distance(compare_surfaces(predicted, truth, spacing=(1.0, 0.5)), percentile=100)
    0.5
    """
    if predicted.shape != truth.shape or (valid_mask is not None and valid_mask.shape != truth.shape):
        raise ValueError(f"a prediction of {predicted.shape} cannot be compared with a truth of {truth.shape}")
    if len(spacing) != truth.ndim or not all(step > 0 for step in spacing):
        raise ValueError(f"the spacing of {truth.ndim} axes is as many numbers above 0, not {tuple(spacing)}")
    predicted, truth = predicted.astype(bool, copy=False), truth.astype(bool, copy=False)
    if valid_mask is not None:
        predicted, truth = predicted & valid_mask, truth & valid_mask
    boxes = find_objects((predicted | truth).view(np.uint8))
    if not boxes:
        return Surfaces()
    # a frame of one pixel shows where the unknown begins
    box = tuple(slice(max(0, edge.start - 1), edge.stop + 1) for edge in boxes[0])
    predicted_surface, true_surface = _surface(predicted[box]), _surface(truth[box])
    measured = np.ones(predicted_surface.shape, bool) if valid_mask is None else ~binary_dilation(~valid_mask[box])
    one_sided = predicted_surface.any() != true_surface.any()
    return Surfaces(
        _distances(predicted_surface & measured, goal=true_surface, spacing=spacing),
        _distances(true_surface & measured, goal=predicted_surface, spacing=spacing),
        int(one_sided),
    )


def compare_classes(
    predicted: np.ndarray,
    truth: np.ndarray,
    *,
    classes: Iterable[int],
    spacing: Sequence[float],
    valid_mask: np.ndarray | None = None,
) -> dict[int, Surfaces]:
    """`compare_surfaces` for each of `classes` (values of the class maps `predicted` and `truth`, whole numbers).

    >>> predicted, truth = np.array([[1, 1, 2, 2]]), np.array([[1, 1, 1, 2]])
    >>> surfaces = compare_classes(predicted, truth, classes=[1, 2], spacing=(1.0, 1.0))
    >>> {value: hausdorff_distance(own, percentile=100) for value, own in surfaces.items()}
    {1: 1.0, 2: 1.0}
    """
    return {
        value: compare_surfaces(equals(predicted, value), equals(truth, value), spacing=spacing, valid_mask=valid_mask)
        for value in classes
    }


def hausdorff_distance(surfaces: Surfaces, percentile: float = 95) -> float:
    """The larger of both percentiles of distances, predicted to true and in reverse; 100 is the Hausdorff distance.

    Percentiles are interpolated linearly, as numpy's. nan where no image has the class in both masks.
    """
    directions = [_finite(surfaces.predicted), _finite(surfaces.true)]
    if not all(len(distances) for distances, _ in directions):
        return float("nan")
    return max(_percentile(distances, counts=counts, percentile=percentile) for distances, counts in directions)


def hausdorff_95(surfaces: Surfaces) -> float:
    """The Hausdorff distance without the worst 5 percent."""
    return hausdorff_distance(surfaces)


def mean_surface_distance(surfaces: Surfaces) -> float:
    """Mean of all distances, predicted to true and in reverse together; nan where no image has the class in both masks.

    >>> predicted, truth = np.array([[0, 1, 0, 0]]), np.array([[0, 0, 0, 1]])
    >>> mean_surface_distance(compare_surfaces(predicted, truth, spacing=(1.0, 0.5)))
    1.0
    """
    distances, counts = map(np.concatenate, zip(_finite(surfaces.predicted), _finite(surfaces.true), strict=True))
    return float(distances @ counts / counts.sum()) if len(counts) else float("nan")


def surface_dice(surfaces: Surfaces, tolerance: float) -> float:
    """Share of both surfaces that lies within `tolerance` (unit of the spacing) of the other (Nikolov et al. 2021).

    Surface counts by pixels, not by area. 0 where only one mask has the class, nan where none has.

    >>> surfaces = compare_surfaces(np.array([[0, 1, 1, 0, 0]]), np.array([[0, 0, 1, 0, 0]]), spacing=(1.0, 1.0))
    >>> round(surface_dice(surfaces, tolerance=0.5), 2), surface_dice(surfaces, tolerance=1.0)
    (0.67, 1.0)
    """
    distances, counts = map(np.concatenate, zip(surfaces.predicted, surfaces.true, strict=True))
    near = distances <= tolerance * (1 + _ROUNDING)
    return float(counts[near].sum() / counts.sum()) if len(counts) else float("nan")


def _surface(mask: np.ndarray) -> np.ndarray:
    return mask & ~binary_erosion(mask)


def _distances(start: np.ndarray, *, goal: np.ndarray, spacing: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    if not goal.any():
        return _count_equal(np.full(np.count_nonzero(start), np.inf))
    return _count_equal(edt.edt(~goal, anisotropy=tuple(spacing))[start].astype(float))


def _count_equal(distances: np.ndarray, counts: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    if counts is None:
        return np.unique(distances, return_counts=True)
    distances, place = np.unique(distances, return_inverse=True)
    return distances, bincount(place, counts, len(distances)).astype(np.int64)


def _finite(direction: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    finite = np.isfinite(direction[0])
    return direction[0][finite], direction[1][finite]


def _percentile(distances: np.ndarray, *, counts: np.ndarray, percentile: float) -> float:
    last = np.cumsum(counts)
    place = (last[-1] - 1) * percentile / 100
    below, above = np.searchsorted(last, [np.floor(place), np.ceil(place)], side="right")
    return float(distances[below] + (place % 1) * (distances[above] - distances[below]))
