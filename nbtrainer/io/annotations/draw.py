"""Outlines drawn into label images and masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from nbtrainer.errors import DataError
from nbtrainer.io.annotations.outline import Outline

_ROWS_AT_ONCE = 1 << 20


def draw_labels(
    outlines: Sequence[Outline],
    shape: tuple[int, ...],
    per: Literal["object", "class"] = "object",
    classes: Sequence[str] | Mapping[str, int] | None = None,
    unknown: int | None = None,
) -> np.ndarray:
    """The outlines as a label image, uint32 of `shape` ((Y, X) or (Z, Y, X)); later ones cover earlier ones.

    Per object: 1, 2, 3 ... in the order of the outlines; parts of one object share its id. Per class: the number that
    `classes` gives to the class's name (by position, counted from 1, if it is a list; other classes are left out), or
    else the number that the file gives to the class, or else the classes of these outlines in alphabetical order. Give
    `classes` if several images must agree.

    With `unknown`, crowds have that value where no object is drawn, and no object has it.

    A pixel belongs to an outline if its centre does, so that outlines with a common edge neither overlap nor leave a
    gap. What lies outside of `shape` is cut off. An outline that contains no centre of a pixel draws nothing.

    Raises
    ------
    UserError
        If outlines lie on slices that `shape` does not have.
    """
    crowds = [outline for outline in outlines if outline.is_crowd and unknown is not None]
    single = [outline for outline in outlines if not (outline.is_crowd and unknown is not None)]
    ids = _object_ids(single, unknown) if per == "object" else _class_ids(single, classes)
    values = [*[unknown or 0] * len(crowds), *ids]
    labels = np.zeros(shape, np.uint32)
    _check_slices(outlines, shape)
    for outline, value in zip([*crowds, *single], values, strict=True):
        if value:
            box, inside = _fill_outline(outline, shape[-2:])
            slices = labels if outline.z is None or len(shape) == 2 else labels[outline.z]
            slices[(..., *box)][..., inside] = value
    return labels


def draw_mask(outlines: Sequence[Outline], shape: tuple[int, ...]) -> np.ndarray:
    """Where any of the outlines is, bool of `shape` ((Y, X) or (Z, Y, X)); see `draw_labels`."""
    return draw_labels(outlines, shape) > 0


def _object_ids(outlines: Sequence[Outline], unknown: int | None) -> list[int]:
    keys = [(outline.part_of,) if outline.part_of is not None else index for index, outline in enumerate(outlines)]
    known: dict[object, int] = {key: number for number, key in enumerate(dict.fromkeys(keys), 1)}
    return [known[key] + (unknown is not None and 0 < unknown <= known[key]) for key in keys]


def _class_ids(outlines: Sequence[Outline], classes: Sequence[str] | Mapping[str, int] | None) -> list[int]:
    if isinstance(classes, Mapping):
        return [classes.get(outline.class_key, 0) for outline in outlines]
    if classes is not None:
        given = {name: number for number, name in reversed(list(enumerate(classes, 1)))}
        return [given.get(outline.class_name, 0) for outline in outlines]
    last = max((outline.label for outline in outlines if outline.label is not None), default=0)
    names = sorted({outline.class_name for outline in outlines if outline.label is None})
    numbers = {name: last + number for number, name in enumerate(names, 1)}
    return [numbers[outline.class_name] if outline.label is None else outline.label for outline in outlines]


def _check_slices(outlines: Sequence[Outline], shape: tuple[int, ...]) -> None:
    used = sorted({outline.z for outline in outlines if outline.z is not None})
    if len(shape) == 2 and len(used) > 1:
        wrong = f"they lie on {len(used)} slices ({used[0] + 1} to {used[-1] + 1}), but the image is a single one"
        raise DataError("outlines", wrong, "Use them with the stack that they were drawn on")
    if len(shape) == 3 and used and not (used[0] >= 0 and used[-1] < shape[0]):
        outside = used[-1] if used[0] >= 0 else used[0]
        wrong = f"one lies on slice {outside + 1}, but the stack has {shape[0]}"
        raise DataError("outlines", wrong, "Use them with the stack that they were drawn on")


def _fill_outline(outline: Outline, shape: tuple[int, ...]) -> tuple[tuple[slice, slice], np.ndarray]:
    """The part of a (Y, X) `shape` that holds the outline, and which of its pixels (bool) belong to it."""
    if outline.mask is None:
        return _fill([outline.points, *outline.holes], shape)
    top, left = (int(number) for number in np.rint(outline.points[0]))
    inside = outline.mask[max(0, -top) : max(0, shape[0] - top), max(0, -left) : max(0, shape[1] - left)]
    top, left = max(0, top), max(0, left)
    return (slice(top, top + inside.shape[0]), slice(left, left + inside.shape[1])), inside


def _fill(rings: Sequence[np.ndarray], shape: tuple[int, ...]) -> tuple[tuple[slice, slice], np.ndarray]:
    """Pixels whose centre lies in an odd number of rings.

    Not skimage.draw.polygon: it asks of every pixel for every point (seconds for a traced outline of 5,000 points),
    and pixels on a common edge belong to both neighbours. Here each edge is met once a row, and an edge on a centre
    counts for one side only.
    """
    start = np.concatenate(rings)
    stop = np.concatenate([np.roll(ring, -1, axis=0) for ring in rings])
    upward = start[:, 0] > stop[:, 0]
    start[upward], stop[upward] = stop[upward], start[upward]
    first, last = (np.clip(np.ceil(ends[:, 0]), 0, shape[0]).astype(np.int64) for ends in (start, stop))
    counts = last - first
    met = counts > 0
    if not met.any():
        return (slice(0, 0), slice(0, 0)), np.zeros((0, 0), bool)
    top, bottom = int(first[met].min()), int(last[met].max())
    left, right = (
        int(np.clip(np.ceil(limit), 0, shape[1]))
        for limit in (min(p[met, 1].min() for p in (start, stop)), max(p[met, 1].max() for p in (start, stop)))
    )
    # changes from outside to inside and back; only whether they are odd counts
    changes = np.zeros((bottom - top, right - left + 1), np.uint8)
    numbers = np.flatnonzero(met)
    # some edges at a time: many tall ones meet more rows than the memory holds
    parts = np.searchsorted(np.cumsum(counts[numbers]), np.arange(_ROWS_AT_ONCE, counts[numbers].sum(), _ROWS_AT_ONCE))
    for some in np.split(numbers, np.unique(parts)):
        edge = np.repeat(some, counts[some])
        row = np.arange(len(edge)) - np.repeat(np.cumsum(counts[some]) - counts[some], counts[some]) + first[edge]
        slope = (stop[edge, 1] - start[edge, 1]) / (stop[edge, 0] - start[edge, 0])
        column = np.clip(np.ceil(start[edge, 1] + (row - start[edge, 0]) * slope), left, right).astype(np.int64)
        np.add.at(changes, (row - top, column - left), 1)
    inside = np.cumsum(changes, axis=1, dtype=np.uint8)[:, :-1] % 2 == 1
    return (slice(top, bottom), slice(left, right)), inside
