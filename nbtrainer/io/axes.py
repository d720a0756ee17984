"""Which axis of a stored array is what: channels, slices that are images of their own, and space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_COLOURS = (3, 4)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The axes of a stored array, by number: `spatial` in the order ([z,] y, x); every other axis has length 1.

    `slices` is the axis of a stack that is read as images of their own; `frames` that of a series' time points.
    """

    spatial: tuple[int, ...]
    channel: int | None = None
    slices: int | None = None
    frames: int | None = None

    def shape(self, stored: Sequence[int]) -> tuple[int, ...]:
        """The spatial shape of an array stored with the shape `stored`."""
        return tuple(stored[axis] for axis in self.spatial)

    def channels(self, stored: Sequence[int]) -> int:
        """How many channels it has."""
        return 1 if self.channel is None else stored[self.channel]

    def count(self, stored: Sequence[int]) -> int:
        """How many images it holds, of a series each time point."""
        return 1 if self.slices is None else stored[self.slices]

    def time_points(self, stored: Sequence[int]) -> int | None:
        """How many time points it has; None if it is no series."""
        return None if self.frames is None else stored[self.frames]

    def arrange(self, region: np.ndarray) -> np.ndarray:
        """A region with all stored axes as (C, [Z,] Y, X); the axes of slices and time points must have length 1."""
        first = [] if self.channel is None else [self.channel]
        rest = [axis for axis in range(region.ndim) if axis not in (*first, *self.spatial)]
        arranged = region.transpose([*rest, *first, *self.spatial])
        arranged = arranged.reshape(arranged.shape[len(rest) :])
        return arranged if first else arranged[np.newaxis]


@dataclass(frozen=True, kw_only=True)
class AxisHints:
    """What is known of an image's axes besides what its file says.

    Attributes
    ----------
    channel_axis, z_axis
        What the user says; it wins over the file. Counted from 0, or from the end if negative.
    is_given
        False: `channel_axis` was found in another image, and is looked at only where the file says nothing.
    label_shape
        Of the label as it is stored.
    channel_count
        How many channels a model takes, at prediction.
    with_frames
        Time points are images of their own; else they are refused.
    """

    channel_axis: int | None
    z_axis: int | None
    is_given: bool = True
    label_shape: Sequence[int] | None = None
    channel_count: int | None = None
    with_frames: bool = False


def image_layout(shape: Sequence[int], axes: str, dim: int, hints: AxisHints) -> Layout:
    """How an image stored with `shape` is read for `dim` spatial axes.

    Channels are: the axis that the user says; else the one that the file calls so; else the one that the label lacks;
    else the last one if it has 3 or 4 entries and no name. In 2D, one axis more holds images of their own.

    Parameters
    ----------
    axes
        What the file says of each axis, one letter of TCZYXS; `?` where it does not.
    hints
        What else is known.

    Raises
    ------
    ValueError
        With a sentence, if the axes do not fit; of two arguments, what is wrong and what to do.
    """
    count = len(shape)
    for name in ("channel_axis", "z_axis"):
        axis = getattr(hints, name)
        if axis is not None and not -count <= axis < count and count > 2:
            raise ValueError(
                f"there is no axis {axis} in shape {format_shape(shape)}", f"Set data.{name} to 0 to {count - 1}"
            )
    depth = _depth(hints.z_axis, count=count, dim=dim)
    channel = _channel(shape, axes, dim, depth, hints)
    free = [axis for axis in range(count) if axis != channel]
    frames = next((axis for axis in free if axes[axis] == "T" and shape[axis] > 1 and axis != depth), None)
    if frames is not None:
        if not hints.with_frames:
            raise _time_series(shape, frames)
        free.remove(frames)
    needed = dim if depth is None or dim == 3 else dim + 1
    free = _without_ones(shape, axes, free, needed, depth)
    slices = _slices(axes, free, dim, depth)
    if slices is not None:
        free.remove(slices)
    if len(free) == dim + 1 and frames is None and hints.with_frames and axes[free[0]] == "?":
        frames = free.pop(0)
    if len(free) != dim:
        channels = " without its channels" if channel is not None else ""
        raise ValueError(
            f"shape {format_shape(shape)} has {len(free)} axes{channels}, but {dim}D training needs {dim}, or {dim + 1} with channels",
            "Set data.channel_axis if one axis holds channels" if count > dim else _other_dim(dim, count=count),
        )
    return Layout(spatial=_depth_first(free, depth, dim), channel=channel, slices=slices, frames=frames)


def label_layout(shape: Sequence[int], axes: str, dim: int, *, z_axis: int | None, with_frames: bool = False) -> Layout:
    """How a label is read: no channels, but equal colours (see `colour_axis`) count as one.

    `with_frames`: time points are one of the `dim` axes. Raises `ValueError` as `image_layout` does.
    """
    count = len(shape)
    depth = _depth(z_axis, count=count, dim=dim)
    colour = colour_axis(shape, axes) if count > dim else None
    if colour is not None and colour == depth:
        colour = None
    free = [axis for axis in range(count) if axis != colour]
    for axis in free:
        if axes[axis] in "CS" and shape[axis] > 1 and axis != depth and count > dim:
            raise ValueError(
                f"it has {shape[axis]} channels, but a label has one number per pixel",
                "Export one channel; or, if that axis is really depth, set data.z_axis to " + str(axis),
            )
        if axes[axis] == "T" and shape[axis] > 1 and axis != depth and not with_frames:
            raise _time_series(shape, axis)
    free = _without_ones(shape, axes, free, dim if depth is None or dim == 3 else dim + 1, depth)
    slices = _slices(axes, free, dim, depth)
    if slices is not None:
        free.remove(slices)
    if len(free) != dim:
        raise ValueError(f"shape {format_shape(shape)} is not {dim}D", _other_dim(dim, count=len(free)))
    return Layout(spatial=_depth_first(free, depth, dim), channel=colour, slices=slices)


def colour_axis(shape: Sequence[int], axes: str) -> int | None:
    """The axis of a label that may hold colours: one of 3 or 4 entries that the file calls samples or channels, wherever
    it stands; else the last, where the file does not say what it is."""
    for axis in range(len(shape)):
        if axes[axis] in "CS" and shape[axis] in _COLOURS:
            return axis
    last = len(shape) - 1
    return last if last > 1 and axes[last] == "?" and shape[last] in _COLOURS else None


def format_shape(shape: Sequence[int]) -> str:
    """`512 x 512`."""
    return " x ".join(map(str, shape))


def _depth(z_axis: int | None, *, count: int, dim: int) -> int | None:
    """The axis of slices; a single 2D image has none."""
    return None if z_axis is None or count < 3 or count < dim else z_axis % count


def _channel(shape: Sequence[int], axes: str, dim: int, depth: int | None, hints: AxisHints) -> int | None:
    count = len(shape)
    if count <= dim:
        return None
    named = [axis for axis in range(count) if axes[axis] in "CS" and shape[axis] > 1 and axis != depth]
    given = None if hints.channel_axis is None else hints.channel_axis % count
    # whoever says that y or x holds the channels speaks of other images of the set
    if given is not None and hints.is_given and not (named and axes[given] in "YX"):
        return given
    if len(named) == 1:
        return named[0]
    unnamed = [axis for axis in range(count) if axes[axis] == "?" and axis != depth]
    lacking = _lacking(shape, unnamed=unnamed, label_shape=hints.label_shape)
    if lacking is not None:
        return lacking
    if count - 1 in (*unnamed, *named) and shape[-1] in _COLOURS:
        return count - 1
    if given is not None:
        return given
    fits = [axis for axis in unnamed if hints.channel_count not in (None, 1) and shape[axis] == hints.channel_count]
    return fits[0] if len(fits) == 1 else None


def _lacking(shape: Sequence[int], *, unnamed: Sequence[int], label_shape: Sequence[int] | None) -> int | None:
    """The axis without a name that the label lacks; of several the last, where colours are."""
    if label_shape is None or len(label_shape) != len(shape) - 1:
        return None
    fits = [axis for axis in unnamed if (*shape[:axis], *shape[axis + 1 :]) == tuple(label_shape)]
    return None if not fits else fits[-1] if fits[-1] == len(shape) - 1 else fits[0]


def _slices(axes: str, free: Sequence[int], dim: int, depth: int | None) -> int | None:
    """The axis of images of their own, in 2D."""
    if dim != 2 or len(free) != 3:
        return None
    return depth if depth is not None else next((axis for axis in free if axes[axis] == "Z"), free[0])


def _depth_first(free: Sequence[int], depth: int | None, dim: int) -> tuple[int, ...]:
    if depth is None or dim != 3:
        return tuple(free)
    return (depth, *(axis for axis in free if axis != depth))


def _without_ones(shape: Sequence[int], axes: str, free: list[int], count: int, depth: int | None) -> list[int]:
    """`free` without axes of length 1, while there are more than `count`."""
    for axis in [axis for axis in free if shape[axis] == 1 and axis != depth]:
        if len(free) > count:
            free = [other for other in free if other != axis]
    return free


def _time_series(shape: Sequence[int], axis: int) -> ValueError:
    return ValueError(
        f"it is a time series of {shape[axis]} time points",
        f"Save the time points as separate files; or set data.z_axis to {axis} if that axis is really depth, "
        f"data.channel_axis if it holds channels",
    )


def _other_dim(dim: int, *, count: int) -> str:
    if count == 5 - dim:
        return f"Set task.dim to {count}, or choose {'images' if dim == 2 else 'volumes'}"
    return "Save it again without the other axes"
