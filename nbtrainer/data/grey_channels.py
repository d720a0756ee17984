"""Grey saved as colour, and colour without or with transparency: images that show what a network takes, in other channels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nbtrainer.data.channels import pick_channels
from nbtrainer.data.views import MapView, View, blocks

_BLOCK_PIXELS = 1 << 22


def as_channels(view: View, channels: int, in_colours: bool = False) -> tuple[View, str] | None:
    """`view` with `channels` channels, and a sentence about it; None if it shows something else.

    Equal colours count as one grey, also with an opaque transparency, and transparency that is opaque everywhere may be
    left out. `in_colours`: the channels that are wanted are red, green, blue (and transparency), so that a grey is shown
    as equal colours.
    """
    count = view.channels
    if channels == 1 and count in (2, 3, 4) and _is_grey(view):
        what = "a grey with opaque transparency" if count == 2 else "grey saved as colour"
        return pick_channels(view, [0]), f"it is {what}: it is read as one channel"
    if channels == 3 and count == 4 and _is_opaque(view):
        return pick_channels(view, [0, 1, 2]), "its fourth channel is opaque transparency, which is left out"
    if in_colours and channels in (3, 4) and count in (1, 3) and count != channels:
        picked = pick_channels(view, [0, 0, 0]) if count == 1 else view
        words = "it is grey, and is shown to the network as equal colours" if count == 1 else "it has no transparency"
        if channels == 3:
            return picked, words
        top = _top(view)
        opaque = MapView(
            view=picked,
            function=lambda array, corner: np.concatenate([array, np.full_like(array[:1], top)]),
            channel_count=4,
        )
        return opaque, f"{words}; an opaque one is added"
    return None


def is_grey_in_colours(view: View) -> bool:
    """Whether an image of 3 or 4 channels shows one grey."""
    return view.channels in (3, 4) and _is_grey(view)


def _is_grey(view: View) -> bool:
    colours = min(view.channels, 3) if view.channels != 2 else 1
    are_equal = _everywhere(view, lambda array: all(np.array_equal(array[0], array[k]) for k in range(1, colours)))
    return are_equal and (view.channels == 3 or _is_opaque(view))


def _is_opaque(view: View) -> bool:
    top = _top(view)
    return _everywhere(view, lambda array: bool((array[-1] == top).all()))


def _everywhere(view: View, holds: Callable[[np.ndarray], bool]) -> bool:
    return all(holds(view.read(region)) for region in blocks(view.shape, _BLOCK_PIXELS))


def _top(view: View) -> float:
    """The value of what is opaque."""
    if view.dtype.kind == "b":
        return True
    return 1.0 if view.dtype.kind == "f" else float(np.iinfo(view.dtype).max)
