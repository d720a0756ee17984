"""Which axis of a stored array is what: channels, slices that are images of their own, and space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_COLOURS = (3, 4)


@dataclass(frozen=True)
class Layout:
    """The axes of a stored array, by number: `spatial` in the order ([z,] y, x); every other axis has length 1.

    `slices` is the axis of a stack that is read as images of their own.
    """

    spatial: tuple[int, ...]
    channel: int | None = None
    slices: int | None = None

    def shape(self, stored: Sequence[int]) -> tuple[int, ...]:
        """The spatial shape of an array stored with the shape `stored`."""
        return tuple(stored[axis] for axis in self.spatial)

    def channels(self, stored: Sequence[int]) -> int:
        """How many channels it has."""
        return 1 if self.channel is None else stored[self.channel]

    def count(self, stored: Sequence[int]) -> int:
        """How many images it holds."""
        return 1 if self.slices is None else stored[self.slices]

    def arrange(self, region: np.ndarray) -> np.ndarray:
        """A region with all stored axes as (C, [Z,] Y, X); the slices axis must have length 1."""
        first = [] if self.channel is None else [self.channel]
        rest = [axis for axis in range(region.ndim) if axis not in (*first, *self.spatial)]
        arranged = region.transpose([*rest, *first, *self.spatial])
        arranged = arranged.reshape(arranged.shape[len(rest) :])
        return arranged if first else arranged[np.newaxis]


def image_layout(
    shape: Sequence[int],
    axes: str,
    dim: int,
    channel_axis: int | None = None,
    z_axis: int | None = None,
    label_shape: Sequence[int] | None = None,
) -> Layout:
    """How an image stored with `shape` is read for `dim` spatial axes.

    Channels are: the axis that the file calls so; else the last one if it has 3 or 4 entries; else `channel_axis`;
    else the one that the label (stored with `label_shape`) lacks. In 2D, one axis more holds images of their own.

    Parameters
    ----------
    axes
        What the file says of each axis, one letter of TCZYXS; `?` where it does not.

    Raises
    ------
    ValueError
        With a sentence, if the axes do not fit; of two arguments, what is wrong and what to do.
    """
    count = len(shape)
    for name, axis in (("channel_axis", channel_axis), ("z_axis", z_axis)):
        if axis is not None and not -count <= axis < count and count > 2:
            raise ValueError(f"there is no axis {axis} in shape {said(shape)}", f"Set data.{name} to 0 to {count - 1}")
    depth = _depth(z_axis, count, dim)
    _refuse_time(shape, axes, depth)
    free = list(range(count))
    channel = _channel(shape, axes, dim, channel_axis, depth, label_shape)
    if channel is not None:
        free.remove(channel)
    slices = None
    wanted = dim if depth is None or dim == 3 else dim + 1
    free = _without_ones(shape, axes, free, wanted, depth)
    if len(free) == dim + 1 and dim == 2:
        slices = depth if depth is not None else next((axis for axis in free if axes[axis] == "Z"), free[0])
        free.remove(slices)
    if len(free) != dim:
        channels = " without its channels" if channel is not None else ""
        raise ValueError(
            f"shape {said(shape)} has {len(free)} axes{channels}, but {dim}D training needs {dim}, or {dim + 1} with channels",
            "Set data.channel_axis if one axis holds channels" if count > dim else _other_dim(dim, count),
        )
    if depth is not None and dim == 3:
        free = [depth, *(axis for axis in free if axis != depth)]
    return Layout(tuple(free), channel, slices)


def label_layout(shape: Sequence[int], axes: str, dim: int, z_axis: int | None = None) -> Layout:
    """How a label is read: no channels, but equal colour channels (last axis 3 or 4) count as one.

    Raises `ValueError` as `image_layout` does.
    """
    count = len(shape)
    colour = count - 1 if count > dim and _is_colour(shape, axes, count - 1) else None
    free = [axis for axis in range(count) if axis != colour]
    depth = _depth(z_axis, count, dim)
    _refuse_time(shape, axes, depth)
    free = _without_ones(shape, axes, free, dim if depth is None or dim == 3 else dim + 1, depth)
    slices = None
    if len(free) == dim + 1 and dim == 2:
        slices = depth if depth is not None else next((axis for axis in free if axes[axis] == "Z"), free[0])
        free.remove(slices)
    if len(free) != dim:
        raise ValueError(f"shape {said(shape)} is not {dim}D", _other_dim(dim, len(free)))
    if depth is not None and dim == 3:
        free = [depth, *(axis for axis in free if axis != depth)]
    return Layout(tuple(free), colour, slices)


def said(shape: Sequence[int]) -> str:
    """`512 x 512`."""
    return " x ".join(map(str, shape))


def _depth(z_axis: int | None, count: int, dim: int) -> int | None:
    """The axis of slices; a single 2D image has none."""
    return None if z_axis is None or count < 3 or count < dim else z_axis % count


def _channel(
    shape: Sequence[int],
    axes: str,
    dim: int,
    channel_axis: int | None,
    depth: int | None,
    label_shape: Sequence[int] | None,
) -> int | None:
    count = len(shape)
    named = [axis for axis in range(count) if axes[axis] in "CS" and shape[axis] > 1]
    if count <= dim:
        return None
    if len(named) == 1:
        return named[0]
    if _is_colour(shape, axes, count - 1) and depth != count - 1:
        return count - 1
    if channel_axis is not None:
        return channel_axis % count
    if label_shape is not None and len(label_shape) == count - 1:
        fits = [axis for axis in range(count) if (*shape[:axis], *shape[axis + 1 :]) == tuple(label_shape)]
        # in 2D the label of a stack of slices has that axis too, and is as long
        return fits[0] if fits and axes[fits[0]] not in "ZT" else None
    return None


def _is_colour(shape: Sequence[int], axes: str, axis: int) -> bool:
    return shape[axis] in _COLOURS and axes[axis] in "?CS"


def _without_ones(shape: Sequence[int], axes: str, free: list[int], wanted: int, depth: int | None) -> list[int]:
    """`free` without axes of length 1, while there are more than `wanted`."""
    for axis in [axis for axis in free if shape[axis] == 1 and axis != depth]:
        if len(free) > wanted:
            free = [other for other in free if other != axis]
    return free


def _refuse_time(shape: Sequence[int], axes: str, depth: int | None) -> None:
    time = [axis for axis in range(len(shape)) if axes[axis] == "T" and shape[axis] > 1 and axis != depth]
    if time:
        raise ValueError(
            f"it is a time series of {shape[time[0]]} time points",
            f"Save the time points as separate files; or, if that axis is really depth, set data.z_axis to {time[0]}",
        )


def _other_dim(dim: int, count: int) -> str:
    if count == 5 - dim:
        return f"Set task.dim to {count}, or choose {'images' if dim == 2 else 'volumes'}"
    return "Save it again without the other axes"
