"""The check of each pair of files: can it be read, do image and label fit, is it used twice."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nbtrainer.checks.labels import check_label
from nbtrainer.config import Config
from nbtrainer.data.draw_outlines import read_pair_outlines
from nbtrainer.data.file_stats import ImageStats, LabelStats, image_stats, label_stats
from nbtrainer.data.pair import Pair
from nbtrainer.datasets.pair_suggestions import suggest_pairs
from nbtrainer.datasets.survey import Survey
from nbtrainer.errors import Finding, UserError
from nbtrainer.io.annotations import is_annotation
from nbtrainer.io.annotations.classes import UNNAMED
from nbtrainer.io.axes import format_shape
from nbtrainer.labels import read_links


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A pair that can be read; `shape` ([z,] y, x) and `channels` as it trains."""

    pair: Pair
    image: ImageStats
    label: LabelStats | None
    shape: tuple[int, ...]
    channels: int


def check_problems(config: Config, problems: Iterable[Finding]) -> Iterator[Finding]:
    """What kept datasets from being listed, with the repair where pairing by name is one."""
    for problem in problems:
        where, _, rest = problem.where.removeprefix("data.datasets[").partition("]")
        if where.isdigit() and not rest and not problem.fix and suggest_pairs(config, int(where)):
            problem = dataclasses.replace(problem, fix="pair_by_name")
        yield problem


def check_leaks(config: Config, surveyed: Survey) -> Iterator[Finding]:
    """Images that are used twice, also as copies; what trains must not judge."""
    trains: dict[object, list[Pair]] = {}
    for pair in surveyed.split.train:
        same = [other for other in trains.get(_pixels(config, pair), []) if _overlap(pair, other)]
        if same:
            yield _twice(pair, other=same[0], what="trains twice", level="warning")
        trains.setdefault(_pixels(config, pair), []).append(pair)
    for pair in [*surveyed.split.validation, *surveyed.split.test]:
        same = [other for other in trains.get(_pixels(config, pair), []) if _overlap(pair, other)]
        if same:
            yield _twice(
                pair, other=same[0], what="is there twice, once to train and once to validate or test", level="error"
            )


def check_pair(
    config: Config, surveyed: Survey, pair: Pair, by_name: Mapping[Path, Path]
) -> tuple[list[Finding], Checked | None]:
    """Findings about the files of `pair`, and what is known of them if they can be used.

    `by_name` is the label of each image whose name says which it is: see `suggest_pairs`.
    """
    findings = list(_readable(config, pair))
    if findings:
        return findings, None
    is_exact = config.data.exact_statistics
    image = image_stats(pair.image, is_exact)
    label = None if pair.label is None else label_stats(pair.label, is_exact)
    if label is not None:
        try:
            findings += check_label(
                pair, label, dim=config.task.dim, ignore_value=config.data.ignore_value, z_axis=config.data.z_axis
            )
        except UserError as error:
            return [*findings, *_refusal(pair, error)], None
    if any(finding.fix in ("colours", "alpha") for finding in findings):
        return findings, None
    try:
        opened = surveyed.preparation.open(pair)[0]
        if pair.label is not None and is_annotation(pair.label):  # outlines are drawn when they are opened
            findings += _outlines(config, surveyed, pair)
    except (UserError, ValueError) as error:
        return [*findings, *_refusal(pair, error)], None
    if min(opened.shape) < 1:
        findings.append(
            Finding(
                where=str(pair.image),
                wrong=f"it is {format_shape(opened.shape)}",
                remedy="Take it out",
                files=_files_of(pair),
            )
        )
        return findings, None
    if pair.paired_by_order and by_name.get(pair.image) != pair.label:
        findings.append(_by_order(pair, bool(by_name)))
    if label is not None:
        findings += _links(pair, label)
    return findings, Checked(pair=pair, image=image, label=label, shape=opened.shape, channels=opened.channels)


def _readable(config: Config, pair: Pair) -> Iterator[Finding]:
    if pair.label is not None and os.path.realpath(pair.image) == os.path.realpath(pair.label):
        wrong = "this file is both image and label"
        yield Finding(where=str(pair.image), wrong=wrong, remedy="Choose the folder of the labels")
        return
    is_exact = config.data.exact_statistics
    for path in dict.fromkeys((pair.image, *pair.files)):
        stats = label_stats(path, is_exact) if path == pair.label else image_stats(path, is_exact)
        if stats.problem:
            remedy = stats.remedy or "Export it again, or take the pair out"
            yield Finding(where=str(path), wrong=stats.problem, remedy=remedy, fix="exclude", files=(str(path),))


def _refusal(pair: Pair, error: UserError | ValueError) -> Iterator[Finding]:
    if not isinstance(error, UserError):
        where = str(pair.files[-1])
        yield Finding(where=where, wrong=str(error), fix="exclude", files=(str(pair.own_file),))
        return
    for finding in error.findings:
        about = str(pair.own_file) if finding.where == str(pair.label) else str(pair.image)
        # outlines do not know their file
        where = str(pair.label) if finding.where == "outlines" else finding.where
        yield dataclasses.replace(finding, where=where, fix="exclude", files=(about,))


def _outlines(config: Config, surveyed: Survey, pair: Pair) -> Iterator[Finding]:
    """Of a file with outlines: classes that become one or none, and slices that it does not name."""
    about = Finding(level="warning", where=str(pair.label), wrong="", files=(str(pair.own_file),))
    outlines = read_pair_outlines(pair)
    names = sorted({outline.class_name for outline in outlines} - {""})
    listed = dict(surveyed.preparation.outline_classes)
    missing = sorted({outline.class_key for outline in outlines if listed and outline.class_key not in listed})
    if missing:
        yield dataclasses.replace(
            about,
            wrong=f"it has outlines of {_name_classes(missing)}, which data.outline_classes does not list: they become background",
            remedy="Add what is no background to that list",
        )
    elif len(names) > 1 and not listed and not config.data.labels_of_interest:
        yield dataclasses.replace(
            about,
            wrong=f"its outlines are of {len(names)} classes ({', '.join(names[:5])}); here all of them become one",
            remedy="List those that count in data.outline_classes if the others are no foreground",
        )
    if pair.slice is not None and outlines and not any(outline.z is not None for outline in outlines):
        yield dataclasses.replace(
            about,
            wrong=f"its outlines do not say on which slice of {pair.image.name} they lie: every slice gets all of them",
            remedy="That is right if all slices look the same; else draw them with their slices, as in ImageJ",
        )
    channels = sorted({outline.c for outline in outlines if outline.c is not None})
    if len(channels) > 1 and not set(channels) & set(config.data.channels):
        yield dataclasses.replace(
            about,
            wrong=f"its outlines were drawn on {len(channels)} channels: all of them count",
            remedy="Choose channels in data.channels if only those drawn on these are meant",
        )


def _name_classes(classes: Sequence[str]) -> str:
    more = f" and {len(classes) - 5} more classes" if len(classes) > 5 else ""
    names = ", ".join(name or UNNAMED for name in classes[:5])
    return f"the class {names}" if len(classes) == 1 else f"the classes {names}{more}"


def _by_order(pair: Pair, has_names: bool) -> Finding:
    return Finding(
        level="warning",
        where=str(pair.image),
        wrong=f"it is paired with {pair.required_label.name} by order, and the names differ",
        remedy="Give both the same name if they do not belong together",
        fix="pair_by_name" if has_names else "",
        files=_files_of(pair),
    )


def _links(pair: Pair, label: LabelStats) -> Iterator[Finding]:
    if pair.links is None:
        return
    try:
        links = read_links(pair.links)
    except UserError as error:
        yield from error.findings
        return
    unknown = sorted({value for link in links for value in link} - set(label.values))
    if unknown:
        yield Finding(
            level="warning",
            where=str(pair.links),
            wrong=f"it links {', '.join(map(str, unknown[:5]))}, which {pair.required_label.name} does not hold",
            remedy="Does the list belong to another label?",
            files=(str(pair.label),),
        )


def _pixels(config: Config, pair: Pair) -> object:
    """The same for pairs that show the same pixels, whatever their files are called."""
    stats = image_stats(pair.image, config.data.exact_statistics)
    # blank images are equal without being copies; of a large file only samples were compared
    known = stats.digest and not stats.problem and stats.minimum != stats.maximum and not stats.is_estimate
    return (stats.digest if known else os.path.realpath(pair.image)), pair.slice


def _overlap(one: Pair, other: Pair) -> bool:
    """Whether what is used of two pairs with the same pixels has anything in common."""
    if one.crop is None or other.crop is None:
        return True
    return all(a[0] < b[1] and b[0] < a[1] for a, b in zip(one.crop, other.crop, strict=True))


def _twice(pair: Pair, *, other: Pair, what: str, level: Literal["error", "warning"]) -> Finding:
    is_copy = os.path.realpath(pair.image) != os.path.realpath(other.image)
    wrong = f"it has the same pixels as {other.image.name}: this image {what}" if is_copy else f"this image {what}"
    remedy = "Take it out of one of the datasets: what trains cannot judge"
    if level == "warning":
        remedy = "Take one of the two out" if is_copy else "Is that meant?"
    # within one dataset leaving out a file leaves it out twice
    can_be_left_out = pair.dataset != other.dataset or pair.image != other.image
    fix = "exclude" if can_be_left_out else ""
    return Finding(level=level, where=str(pair.image), wrong=wrong, remedy=remedy, fix=fix, files=(str(pair.image),))


def _files_of(pair: Pair) -> tuple[str, ...]:
    return (str(pair.image),) if pair.label is None else (str(pair.image), str(pair.label))
