"""What mends a finding: repaired copies and edited settings, never a change of the user's own files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nbtrainer.checks.background import surrounding_value
from nbtrainer.checks.check import check
from nbtrainer.checks.decimals import read_decimals
from nbtrainer.checks.labels import MOST_CLASSES
from nbtrainer.config import Config
from nbtrainer.data.file_stats import label_facts
from nbtrainer.data.pair import Pair
from nbtrainer.datasets.pair_suggestions import match_names
from nbtrainer.datasets.survey import survey
from nbtrainer.errors import Finding, UserError
from nbtrainer.io.annotations import is_annotation
from nbtrainer.io.axes import colour_axis
from nbtrainer.io.formats import channel_files, open_image, stem
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
from nbtrainer.repair.copies import Copies, point_to, repair_labels
from nbtrainer.repair.ensemble import pack_dense_regions
from nbtrainer.wording import first_of_many

# a palette of more colours than this is a photograph
_MOST_COLOURS = 4096
# so many are listed with their numbers
_LISTED_COLOURS = 4
# each repair may bring to light what another mends
_MOST_ROUNDS = 20


@dataclass(frozen=True)
class Fix:
    """`mend(config, files)` edits the settings and returns a sentence; `takes_away`: it leaves images out."""

    title: str
    mend: Callable[[Config, tuple[str, ...]], str]
    takes_away: bool = False


def fix(config: Config, finding: Finding) -> str:
    """Mend `finding`: writes repaired copies, edits `config` to use them, and returns a sentence about it.

    Copies go to `<output.root>/<output.data_task>/repaired/`, into a new folder each time.

    Raises
    ------
    UserError
        If the finding has no repair, its files are not in the datasets any more, or the repair is not possible.
    """
    if finding.fix not in FIXES:
        raise UserError(finding.where, "there is no repair for this", finding.remedy or "Mend it by hand")
    if not isinstance(config, Config):
        raise UserError("config", "a repair edits settings, so that it needs a Config", "Give Config.load(path)")
    return FIXES[finding.fix].mend(config, finding.files or (finding.where,))


def fix_title(finding: Finding) -> str:
    """What the button that mends `finding` says; empty if there is no repair."""
    return FIXES[finding.fix].title if finding.fix in FIXES else ""


def fix_all(config: Config, also_leave_out: bool = False) -> list[str]:
    """Mend everything that has a repair, and return a sentence about each.

    What takes images away only because they look odd (a warning) is left to the user, unless `also_leave_out`.
    """
    sentences: list[str] = []
    tried: set[tuple[str, tuple[str, ...]]] = set()
    for _ in range(_MOST_ROUNDS):
        groups: dict[str, list[Finding]] = {}
        for finding in check(config):
            is_included = finding.level == "error" or also_leave_out
            if finding.fix in FIXES and (is_included or not FIXES[finding.fix].takes_away):
                groups.setdefault(finding.fix, []).append(finding)
        todo = [
            (name, files) for name in FIXES if name in groups and (name, files := _files(groups[name])) not in tried
        ]
        if not todo:
            break
        tried.add(todo[0])
        name, files = todo[0]
        try:
            sentences.append(FIXES[name].mend(config, files))
        except UserError as error:
            sentences.append(f"Not mended: {error}")
    return sentences


def _files(findings: Iterable[Finding]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(file for finding in findings for file in finding.files or (finding.where,)))


def _pair_by_name(config: Config, files: tuple[str, ...]) -> str:
    sentences = []
    for index in range(len(config.data.datasets)):
        where = f"data.datasets[{index}]"
        dataset = config.data.datasets[index]
        resolved = {str(config.resolve(dataset.images)), str(config.resolve(dataset.labels))}
        if not any(file == where or file in resolved or str(Path(file).parent) in resolved for file in files):
            continue
        pairs = match_names(config, index)
        if pairs:
            chosen = [Pair(image, label, dataset.use, index) for image, label in pairs]
            target = point_to(config, index, chosen, Copies(config, "pairs"), pair_by="order")
            sentences.append(
                f"{len(pairs)} images of {where} are paired with the labels that have their names ({target})"
            )
    if not sentences:
        raise UserError("data.datasets", "the names of images and labels have nothing in common", "Rename the files")
    return "; ".join(sentences)


def _colours(config: Config, files: tuple[str, ...]) -> str:
    palette: set[int] = set()
    drawn: dict[str, np.ndarray] = {}
    for file in files:
        packed = pack_colours(_colours_last(file, open_image(Path(file), for_label=True).read()))
        drawn[file] = frequent_values(packed)
        palette |= set(drawn[file].tolist())
    if len(palette) > _MOST_COLOURS:
        raise UserError(
            files[0], f"it has {len(palette):,} colours, as a photograph has", "Choose the labels, not the images"
        )
    # without black the most frequent colour is the background
    numbered = sorted(palette - {0 if 0 in palette else _most_frequent(files)})
    lookup = LabelLookup(numbered)

    def change(file: str, array: np.ndarray) -> np.ndarray:
        return lookup.apply(_nearest_colour(pack_colours(_colours_last(file, array)), drawn[file]))

    listed = ", ".join(f"{number} was #{colour:06x}" for number, colour in enumerate(numbered[:_LISTED_COLOURS], 1))
    more = " ..." if len(numbered) > _LISTED_COLOURS else ""
    return repair_labels(config, files, change, f"had colours that became numbers ({listed}{more})")


def _drop_alpha(config: Config, files: tuple[str, ...]) -> str:
    return repair_labels(config, files, lambda file, array: drop_alpha(array), "lost their transparency")


def _snap(config: Config, files: tuple[str, ...]) -> str:
    ignored = config.data.ignore_value
    every = _every_label(config)
    reading = read_decimals(map(Path, files), map(Path, every), ignored)
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
            raise UserError(file, "no values can be found that somebody drew", "Is this a label at all?")
        return _whole(snap_values(array, known), ignored)

    words = "have only the values that were drawn" if reading is None else reading.words
    return repair_labels(config, concerned, change, words)


def _every_label(config: Config) -> tuple[str, ...]:
    """The label images of all datasets."""
    labels = (pair.label for pair in survey(config).listed)
    return tuple(dict.fromkeys(str(label) for label in labels if label is not None and not is_annotation(label)))


def _surrounding(config: Config, files: tuple[str, ...]) -> str:
    def change(file: str, array: np.ndarray) -> np.ndarray:
        value = surrounding_value(array)
        if value is None:
            raise UserError(file, "nothing lies around all of its objects", "Check again")
        return np.where(array == value, 0, array).astype(array.dtype)

    return repair_labels(config, files, change, "have background where something lay around all objects")


def _background(config: Config, files: tuple[str, ...]) -> str:
    return repair_labels(
        config, files, lambda file, array: _smallest(np.maximum(array, 0)), "have background instead of negative values"
    )


def _classes(config: Config, files: tuple[str, ...]) -> str:
    every = _every_label(config)
    ignored = config.data.ignore_value
    values = {value for file in every for value in label_facts(Path(file), True).values}
    known = np.array(sorted(value for value in values if value > 0 and value != ignored), np.int64)
    if ignored is not None and 0 < ignored <= len(known):
        raise UserError("data.ignore_value", f"{ignored} would be the number of a class", "Choose a larger value")

    def change(file: str, array: np.ndarray) -> np.ndarray:
        place = np.searchsorted(known, array)
        listed = known[np.minimum(place, len(known) - 1)] == array
        numbers = np.where(listed, place + 1, 0)
        return _smallest(np.where(equals(array, ignored), ignored, numbers) if ignored is not None else numbers)

    sentence = repair_labels(config, every, change, f"have the values 0 to {len(known)}")
    of_interest = config.data.labels_of_interest
    config.data.labels_of_interest = [int(np.searchsorted(known, value)) + 1 for value in of_interest if value in known]
    return sentence


def _pieces(config: Config, files: tuple[str, ...]) -> str:
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


def _holes(config: Config, files: tuple[str, ...]) -> str:
    ignored = config.data.ignore_value

    def change(file: str, array: np.ndarray) -> np.ndarray:
        array = _not_negative(array)
        filled = _by_image(array, config.task.dim, fill_holes)
        return np.where((array == 0) & equals(filled, ignored), 0, filled) if ignored is not None else filled

    return repair_labels(config, files, change, "have no holes")


def _exclude(config: Config, files: tuple[str, ...]) -> str:
    """Leave out the pairs that these files belong to, in the last dataset that has them."""
    surveyed = survey(config)
    unwanted: dict[int, list[Path]] = {}
    for file in files:
        pairs = [pair for pair in surveyed.listed if Path(file) in (pair.image, *pair.files)]
        if pairs:  # several, if it is the label of all of them
            last = pairs[-1].dataset
            unwanted.setdefault(last, []).extend(pair.image for pair in pairs if pair.dataset == last)
    if not unwanted:
        raise UserError(files[0], "this file is not among the images any more", "Check again")
    left = list(config.data.datasets)
    sentences = []
    for index in sorted(unwanted, reverse=True):
        names = list(dict.fromkeys(_short_path(config, index, path) for path in unwanted[index]))
        if {pair.image for pair in surveyed.listed if pair.dataset == index} - set(unwanted[index]):
            left[index] = left[index].model_copy(update={"exclude": [*left[index].exclude, *names]})
        else:
            del left[index]
        sentences.append(f"{_some(names)} left out of data.datasets[{index}]")
    if not left:
        raise UserError("data.datasets", "nothing would be left", "Choose other images")
    config.data.datasets = left
    return "; ".join(sentences)


def _leave_out(config: Config, files: tuple[str, ...]) -> str:
    """Leave out images without label, and labels without image."""
    unwanted: dict[int, list[Path]] = {}
    for problem in survey(config).problems:
        dataset = re.match(r"data\.datasets\[(\d+)\]", problem.where)
        if problem.fix == "leave_out" and dataset:
            unwanted.setdefault(int(dataset[1]), []).extend(Path(file) for file in problem.files if file in files)
    sentences = []
    datasets = list(config.data.datasets)
    for index, paths in unwanted.items():
        names = list(dict.fromkeys(_short_path(config, index, path) for path in paths))
        datasets[index] = datasets[index].model_copy(update={"exclude": [*datasets[index].exclude, *names]})
        sentences.append(f"{_some(names)} left out of data.datasets[{index}]")
    if not sentences:
        raise UserError(files[0], "this file is not among the images any more", "Check again")
    config.data.datasets = datasets
    return "; ".join(sentences)


def _short_path(config: Config, index: int, path: Path) -> str:
    """How `data.datasets[index].exclude` names a file: from the folder of images or labels on, so that files of one name
    in different folders stay apart."""
    dataset = config.data.datasets[index]
    if channel_files(path):  # of all channels
        path = path.with_name(stem(path))
    for source in (dataset.images, dataset.labels):
        folder = config.resolve(source)
        if source.strip() and path.is_relative_to(folder) and path != folder:
            return path.relative_to(folder).as_posix()
    return path.name


def _crop(config: Config, files: tuple[str, ...]) -> str:
    return pack_dense_regions(config, files)


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


def _nearest_colour(packed: np.ndarray, drawn: np.ndarray) -> np.ndarray:
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


def _some(names: list[str]) -> str:
    return f"{first_of_many(names)} {'is' if len(names) == 1 else 'are'}"


# in the order in which they are made: what can be read, first
FIXES: dict[str, Fix] = {
    "leave_out": Fix("Leave out what has no partner", _leave_out, takes_away=True),
    "pair_by_name": Fix("Pair by name", _pair_by_name),
    "colours": Fix("Turn colours into numbers", _colours),
    "alpha": Fix("Drop the transparency", _drop_alpha),
    "negative": Fix("Make negative values background", _background),
    "snap": Fix("Keep only the values that were drawn", _snap),
    "surrounding": Fix("Make what lies around all objects background", _surrounding),
    "classes": Fix("Number the values 0, 1, 2 ...", _classes),
    "pieces": Fix("Number each connected part", _pieces),
    "holes": Fix("Fill holes", _holes),
    "exclude": Fix("Leave this out", _exclude, takes_away=True),
    "crop": Fix("Crop to dense regions", _crop, takes_away=True),
}
