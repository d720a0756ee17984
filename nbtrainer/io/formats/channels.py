"""An image of which each channel is a file of its own: `cell{_0000,_0001}.tif` stands for cell_0000.tif, cell_0001.tif."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nbtrainer.errors import DataError
from nbtrainer.io.axes import format_shape
from nbtrainer.io.formats.chunked import Bounds, Regions
from nbtrainer.io.formats.display_views import brought_to
from nbtrainer.io.formats.file_formats import suffix_of
from nbtrainer.io.formats.image_file import ImageFile
from nbtrainer.io.formats.orientation import difference

# how the names of channels end: nnU-Net's _0000, microscopes' _ch00, _c1, _w1
_ENDING = re.compile(r"(?P<base>.+?)(?P<ending>[_\-. ](?:\d{4}|(?:ch|c|w|channel|chan)[_-]?\d{1,4}))", re.IGNORECASE)
# an image with more files than this is a series
_MOST_CHANNELS = 32
# pixel sizes that differ by less are the same
_SAME_SPACING = 0.02


def join_channels(files: Iterable[Path]) -> tuple[list[Path], dict[Path, list[Path]]]:
    """Those of `files` that are no channels, and the images that the others make up, each with its files in order.

    Channels are told by the ends of their names, counted from 0 or 1 without gaps.
    """
    groups: dict[tuple[Path, str, str], list[tuple[int, str, Path]]] = {}
    others = []
    for file in files:
        suffix = file.name[len(file.name) - len(suffix_of(file)) :]
        match = _ENDING.fullmatch(file.name[: len(file.name) - len(suffix)])
        if match is None or not suffix:
            others.append(file)
            continue
        number = int(re.search(r"\d+$", match["ending"])[0])  # type: ignore[index]
        groups.setdefault((file.parent, match["base"], suffix), []).append((number, match["ending"], file))
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


def join_for_model(
    files: Sequence[Path], channels: int, chosen: Sequence[int], is_one_channel: Callable[[Path], bool]
) -> list[Path]:
    """`files` for a model that takes so many channels, or those `chosen` of an image: joined to images if half of them or more are
    one channel each of an image with as many; else as they are.

    What lacks a channel is joined too, so that it is told as a whole. `is_one_channel` is asked about one file an image.
    """
    if channels < 2 and not chosen:
        return list(files)
    _, joined = join_channels(files)
    fitting = {
        image: members
        for image, members in joined.items()
        if len(members) > 1 and (len(members) > max(chosen) if chosen else len(members) == channels)
    }
    sizes = Counter(map(len, fitting.values()))
    if not fitting or len(sizes) > 1 or 2 * sizes.total() * max(sizes) < len(files):
        return list(files)
    if not all(is_one_channel(members[0]) for members in fitting.values()):
        return list(files)
    fewer = {image for image, members in joined.items() if len(members) < max(sizes)}
    image_of = {file: image for image in (*fitting, *fewer) for file in joined[image]}
    return list(dict.fromkeys(image_of.get(file, file) for file in files))


def open_channels(path: Path, files: Sequence[Path], opened: Sequence[ImageFile]) -> ImageFile:
    """The image that the `opened` files make up, channels first, turned as the first where they say how they lie.

    Raises `UserError` if they do not fit together.
    """
    first = opened[0]
    opened = [first, *(brought_to(other, other=first, whose=files[0].name) for other in opened[1:])]
    for file, other in zip(files, opened, strict=True):
        if other.shape != first.shape or other.dtype != first.dtype:
            wrong = f"this channel is {format_shape(other.shape)} {other.dtype}, but {files[0].name} is {format_shape(first.shape)} {first.dtype}"
            raise DataError(str(file), wrong, "The channels of an image have one size and type; export them again")
        several = [length for axis, length in zip(other.axes, other.shape, strict=True) if axis in "CS" and length > 1]
        if several and len(files) > 1:
            wrong = f"this file is taken for one channel of {path.name}, and holds {several[0]} channels"
            raise DataError(str(file), wrong, "Export one channel a file, or all of them into one")
    if len(files) == 1:
        return first
    array = _Channels(path, opened)
    image = ImageFile(
        array=array,
        axes=f"C{first.axes}",
        spacing=dict(first.spacing),
        notes=first.notes,
        orientation=first.orientation,
    )
    for file, other in zip(files[1:], opened[1:], strict=True):
        notes = [
            note
            for note in (*other.notes, _describe_offset(other, first=first, name=files[0].name))
            if note and note not in first.notes
        ]
        image = image.noting(*(f"{file.name}: {note}" for note in notes))
    return image


def _describe_offset(channel: ImageFile, *, first: ImageFile, name: str) -> str:
    """In what a channel lies elsewhere than the first, called `name`, although both are laid on each other."""
    wrong = ""
    if channel.orientation is not None and first.orientation is not None:
        lengths = {axis: first.shape[first.axes.index(axis)] for axis in first.orientation.steps if axis in first.axes}
        if lengths.keys() == channel.orientation.steps.keys():
            wrong = difference(channel.orientation, other=first.orientation, lengths=lengths, whose=name)
    common = [axis for axis in "zyx" if axis in channel.spacing and axis in first.spacing]
    sizes = [[opened.spacing[axis] for axis in common] for opened in (channel, first)]
    if not wrong and not np.allclose(sizes[0], sizes[1], rtol=_SAME_SPACING):
        own, theirs = (" x ".join(f"{size:.4g}" for size in each) for each in sizes)
        wrong = f"its pixels are {own} µm, those of {name} {theirs} µm"
    return f"{wrong}; they are laid on each other pixel by pixel all the same" if wrong else ""


class _Channels(Regions):
    """Arrays of equal shape and type, one a channel, along a new first axis."""

    def __init__(self, path: Path, opened: Sequence[ImageFile]) -> None:
        super().__init__(path, (len(opened), *opened[0].shape), opened[0].dtype)
        self._opened = opened

    def _region(self, bounds: Bounds) -> np.ndarray:
        (start, stop), *inner = bounds
        region = tuple(slice(*bound) for bound in inner)
        return np.stack([self._opened[channel].read(region) for channel in range(start, stop)])

    def prepare(self, on_progress: Any = None) -> None:
        for opened in self._opened:
            opened.prepare(on_progress)
