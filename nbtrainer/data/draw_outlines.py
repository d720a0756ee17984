"""The outlines of a pair drawn as the label of its image."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal

import numpy as np

from nbtrainer.data.pair import Pair
from nbtrainer.errors import DataError, UserError
from nbtrainer.io.annotations import Outline, draw_labels, label_shape, read_outlines
from nbtrainer.io.annotations.position import on_channels, on_frame, on_slice, place_outlines
from nbtrainer.io.axes import Layout, format_shape
from nbtrainer.io.formats import open_image


def draw_outlines(
    pair: Pair,
    shape: tuple[int, ...],
    layout: Layout,
    frame: int,
    *,
    outlines_as: Literal["objects", "foreground", "classes"],
    class_numbers: dict[str, int],
    channels: Sequence[int],
    ignored: int,
) -> np.ndarray:
    """The outlines of `pair` (of a stack those of its slice, of a series those of `frame`) as ([z,] y, x) uint32.

    Parameters
    ----------
    shape
        Spatial shape ([z,] y, x) of the image, which is read with `layout`.
    outlines_as
        What the values are: see `Preparation.outlines`.
    class_numbers
        The value of each class; outlines of others are not drawn. Empty: as the file numbers them.
    channels
        Those that are used; outlines on others are not drawn. Empty: all are.
    ignored
        The value where nothing is known, as in a crowd.

    Raises
    ------
    UserError
        Naming the label, if it cannot be read or was drawn on an image of another size.
    """
    _refuse_other_size(pair, shape)
    opened = open_image(pair.image)
    along = layout.slices if layout.slices is not None else layout.spatial[0] if len(shape) == 3 else None
    lengths = {letter: length for letter, length in zip(opened.axes, opened.shape, strict=True) if letter in "CZT"}
    outlines = place_outlines(read_pair_outlines(pair), lengths, "?" if along is None else opened.axes[along])
    if layout.frames is not None:
        outlines = on_frame(outlines, frame)
    if channels:
        outlines = on_channels(outlines, channels)
    try:
        if layout.slices is not None:
            outlines = on_slice(outlines, index=pair.slice or 0, count=layout.count(opened.shape))
        if outlines_as == "classes":
            return draw_labels(outlines, shape, "class", class_numbers or None)
        if class_numbers:
            outlines = [outline for outline in outlines if outline.class_key in class_numbers]
        if outlines_as == "foreground":
            outlines = [dataclasses.replace(outline, is_crowd=False) for outline in outlines]
        return draw_labels(outlines, shape, unknown=ignored)
    except UserError as error:  # drawing does not know the file
        raise error.replace(where=str(pair.label)) from None


def read_pair_outlines(pair: Pair) -> list[Outline]:
    """The outlines on the image of `pair`, on whatever slice. Raises `UserError` if the file cannot be read."""
    if pair.annotated_as is None:
        return read_outlines(pair.required_label)
    return [each for each in read_outlines(pair.required_label, pair.annotated_as) if each.image == pair.annotated_as]


def _refuse_other_size(pair: Pair, shape: tuple[int, ...]) -> None:
    """Raise `UserError` if the outlines of `pair` were drawn on an image of another size."""
    stated = label_shape(pair.required_label, pair.annotated_as or "")
    if stated is not None and tuple(stated) != tuple(shape[-2:]):
        raise DataError(
            str(pair.label),
            f"it was drawn on an image of {format_shape(stated)}, but {pair.image.name} is {format_shape(shape[-2:])}",
            "Image and outlines must have the same size; draw them on this image, or take the pair out",
        )
