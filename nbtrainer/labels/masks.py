"""Labels from fields: what `flow_fields` makes of labels, or a network predicts, turned back into objects."""

from __future__ import annotations

from typing import Literal

import fastremap
import numpy as np

from nbtrainer.labels.clean import relabel_pieces, remove_small
from nbtrainer.labels.connect import enclosed, regions_of
from nbtrainer.labels.flow import flow_fields, relative_spacing
from nbtrainer.labels.follow import follow_suppressed
from nbtrainer.labels.gather import gather_alike, gather_dense, gather_rounded
from nbtrainer.labels.join import join
from nbtrainer.labels.objects import mean_diameter

Method = Literal["join", "points", "affinity"]


def masks_from_fields(
    distance: np.ndarray,
    flow: np.ndarray,
    boundary: np.ndarray | None = None,
    *,
    spacing: tuple[float, ...] | None = None,
    mask_threshold: float = 0.0,
    method: Method = "join",
    least_depth: float = 0.6,
    cluster: bool | None = None,
    diam_threshold: float = 12.0,
    steps: int = 200,
    flow_threshold: float = 0.4,
    hole_size: float | None = None,
    min_size: int = 15,
    max_size: int | None = None,
) -> np.ndarray:
    """Objects 1, 2, 3 ... ([Z,] Y, X) uint32, each in one piece (corners connect), in reading order.

    Parameters
    ----------
    distance
        ([Z,] Y, X), well below 0 in the background (`flow_fields` has 0 there, a target -5).
    flow
        (d, [Z,] Y, X), in the order z, y, x, about 1 long: a network's output divided by 5.
    boundary
        Logits ([Z,] Y, X); used where end points are rounded.
    mask_threshold
        Foreground has a distance above this less 1, in pieces that reach above this.
    method
        "join": neighbours hang together where the depth between them does not fall to 0 (`join`). "points": Omnipose's
        own, end points of the suppressed flow clustered. "affinity": neighbours led the same way.
    least_depth
        For "join": of the border of two parts that are one, on average, in pixels.
    cluster
        For "points": DBSCAN, or rounding and connected parts; if left out, DBSCAN up to a mean diameter of `diam_threshold`.
    steps
        Of the integration for "points".
    flow_threshold
        An object is dropped if its own flow, computed anew, differs by a larger mean square; 0: none is.
    hole_size
        Holes up to this share of their object, in percent, are filled; 3^(d // 2) if left out.
    min_size, max_size
        In pixels; smaller and larger objects are dropped. 0 and None: none is.
    """
    size = relative_spacing(distance.ndim, spacing)
    foreground = _hysteresis(distance, mask_threshold)
    if method == "join":
        objects = join(foreground, distance, flow, size, least_depth)
    elif method == "affinity":
        objects = gather_alike(foreground, flow, size, _diameter(foreground))
    else:
        ends = follow_suppressed(flow, foreground, size, steps)
        small = _diameter(foreground) <= diam_threshold if cluster is None else cluster
        objects = gather_dense(foreground, ends) if small else gather_rounded(foreground, ends, boundary)
    labels = relabel_pieces(fastremap.renumber(objects.astype(np.uint32), preserve_zero=True)[0])
    if flow_threshold > 0:
        labels = _agreeing(labels, flow, spacing, flow_threshold)
    labels = _fill_small_holes(labels, 3 ** (labels.ndim // 2) if hole_size is None else hole_size)
    if min_size > 0:
        labels = remove_small(labels, min_size)
    if max_size is not None:
        ids, sizes = fastremap.unique(labels, return_counts=True)
        labels = fastremap.mask(labels, list(ids[(sizes > max_size) & (ids != 0)]))
    return fastremap.renumber(labels.astype(np.uint32), preserve_zero=True)[0].astype(np.uint32)


def _hysteresis(distance: np.ndarray, threshold: float) -> np.ndarray:
    low = distance > threshold - 1
    high = distance > threshold
    if (low == high).all():
        return high
    regions = regions_of(low)
    reaches = np.zeros(int(regions.max()) + 1, bool)
    reaches[regions[high]] = True
    reaches[0] = False
    return reaches[regions]


def _diameter(foreground: np.ndarray) -> float:
    return float(mean_diameter(foreground)) if foreground.any() else 0.0


def _agreeing(labels: np.ndarray, flow: np.ndarray, spacing: tuple[float, ...] | None, threshold: float) -> np.ndarray:
    """`labels` without objects whose flow differs from `flow` by more than `threshold`, mean square of its length."""
    inside = labels != 0
    if not inside.any():
        return labels
    own = flow_fields(labels, spacing=spacing).flow
    errors = np.zeros(np.count_nonzero(inside))
    for expected, found in zip(flow, own, strict=True):
        errors += (expected[inside] - found[inside]) ** 2
    count = int(labels.max()) + 1
    sizes = np.bincount(labels[inside], minlength=count)
    agrees = np.bincount(labels[inside], errors, count) <= threshold * sizes
    return np.where(agrees[labels], labels, 0).astype(labels.dtype)


def _fill_small_holes(labels: np.ndarray, percent: float) -> np.ndarray:
    if percent <= 0:
        return labels
    regions, owners = enclosed(labels)
    if not owners.any():
        return labels
    holes = np.bincount(regions.ravel(), minlength=len(owners))
    sizes = np.bincount(labels.ravel())
    owners[holes >= percent / 100 * sizes[owners]] = 0
    return np.where(labels == 0, owners[regions], labels)
