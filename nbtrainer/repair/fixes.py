"""What mends a finding: repaired copies and edited settings, never a change of the user's own files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from nbtrainer.checks.check import check
from nbtrainer.config import Config
from nbtrainer.data.pair import Pair
from nbtrainer.datasets.pair_suggestions import suggest_pairs
from nbtrainer.datasets.survey import survey
from nbtrainer.errors import DataError, Finding, SettingError, UserError
from nbtrainer.io.formats import channel_files, stem
from nbtrainer.repair.copies import Copies, point_to
from nbtrainer.repair.ensemble import pack_dense_regions
from nbtrainer.repair.label_fixes import (
    clear_negative,
    clear_surrounding,
    drop_transparency,
    fill_label_holes,
    number_classes,
    number_colours,
    number_pieces,
    snap_to_drawn_values,
)
from nbtrainer.repair.network_of_model import build_as_in_model
from nbtrainer.wording import first_of_many

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
        raise SettingError(finding.where, "there is no repair for this", finding.remedy or "Mend it by hand")
    if not isinstance(config, Config):
        raise SettingError("config", "a repair edits settings, so that it needs a Config", "Give Config.load(path)")
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
        pairs = suggest_pairs(config, index)
        if pairs:
            chosen = [Pair(image, label, use=dataset.use, dataset=index) for image, label in pairs]
            target = point_to(config, index, chosen, Copies(config, "pairs"), pair_by="order")
            sentences.append(
                f"{len(pairs)} images of {where} are paired with the labels that have their names ({target})"
            )
    if not sentences:
        raise DataError("data.datasets", "the names of images and labels have nothing in common", "Rename the files")
    return "; ".join(sentences)


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
        raise DataError(files[0], "this file is not among the images any more", "Check again")
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
        raise DataError("data.datasets", "nothing would be left", "Choose other images")
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
        raise DataError(files[0], "this file is not among the images any more", "Check again")
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


def _some(names: list[str]) -> str:
    return f"{first_of_many(names)} {'is' if len(names) == 1 else 'are'}"


# in the order in which they are made: what can be read, first
FIXES: dict[str, Fix] = {
    "network_of_model": Fix("Build the network as in that model", build_as_in_model),
    "leave_out": Fix("Leave out what has no partner", _leave_out, takes_away=True),
    "pair_by_name": Fix("Pair by name", _pair_by_name),
    "colours": Fix("Turn colours into numbers", number_colours),
    "alpha": Fix("Drop the transparency", drop_transparency),
    "negative": Fix("Make negative values background", clear_negative),
    "snap": Fix("Keep only the values that were drawn", snap_to_drawn_values),
    "surrounding": Fix("Make what lies around all objects background", clear_surrounding),
    "classes": Fix("Number the values 0, 1, 2 ...", number_classes),
    "pieces": Fix("Number each connected part", number_pieces),
    "holes": Fix("Fill holes", fill_label_holes),
    "exclude": Fix("Leave this out", _exclude, takes_away=True),
    "crop": Fix("Crop to dense regions", _crop, takes_away=True),
}
