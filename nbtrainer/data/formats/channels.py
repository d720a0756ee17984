"""An image of which each channel is a file of its own: `cell{_0000,_0001}.tif` stands for cell_0000.tif, cell_0001.tif."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nbtrainer.data.axes import said
from nbtrainer.data.formats.kinds import suffix_of
from nbtrainer.data.formats.opened import Opened
from nbtrainer.data.formats.regions import Bounds, Regions
from nbtrainer.errors import UserError

# how the names of channels end: nnU-Net's _0000, microscopes' _ch00, _c1, _w1
_ENDING = re.compile(r"(?P<base>.+?)(?P<ending>[_\-. ](?:\d{4}|(?:ch|c|w|channel|chan)[_-]?\d{1,4}))", re.IGNORECASE)
# an image with more files than this is a series
_MOST_CHANNELS = 32


def join_channels(files: Iterable[Path]) -> tuple[list[Path], dict[Path, list[Path]]]:
    """Those of `files` that are no channels, and the images that the others make up, each with its files in order.

    Channels are told by the ends of their names, counted from 0 or 1 without gaps.
    """
    groups: dict[tuple[Path, str, str], list[tuple[int, str, Path]]] = {}
    others = []
    for file in files:
        suffix = file.name[len(file.name) - len(suffix_of(file)) :]
        found = _ENDING.fullmatch(file.name[: len(file.name) - len(suffix)])
        if found is None or not suffix:
            others.append(file)
            continue
        number = int(re.search(r"\d+$", found["ending"])[0])  # type: ignore[index]
        groups.setdefault((file.parent, found["base"], suffix), []).append((number, found["ending"], file))
    joined = {}
    for (folder, base, suffix), members in groups.items():
        members.sort()
        numbers = [number for number, _, _ in members]
        if len(members) > _MOST_CHANNELS or numbers not in ([*range(len(members))], [*range(1, len(members) + 1)]):
            others += [file for _, _, file in members]
            continue
        endings = ",".join(ending for _, ending, _ in members)
        joined[folder / f"{base}{{{endings}}}{suffix}"] = [file for _, _, file in members]
    return others, joined


def join_for_model(files: Sequence[Path], channels: int, chosen: Sequence[int] = ()) -> list[Path]:
    """`files` for a model that takes so many channels, or those `chosen` of an image: if they are one channel each, joined
    to images with as many; else as they are."""
    others, joined = join_channels(files)
    counts = {len(members) for members in joined.values()}
    fits = counts == {channels} if not chosen else len(counts) == 1 and min(counts) > max(chosen)
    return list(files) if others or not joined or not fits or counts == {1} else list(joined)


def open_channels(path: Path, files: Sequence[Path], opened: Sequence[Opened]) -> Opened:
    """The image that the `opened` files make up, channels first. Raises `UserError` if they do not fit together."""
    first = opened[0]
    for file, other in zip(files, opened, strict=True):
        if other.shape != first.shape or other.dtype != first.dtype:
            wrong = f"this channel is {said(other.shape)} {other.dtype}, but {files[0].name} is {said(first.shape)} {first.dtype}"
            raise UserError(str(file), wrong, "The channels of an image have one size and type; export them again")
        several = [length for axis, length in zip(other.axes, other.shape, strict=True) if axis in "CS" and length > 1]
        if several and len(files) > 1:
            wrong = f"this file is taken for one channel of {path.name}, and holds {several[0]} channels"
            raise UserError(str(file), wrong, "Export one channel a file, or all of them into one")
    if len(files) == 1:
        return first
    array = _Channels(path, opened)
    return Opened(array, f"C{first.axes}", dict(first.spacing), first.notes, first.place)


class _Channels(Regions):
    """Arrays of equal shape and type, one a channel, along a new first axis."""

    def __init__(self, path: Path, opened: Sequence[Opened]) -> None:
        super().__init__(path, (len(opened), *opened[0].shape), opened[0].dtype)
        self._opened = opened

    def _region(self, bounds: Bounds) -> np.ndarray:
        (start, stop), *inner = bounds
        region = tuple(slice(*bound) for bound in inner)
        return np.stack([self._opened[channel].read(region) for channel in range(start, stop)])

    def prepare(self, on_progress: Any = None) -> None:
        for opened in self._opened:
            opened.prepare(on_progress)
