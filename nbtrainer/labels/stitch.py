"""A volume made of slices: objects of neighbouring slices that overlap get one id."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nbtrainer.labels.match import count_overlaps


def stitch(planes: Sequence[np.ndarray], above: float) -> np.ndarray:
    """Label images (Y, X), one for each slice, as a volume (Z, Y, X).

    An object takes the id of the one in the slice before with which it has the highest IoU, if that is more than
    `above`; of several that want the same id, the one that overlaps most gets it, the others become objects of their own.

    >>> planes = [np.array([[1, 1, 0]]), np.array([[3, 3, 0]]), np.array([[0, 0, 2]])]
    >>> stitch(planes, above=0.5).tolist()
    [[[1, 1, 0]], [[1, 1, 0]], [[0, 0, 2]]]
    """
    volume = np.zeros((len(planes), *planes[0].shape), np.uint32)
    last = 0
    for z, plane in enumerate(planes):
        own = np.unique(plane[plane > 0])
        ids: dict[int, int] = {}
        taken: set[int] = set()
        for score, here, before in sorted(_overlaps(plane, before=volume[z - 1]), reverse=True) if z else ():
            if score > above and here not in ids and before not in taken:
                ids[here] = before
                taken.add(before)
        ids |= {value: last + number for number, value in enumerate((v for v in own.tolist() if v not in ids), 1)}
        last = max([last, *ids.values()])
        lookup = np.zeros(int(plane.max(initial=0)) + 1, np.uint32)
        lookup[list(ids)] = list(ids.values())
        volume[z] = lookup[plane]
    return volume


def _overlaps(plane: np.ndarray, *, before: np.ndarray) -> list[tuple[float, int, int]]:
    """IoU, id here, id in the slice before, for all that overlap."""
    table = count_overlaps(plane, before)
    met = table.iou > 0
    return list(
        zip(
            table.iou[met].tolist(),
            table.predicted_ids[table.predicted[met]].tolist(),
            table.truth_ids[table.truth[met]].tolist(),
            strict=True,
        )
    )
