"""Labels from fields: what `flow_fields` makes of labels, or a network predicts, turned back into objects."""

from __future__ import annotations

from typing import Literal

import fastremap
import numpy as np

from nbtrainer.labels.clean import relabel_pieces, remove_small
from nbtrainer.labels.connected import enclosed, regions_of
from nbtrainer.labels.flow.cluster import gather_alike, gather_dense, gather_rounded
from nbtrainer.labels.flow.fields import flow_fields, relative_spacing
from nbtrainer.labels.flow.integrate import follow_suppressed
from nbtrainer.labels.flow.join import join
from nbtrainer.labels.integers import bincount
from nbtrainer.labels.objects import mean_diameter

Method = Literal["join", "points", "affinity"]

# objects whose flow differs more from the predicted are looked at again, first with this depth; the answer is taken if
# it leaves less than this share of the difference
_DOUBTFUL = 0.1
_STRICTER = 0.9
_BETTER = 0.67


def masks_from_fields(
    distance: np.ndarray,
    *,
    flow: np.ndarray,
    boundary: np.ndarray | None = None,
    spacing: tuple[float, ...] | None = None,
    mask_threshold: float,
    method: str,
    min_border_depth: float,
    flow_threshold: float,
    hole_size: float,
    min_size: int,
    cluster: bool | None = None,
    diam_threshold: float = 12.0,
    steps: int = 200,
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
    min_border_depth
        For "join": of the border of two parts that are one, on average, in pixels.
    cluster
        For "points": DBSCAN, or rounding and connected parts; if left out, DBSCAN up to a mean diameter of `diam_threshold`.
    steps
        Of the integration for "points".
    flow_threshold
        An object is dropped if its own flow, computed anew, differs by a larger mean square; 0: none is.
    hole_size
        Holes up to this share of their object, in percent, are filled; Omnipose's is 3^(d // 2).
    min_size, max_size
        In pixels; smaller and larger objects are dropped. 0 and None: none is.
    """
    size = relative_spacing(distance.ndim, spacing)
    foreground = _hysteresis(distance, mask_threshold)
    if method == "join":
        labels, errors = _join_strictly(
            foreground, distance=distance, flow=flow, size=size, min_border_depth=min_border_depth
        )
    else:
        if method == "affinity":
            objects = gather_alike(foreground, flow=flow, size=size, diameter=_diameter(foreground))
        else:
            ends = follow_suppressed(flow, foreground=foreground, size=size, steps=steps)
            small = _diameter(foreground) <= diam_threshold if cluster is None else cluster
            objects = (
                gather_dense(foreground, ends=ends)
                if small
                else gather_rounded(foreground, ends=ends, boundary=boundary)
            )
        labels = _number(objects)
        errors = _flow_errors(labels, flow=flow, size=size) if flow_threshold > 0 else np.zeros(1)
    if flow_threshold > 0:
        labels = np.where((errors <= flow_threshold)[labels], labels, 0).astype(labels.dtype)
    labels = _fill_small_holes(labels, hole_size)
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


def _number(objects: np.ndarray) -> np.ndarray:
    return relabel_pieces(fastremap.renumber(objects.astype(np.uint32), preserve_zero=True)[0]).astype(np.uint32)


def _join_strictly(
    foreground: np.ndarray, *, distance: np.ndarray, flow: np.ndarray, size: np.ndarray, min_border_depth: float
) -> tuple[np.ndarray, np.ndarray]:
    """Labels by `join`, and the error of each one's flow.

    Where a network is unsure of a border, its flow turns over several pixels, and the depth there does not fall to 0: the
    objects become one, whose flow is another than the predicted. So objects with an error are taken apart by a stricter
    join, then by end points; what explains the flow better stays.
    """
    labels = _number(join(foreground, distance=distance, flow=flow, size=size, min_border_depth=min_border_depth))
    errors = _flow_errors(labels, flow=flow, size=size)
    for stricter in (_STRICTER, None):
        doubtful = (errors > _DOUBTFUL)[labels]
        if not doubtful.any():
            break
        if stricter is not None:
            again = join(
                doubtful, distance=distance, flow=flow, size=size, min_border_depth=max(stricter, min_border_depth)
            )
        else:
            again = gather_rounded(doubtful, ends=follow_suppressed(flow, foreground=doubtful, size=size))
        # parts of different objects stay apart
        other = _number(fastremap.renumber(labels * np.uint64(again.max() + 1) + again)[0] * doubtful)
        better = _explains_better(
            labels, errors=errors, other=other, other_errors=_flow_errors(other, flow=flow, size=size)
        )[labels] & (other > 0)
        labels = _number(np.where(better, other + labels.max(), labels))
        errors = _flow_errors(labels, flow=flow, size=size)
    return labels, errors


def _explains_better(
    labels: np.ndarray, *, errors: np.ndarray, other: np.ndarray, other_errors: np.ndarray
) -> np.ndarray:
    """Which of `labels` the parts in `other` explain better by a third, in the sum over their pixels."""
    sizes = bincount(labels.ravel(), minlength=len(errors))
    sums = bincount(labels.ravel(), other_errors[other].ravel(), len(errors))
    return sums < _BETTER * errors * sizes


def _flow_errors(labels: np.ndarray, *, flow: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Mean square difference, of each label, between `flow` and its own, computed anew; by label, 0 for none."""
    inside = labels != 0
    own = flow_fields(labels, spacing=tuple(size)).flow
    errors = np.zeros(np.count_nonzero(inside), np.float32)
    for expected, predicted in zip(flow, own, strict=True):
        errors += (expected[inside] - predicted[inside]) ** 2
    count = int(labels.max(initial=0)) + 1
    sizes = bincount(labels[inside], minlength=count)
    return bincount(labels[inside], errors, count) / np.maximum(sizes, 1)


def _fill_small_holes(labels: np.ndarray, percent: float) -> np.ndarray:
    if percent <= 0:
        return labels
    regions, owners = enclosed(labels)
    if not owners.any():
        return labels
    holes = bincount(regions.ravel(), minlength=len(owners))
    sizes = bincount(labels.ravel())
    owners[holes >= percent / 100 * sizes[owners]] = 0
    return np.where(labels == 0, owners[regions], labels)
