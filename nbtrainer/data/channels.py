"""Which channels of an image the network takes: chosen by number, by Cellpose's rules, or brought to a number of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nbtrainer.data.views import MapView, View
from nbtrainer.errors import SettingError


def select_channels(
    view: View,
    where: str,
    *,
    channels: Sequence[int],
    cellpose_channels: Sequence[int],
    input_channels: int | None,
    channel_of_interest: int,
    channel_rule: str,
) -> View:
    """The channels of `view` that the network takes, by the settings of these names.

    Raises `UserError` about `where` if the image has no channel of a number in `channels`.
    """
    count = view.channels
    if cellpose_channels:
        return _cellpose(view, cellpose_channels)
    if channels:
        beyond = [channel for channel in channels if channel >= count]
        if beyond:
            raise SettingError(
                where,
                f"there is no channel {beyond[0]}: it has {count}, counted from 0",
                "Change data.channels",
            )
        view = pick_channels(view, list(channels))
    if input_channels is None or channel_rule == "refuse":
        return view
    if view.channels == input_channels and "always" not in channel_rule:
        return view
    return _fit_channels(view, channels=input_channels, of_interest=channel_of_interest, rule=channel_rule)


def pick_channels(view: View, channels: list[int]) -> View:
    """`view` with `channels`, counted from 0, in this order."""
    return MapView(view=view, function=lambda array, corner: array[channels], channel_count=len(channels))


def _fit_channels(view: View, *, channels: int, of_interest: int, rule: str) -> View:
    """`view` with this number of channels, by EPySeg's rules."""
    count = view.channels
    of_interest = min(of_interest, count - 1)
    if rule.startswith("copy"):
        return pick_channels(view, [of_interest] * channels)
    if count >= channels or rule == "remove":
        return pick_channels(view, [channel if channel < count else of_interest for channel in range(channels)])

    def fill(array: np.ndarray, corner: tuple[int, ...]) -> np.ndarray:
        return np.concatenate([array, np.zeros((channels - count, *array.shape[1:]), array.dtype)])

    return MapView(view=view, function=fill, channel_count=channels)


def _cellpose(view: View, channels: Sequence[int]) -> View:
    """Grey (0, the mean of all channels) or one colour (1 to 3), then the nuclear one if there is a second that is not 0."""
    second = [channel for channel in channels[1:] if channel]

    def choose(array: np.ndarray, corner: tuple[int, ...]) -> np.ndarray:
        first = array.mean(axis=0, dtype=np.float32) if channels[0] == 0 else _colour(array, channels[0])
        return np.stack([first, *(_colour(array, channel) for channel in second)]).astype(np.float32)

    return MapView(view=view, function=choose, channel_count=1 + len(second), kind=np.dtype(np.float32))


def _colour(array: np.ndarray, number: int) -> np.ndarray:
    return array[number - 1] if number <= len(array) else np.zeros(array.shape[1:], array.dtype)
