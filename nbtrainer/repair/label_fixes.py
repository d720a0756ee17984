"""Repairs of label images: each writes repaired copies, edits the settings to use them, and returns a sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from nbtrainer.checks.background import surrounding_value
from nbtrainer.checks.decimals import read_decimals
from nbtrainer.checks.labels import MOST_CLASSES
from nbtrainer.config import Config
from nbtrainer.data.file_stats import label_stats
from nbtrainer.datasets.survey import survey
from nbtrainer.errors import DataError, SettingError
from nbtrainer.io.annotations import is_annotation
from nbtrainer.io.axes import colour_axis
from nbtrainer.io.formats import open_image
from nbtrainer.labels import (
    LabelLookup,
    drop_alpha,
    fill_holes,
    frequent_values,
    pack_colours,
    relabel_pieces,
    snap_values,
)
from nbtrainer.labels.integers import equals
from nbtrainer.repair.copies import repair_labels

# a palette of more colours than this is a photograph
_MOST_COLOURS = 4096


# so many are listed with their numbers
_LISTED_COLOURS = 4


def number_colours(config: Config, files: tuple[str, ...]) -> str:
    palette: set[int] = set()
    drawn: dict[str, np.ndarray] = {}
    for file in files:
        packed = pack_colours(_colours_last(file, open_image(Path(file), for_label=True).read()))
        drawn[file] = frequent_values(packed)
        palette |= set(drawn[file].tolist())
    if len(palette) > _MOST_COLOURS:
        raise DataError(
            files[0], f"it has {len(palette):,} colours, as a photograph has", "Choose the labels, not the images"
        )
    # without black the most frequent colour is the background
    numbered = sorted(palette - {0 if 0 in palette else _most_frequent(files)})
    lookup = LabelLookup(numbered)

    def change(file: str, array: np.ndarray) -> np.ndarray:
        return lookup.apply(_nearest_colour(pack_colours(_colours_last(file, array)), drawn=drawn[file]))

    listed = ", ".join(f"{number} was #{colour:06x}" for number, colour in enumerate(numbered[:_LISTED_COLOURS], 1))
    more = " ..." if len(numbered) > _LISTED_COLOURS else ""
    return repair_labels(config, files, change, f"had colours that became numbers ({listed}{more})")


def drop_transparency(config: Config, files: tuple[str, ...]) -> str:
    return repair_labels(config, files, lambda file, array: drop_alpha(array), "lost their transparency")


def snap_to_drawn_values(config: Config, files: tuple[str, ...]) -> str:
    ignored = config.data.ignore_value
    every = _every_label(config)
    reading = read_decimals(map(Path, files), every=map(Path, every), ignored=ignored)
    # a number by order must mean the same in labels that were sound
    concerned = every if reading is not None and reading.changes_all else files

    def change(file: str, array: np.ndarray) -> np.ndarray:
        if reading is not None and reading.changes_all:
            return _whole(reading.apply(np.nan_to_num(array, nan=0, posinf=0, neginf=0)), ignored)
        if array.dtype.kind == "f":
            array = np.nan_to_num(array, nan=0, posinf=0, neginf=0)
            if reading is not None and len(np.unique(array)) <= MOST_CLASSES:
                array = reading.apply(array)
            if (array == np.round(array)).all():
                return _whole(array, ignored)
        known = frequent_values(array)
        if len(known) < 2:
            raise DataError(file, "no values can be found that somebody drew", "Is this a label at all?")
        return _whole(snap_values(array, values=known), ignored)

    words = "have only the values that were drawn" if reading is None else reading.words
    return repair_labels(config, concerned, change, words)


def _every_label(config: Config) -> tuple[str, ...]:
    """The label images of all datasets."""
    labels = (pair.label for pair in survey(config).listed)
    return tuple(dict.fromkeys(str(label) for label in labels if label is not None and not is_annotation(label)))


def clear_surrounding(config: Config, files: tuple[str, ...]) -> str:
    def change(file: str, array: np.ndarray) -> np.ndarray:
        value = surrounding_value(array)
        if value is None:
            raise DataError(file, "nothing lies around all of its objects", "Check again")
        return np.where(array == value, 0, array).astype(array.dtype)

    return repair_labels(config, files, change, "have background where something lay around all objects")


def clear_negative(config: Config, files: tuple[str, ...]) -> str:
    return repair_labels(
        config, files, lambda file, array: _smallest(np.maximum(array, 0)), "have background instead of negative values"
    )


def number_classes(config: Config, files: tuple[str, ...]) -> str:
    every = _every_label(config)
    ignored = config.data.ignore_value
    values = {value for file in every for value in label_stats(Path(file), True).values}
    known = np.array(sorted(value for value in values if value > 0 and value != ignored), np.int64)
    if ignored is not None and 0 < ignored <= len(known):
        raise SettingError("data.ignore_value", f"{ignored} would be the number of a class", "Choose a larger value")

    def change(file: str, array: np.ndarray) -> np.ndarray:
        place = np.searchsorted(known, array)
        listed = known[np.minimum(place, len(known) - 1)] == array
        numbers = np.where(listed, place + 1, 0)
        return _smallest(np.where(equals(array, ignored), ignored, numbers) if ignored is not None else numbers)

    sentence = repair_labels(config, every, change, f"have the values 0 to {len(known)}")
    of_interest = config.data.labels_of_interest
    config.data.labels_of_interest = [int(np.searchsorted(known, value)) + 1 for value in of_interest if value in known]
    return sentence


def number_pieces(config: Config, files: tuple[str, ...]) -> str:
    ignored = config.data.ignore_value

    def change(file: str, array: np.ndarray) -> np.ndarray:
        array = _not_negative(array)
        unknown = equals(array, ignored) if ignored is not None else np.zeros(array.shape, bool)
        numbered = _by_image(np.where(unknown, 0, array), config.task.dim, relabel_pieces).astype(np.int64)
        if ignored is not None and unknown.any():
            numbered[equals(numbered, ignored)] = max(int(numbered.max()), ignored) + 1
            numbered[unknown] = ignored
        return _smallest(numbered)

    return repair_labels(config, files, change, "have a number for each connected part")


def fill_label_holes(config: Config, files: tuple[str, ...]) -> str:
    ignored = config.data.ignore_value

    def change(file: str, array: np.ndarray) -> np.ndarray:
        array = _not_negative(array)
        filled = _by_image(array, config.task.dim, fill_holes)
        return np.where((array == 0) & equals(filled, ignored), 0, filled) if ignored is not None else filled

    return repair_labels(config, files, change, "have no holes")


def _by_image(array: np.ndarray, dim: int, change: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """`change` for each image of `dim` axes in an array that may have more."""
    if array.ndim <= dim:
        return change(array)
    changed = [_by_image(part, dim, change) for part in array]
    return np.stack(changed)


def _whole(array: np.ndarray, ignored: int | None) -> np.ndarray:
    """Whole numbers: what is negative becomes background, unless it says that nothing is known."""
    if ignored is None or ignored >= 0 or not equals(array, ignored).any():
        return _smallest(np.maximum(array, 0))
    rounded = np.where(equals(array, ignored), ignored, np.maximum(array, 0)).astype(np.int64)
    return rounded.astype(np.result_type(np.min_scalar_type(int(rounded.max())), np.min_scalar_type(ignored)))


def _not_negative(array: np.ndarray) -> np.ndarray:
    return array if array.dtype.kind in "bu" else _smallest(np.maximum(array, 0).astype(np.int64))


def _smallest(array: np.ndarray) -> np.ndarray:
    """Whole numbers in the smallest unsigned type that holds them."""
    largest = int(array.max()) if array.size else 0
    return array.astype(np.min_scalar_type(max(0, largest)))


def _colours_last(file: str, array: np.ndarray) -> np.ndarray:
    axis = colour_axis(array.shape, open_image(Path(file), for_label=True).axes)
    return _eight_bits(array if axis is None else np.moveaxis(array, axis, -1))


def _eight_bits(colours: np.ndarray) -> np.ndarray:
    if colours.dtype == np.uint8:
        return colours
    if colours.dtype.kind == "f":
        top = 1.0 if colours.max() <= 1 else 255.0
        return (np.nan_to_num(colours) * (255 / top)).clip(0, 255).astype(np.uint8)
    return (colours >> 8 if int(colours.max()) > 255 else colours).astype(np.uint8)


def _nearest_colour(packed: np.ndarray, *, drawn: np.ndarray) -> np.ndarray:
    """Each colour of an image replaced by the nearest one that was drawn."""
    from scipy.spatial import cKDTree

    values, index = np.unique(packed, return_inverse=True)
    parts = [np.stack([colour >> 16, colour >> 8 & 255, colour & 255], axis=-1) for colour in (drawn, values)]
    _, nearest = cKDTree(parts[0]).query(parts[1])
    return drawn[nearest][index].reshape(packed.shape)


def _most_frequent(files: tuple[str, ...]) -> int:
    first = _colours_last(files[0], open_image(Path(files[0]), for_label=True).read())
    values, counts = np.unique(pack_colours(first), return_counts=True)
    return int(values[counts.argmax()])
