"""The letters of axes that files call by words."""

from __future__ import annotations

from collections.abc import Sequence

from nbtrainer.io.formats.image_file import AXES
from nbtrainer.io.formats.npy import unknown_axes

# `column` is no channel, and `slice` no sample: words are told from letters
_WORDS = {
    "time": "T", "times": "T", "timepoint": "T", "timepoints": "T", "frame": "T", "frames": "T",
    "channel": "C", "channels": "C", "band": "C", "bands": "C", "wavelength": "C", "modality": "C",
    "depth": "Z", "slice": "Z", "slices": "Z", "section": "Z", "sections": "Z", "plane": "Z", "planes": "Z",
    "height": "Y", "row": "Y", "rows": "Y",
    "width": "X", "column": "X", "columns": "X", "col": "X", "cols": "X",
    "sample": "S", "samples": "S", "rgb": "S", "rgba": "S", "color": "S", "colour": "S",
}  # fmt: skip


def axis_letters(names: Sequence[str], ndim: int, types: Sequence[str | None] = ()) -> str:
    """One letter of TCZYXS for each of the `names` of axes, '?' for an unknown one; open where they do not fit.

    `types` are what OME-Zarr says of axes whose names may be anything: time, channel, space.
    """
    kinds = [*types, *([None] * len(names))]
    letters = [_letter(name, kind) for name, kind in zip(names, kinds, strict=False)]
    known = [letter for letter in letters if letter != "?"]
    if len(letters) != ndim or not known or len(set(known)) != len(known):
        return unknown_axes(ndim)
    return "".join(letters)


def _letter(name: str, kind: str | None) -> str:
    word = name.strip().lower().removesuffix("-axis").removesuffix("_axis").removesuffix(" axis")
    if len(word) == 1 and word.upper() in AXES:
        return word.upper()
    return _WORDS.get(word) or {"time": "T", "channel": "C"}.get(kind or "", "?")
