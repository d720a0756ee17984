"""The objects of a prediction that are most wrong, one by one, to be looked at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import fastremap
import numpy as np
from scipy.ndimage import find_objects

from nbtrainer.labels.connected import plain
from nbtrainer.labels.match import Overlaps, count_overlaps, match_objects, merge_pairs, split_pairs

ErrorKind = Literal["missed", "invented", "split", "merged", "poor"]

_IN_PREDICTION = ("invented", "merged")
# objects with a smaller IoU have nothing to do with each other: one is missed, the other invented
_COUNTERPART = 0.2


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """One object that is wrong.

    Attributes
    ----------
    kind
        missed: a true object without a predicted one of its own. invented: a predicted object without a true one.
        split: a true object in several predicted pieces. merged: a predicted object that holds several true ones.
        poor: a true object whose predicted counterpart has too little in common with it.
    id
        In the prediction if merged or invented, else in the truth.
    partners
        Ids of the other image: pieces, merged objects, or the counterpart; the largest overlap first.
    box
        (start, stop) along each axis, around the object.
    iou
        With the partner that fits best, 0 without partners.
    wrong_pixels
        Known pixels of the object, times 1 - IoU.
    """

    kind: ErrorKind
    id: int
    partners: tuple[int, ...]
    box: tuple[tuple[int, int], ...]
    iou: float
    wrong_pixels: float


def worst_objects(
    predicted: np.ndarray,
    truth: np.ndarray,
    *,
    count: int,
    valid_mask: np.ndarray | None = None,
    poor_below: float = 0.75,
) -> list[Mistake]:
    """Up to `count` mistakes, those with most wrong pixels first.

    An object that is split or merged, or part of it, is told there and not missed, invented or poor besides.

    Parameters
    ----------
    predicted, truth
        (Z, Y, X) or (Y, X) ids, 0 is background.
    valid_mask
        Boolean, same shape: where the truth is known. Objects that lie mostly elsewhere are no mistakes.
    poor_below
        A true object that is neither missed, split nor merged is a mistake if its best IoU is below.

    >>> mistake = worst_objects(np.array([[1, 1, 1, 1, 0]]), np.array([[1, 1, 2, 2, 0]]), count=1)[0]
    >>> mistake.kind, mistake.id, mistake.partners
    ('merged', 1, (1, 2))
    """
    overlaps = count_overlaps(predicted, truth, valid_mask)
    mistakes = sorted(_mistakes(overlaps, poor_below), key=lambda row: (-row[-1], row[0], row[1]))[:count]
    boxes = {
        side: _boxes(array, [row[1] for row in mistakes if (row[0] in _IN_PREDICTION) == side])
        for side, array in ((True, predicted), (False, truth))
    }
    return [
        Mistake(
            kind=kind,
            id=number,
            partners=partners,
            box=boxes[kind in _IN_PREDICTION][number],
            iou=iou,
            wrong_pixels=wrong,
        )
        for kind, number, partners, iou, wrong in mistakes
    ]


_Row = tuple[ErrorKind, int, tuple[int, ...], float, float]


def _mistakes(overlaps: Overlaps, poor_below: float) -> list[_Row]:
    """(kind, id, partners, IoU, wrong pixels) of all mistakes."""
    merged, split = merge_pairs(overlaps), split_pairs(overlaps)
    explained = np.concatenate([merged, split])
    counterparts = match_objects(overlaps, _COUNTERPART)
    elsewhere = np.isin(overlaps.truth[counterparts], overlaps.truth[explained])
    elsewhere |= np.isin(overlaps.predicted[counterparts], overlaps.predicted[explained])
    counterparts = counterparts[~elsewhere]
    named = np.concatenate([explained, counterparts])
    missed, invented = overlaps.is_true_object.copy(), overlaps.is_predicted_object.copy()
    missed[overlaps.truth[named]] = False
    invented[overlaps.predicted[named]] = False
    poor = counterparts[overlaps.iou[counterparts] < poor_below]

    truth = overlaps.truth, overlaps.truth_ids, overlaps.truth_sizes
    prediction = overlaps.predicted, overlaps.predicted_ids, overlaps.predicted_sizes
    return [
        *_with_partners("merged", overlaps, merged, side=prediction, other=truth),
        *_with_partners("split", overlaps, split, side=truth, other=prediction),
        *_with_partners("poor", overlaps, poor, side=truth, other=prediction),
        *_alone("missed", missed, truth),
        *_alone("invented", invented, prediction),
    ]


_Side = tuple[np.ndarray, np.ndarray, np.ndarray]


def _with_partners(
    kind: ErrorKind, overlaps: Overlaps, pairs: np.ndarray, *, side: _Side, other: _Side
) -> Iterator[_Row]:
    place, ids, sizes = side
    pairs = pairs[np.lexsort((-overlaps.pixels[pairs], place[pairs]))]
    owners, starts = np.unique(place[pairs], return_index=True)
    for owner, part in zip(owners, np.split(pairs, starts[1:]), strict=False):
        iou = float(overlaps.iou[part].max())
        partners = tuple(other[1][other[0][part]].tolist())
        yield kind, int(ids[owner]), partners, iou, float(sizes[owner] * (1 - iou))


def _alone(kind: ErrorKind, which: np.ndarray, side: _Side) -> Iterator[_Row]:
    _, ids, sizes = side
    for owner in np.flatnonzero(which):
        yield kind, int(ids[owner]), (), 0.0, float(sizes[owner])


def _boxes(labels: np.ndarray, ids: list[int]) -> dict[int, tuple[tuple[int, int], ...]]:
    """The box of each of `ids`: (start, stop) along each axis."""
    if not ids:
        return {}
    # find_objects makes a list as long as the largest id
    table = {number: place for place, number in enumerate(ids, 1)}
    few = fastremap.remap(fastremap.mask_except(plain(labels), ids), table | {0: 0})
    boxes = find_objects(few.astype(np.int32))
    return {number: tuple((edge.start, edge.stop) for edge in boxes[place - 1]) for number, place in table.items()}
