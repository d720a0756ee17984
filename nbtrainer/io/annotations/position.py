"""Which outlines lie on the slice of a file that is read."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from nbtrainer.errors import DataError
from nbtrainer.io.annotations.outline import Outline


def place_outlines(outlines: Iterable[Outline], lengths: Mapping[str, int], axis: str) -> list[Outline]:
    """`outlines` with their place along the axis `axis` (Z or T, `?` if the file does not say) of an image as `z`.

    `lengths` has the lengths of the image's axes by their letters. ImageJ numbers the planes of a stack in one row;
    with several channels, slices or time points this tells them apart.
    """
    channels, depth, times = (lengths.get(letter, 1) for letter in "CZT")
    placed = []
    for outline in outlines:
        c, z, t = outline.c, outline.z, outline.t
        if outline.plane is not None and channels * depth * times > 1:
            rest, c = divmod(outline.plane, channels)
            t, z = divmod(rest, depth) if times > 1 else (None, rest)
        elif not z and t and times == 1:  # ImageJ counts the frames of what the file calls slices
            z = t
        placed.append(dataclasses.replace(outline, c=c, z=t if axis == "T" and t is not None else z, t=t))
    return placed


def on_frame(outlines: Iterable[Outline], frame: int) -> list[Outline]:
    """Those of `outlines` that were drawn at time point `frame` of a series."""
    return [outline for outline in outlines if outline.t is None or outline.t == frame]


def on_slice(outlines: Iterable[Outline], *, index: int, count: int) -> list[Outline]:
    """Those of `outlines` that lie on slice `index` of a stack of `count`, as outlines of an image of its own.

    Raises `UserError` if any lies beyond the stack.
    """
    on_this_slice = []
    for outline in outlines:
        if outline.z is not None and not 0 <= outline.z < count:
            wrong = f"one lies on slice {outline.z + 1}, but the stack has {count}"
            raise DataError("outlines", wrong, "Use them with the stack that they were drawn on")
        if outline.z is None or outline.z == index:
            on_this_slice.append(dataclasses.replace(outline, z=None))
    return on_this_slice


def on_channels(outlines: Sequence[Outline], channels: Sequence[int]) -> list[Outline]:
    """Those of `outlines` that were drawn on one of `channels`, if they were drawn on several and some on these."""
    drawn_on = {outline.c for outline in outlines if outline.c is not None}
    if len(drawn_on) < 2 or not drawn_on & set(channels):
        return list(outlines)
    return [outline for outline in outlines if outline.c is None or outline.c in channels]
