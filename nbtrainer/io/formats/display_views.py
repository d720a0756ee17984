"""Arrays shown otherwise than they are stored: with turned axes, or with other colours."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from nbtrainer.io.formats.chunked import Bounds, Regions
from nbtrainer.io.formats.colours import palette_colours
from nbtrainer.io.formats.image_file import ImageFile
from nbtrainer.io.formats.orientation import turn_between
from nbtrainer.progress import OnProgress

# what EXIF and TIFF say of the first row and column: are y and x exchanged, and which of them then run backwards
_ORIENTATIONS = {
    2: (False, "X"),
    3: (False, "YX"),
    4: (False, "Y"),
    5: (True, ""),
    6: (True, "X"),
    7: (True, "YX"),
    8: (True, "Y"),
}
_TURNS = {
    2: "mirrored",
    3: "turned by 180 degrees",
    4: "mirrored",
    5: "turned and mirrored",
    6: "turned by 90 degrees to the right",
    7: "turned and mirrored",
    8: "turned by 90 degrees to the left",
}


class DisplayView(Regions):
    """Another array seen through a change; `prepare` is handed on."""

    def __init__(self, stored: Any, shape: tuple[int, ...], dtype: Any) -> None:
        super().__init__(stored.path, shape, dtype)
        self._stored = stored

    def prepare(self, on_progress: OnProgress | None = None) -> None:
        """As `Whole.prepare`."""
        prepare = getattr(self._stored, "prepare", None)
        if prepare is not None:
            prepare(on_progress)


class Reoriented(DisplayView):
    """Another array with its axes in another order, some of them from end to start.

    `order` names the stored axis that each axis was; `backwards` are the axes, in the new order, that are reversed.
    """

    def __init__(self, stored: Any, order: tuple[int, ...], backwards: frozenset[int] = frozenset()) -> None:
        super().__init__(stored, tuple(stored.shape[axis] for axis in order), stored.dtype)
        self._order, self._backwards = order, backwards

    def _region(self, bounds: Bounds) -> np.ndarray:
        region = [slice(0)] * len(bounds)
        for number, (axis, (start, stop)) in enumerate(zip(self._order, bounds, strict=True)):
            length = self.shape[number]
            region[axis] = slice(length - stop, length - start) if number in self._backwards else slice(start, stop)
        pixels = self._stored[tuple(region)].transpose(self._order)
        return np.asarray(np.flip(pixels, tuple(self._backwards)))


class Recoloured(DisplayView):
    """Another array whose values are changed pixel by pixel.

    Parameters
    ----------
    change
        Gets pixels, (..., samples) if `colour_axis` is given, and returns (..., `samples`), or (...) if that is 0.
    colour_axis
        The stored axis of the colours, which is kept where it is; None: there is none, and a new one comes last.
    """

    def __init__(
        self,
        stored: Any,
        change: Callable[[np.ndarray], np.ndarray],
        dtype: Any = None,
        samples: int = 0,
        colour_axis: int | None = None,
    ) -> None:
        shape = list(stored.shape)
        if colour_axis is not None:
            del shape[colour_axis]
        self._shown_axis = None if not samples else len(shape) if colour_axis is None else colour_axis
        if self._shown_axis is not None:
            shape.insert(self._shown_axis, samples)
        super().__init__(stored, tuple(shape), stored.dtype if dtype is None else dtype)
        self._change, self._colour_axis = change, colour_axis

    def _region(self, bounds: Bounds) -> np.ndarray:
        inner = [slice(*bound) for number, bound in enumerate(bounds) if number != self._shown_axis]
        if self._colour_axis is not None:
            inner.insert(self._colour_axis, slice(None))
        pixels = self._stored[tuple(inner)]
        if self._colour_axis is not None:
            pixels = np.moveaxis(pixels, self._colour_axis, -1)
        changed = self._change(pixels)
        if self._shown_axis is None:
            return changed
        return np.moveaxis(changed[..., slice(*bounds[self._shown_axis])], -1, self._shown_axis)


def with_palette(opened: ImageFile, table: np.ndarray) -> ImageFile:
    """An opened file of numbers as the colours, or greys, that its palette `table` (n, 3) from 0 to 255 gives them."""
    colours = palette_colours(table)
    if colours is None:
        return opened.noting("it has a palette of one hue: its numbers are read as intensities")
    if len(colours) < 1 << 8 * opened.dtype.itemsize:
        rest = (1 << 8 * opened.dtype.itemsize) - len(colours)
        colours = np.concatenate([colours, np.zeros((rest, *colours.shape[1:]), np.uint8)])
    array = Recoloured(opened.array, lambda pixels: colours[pixels], np.uint8, 3 if colours.ndim == 2 else 0)
    words = "colours" if colours.ndim == 2 else "greys"
    axes = opened.axes + "S" if colours.ndim == 2 else opened.axes
    return dataclasses.replace(opened, array=array, axes=axes).noting(f"it has a palette: its {words} are read")


def upright(opened: ImageFile, orientation: Any) -> ImageFile:
    """An opened file as viewers show it, by the `orientation` that its EXIF data or its TIFF tag states (1 to 8)."""
    turn = _ORIENTATIONS.get(orientation) if isinstance(orientation, int) else None
    if turn is None or "Y" not in opened.axes or "X" not in opened.axes:
        return opened
    are_exchanged, backwards = turn
    order = list(range(len(opened.axes)))
    y, x = opened.axes.index("Y"), opened.axes.index("X")
    spacing = dict(opened.spacing)
    if are_exchanged:
        order[y], order[x] = x, y
        exchanged = {new: spacing.get(old) for new, old in (("y", "x"), ("x", "y"))}
        spacing = {axis: length for axis, length in (spacing | exchanged).items() if length is not None}
    reversed_axes = frozenset(opened.axes.index(letter) for letter in backwards)
    array = Reoriented(opened.array, tuple(order), reversed_axes)
    note = f"its orientation tag says that it is to be seen {_TURNS[orientation]}, and so it is read"
    return dataclasses.replace(opened, array=array, spacing=spacing).noting(note)


def brought_to(opened: ImageFile, *, other: ImageFile, whose: str = "its image") -> ImageFile:
    """An opened file with its axes turned as those of another, where both say that they lie at the same place.

    `whose` is what the note about it calls the other. It stays as it is where either does not say, or no turn brings
    both together: see `place.difference`.
    """
    place, target = opened.orientation, other.orientation
    if place is None or target is None:
        return opened
    lengths = {letter: opened.shape[opened.axes.index(letter)] for letter in place.steps if letter in opened.axes}
    target_lengths = {letter: other.shape[other.axes.index(letter)] for letter in target.steps if letter in other.axes}
    turn = turn_between(place, lengths, target, target_lengths)
    if (
        turn is None
        or lengths.keys() != target_lengths.keys()
        or all(new == old and not back for new, (old, back) in turn.items())
    ):
        return opened
    order = list(range(len(opened.axes)))
    for new, (old, _) in turn.items():
        order[opened.axes.index(new)] = opened.axes.index(old)
    backwards = frozenset(opened.axes.index(new) for new, (_, is_reversed) in turn.items() if is_reversed)
    spacing = {
        new.lower(): opened.spacing[old.lower()] for new, (old, _) in turn.items() if old.lower() in opened.spacing
    }
    own, theirs = (each.orientation("".join(lengths)) for each in (place, target))
    return dataclasses.replace(
        opened,
        array=Reoriented(opened.array, tuple(order), backwards),
        spacing=opened.spacing | spacing,
        orientation=place.reorder(turn, lengths),
    ).noting(f"its axes point to {own}, those of {whose} to {theirs}: they are brought together")
