"""The pair table: what every image and its label are, before anything is trained."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from nbtrainer.config import Config
from nbtrainer.data.file_stats import LabelStats, image_stats, label_stats
from nbtrainer.data.fold_record import is_cross_validation
from nbtrainer.data.pair import Pair
from nbtrainer.data.preparation import spacing_of
from nbtrainer.data.split_record import SplitRecord
from nbtrainer.data.statistics import LARGE_BYTES, subsample
from nbtrainer.data.views import size_in_bytes
from nbtrainer.datasets.survey import Survey, survey
from nbtrainer.disk import exists
from nbtrainer.errors import UserError
from nbtrainer.io.annotations import is_annotation
from nbtrainer.io.annotations.classes import UNNAMED
from nbtrainer.io.formats import open_image
from nbtrainer.labels import merge_links, read_links

# as many values are listed; more are objects rather than classes
_MOST_CLASSES = 10


def pair_table(config: Config) -> list[dict[str, Any]]:
    """Every image with its label, one dict a pair. Raises `UserError` if a dataset cannot be listed or paired.

    Keys: `image`, `label` (paths; empty: it has none), `name`, `dataset`, `split`, `shape` (spatial, as it trains), `channels`, `dtype`,
    `spacing` (micrometres along each axis, or None), `label_shape`, `label_dtype`, `label_values` (how many there
    are), `objects` (different values above 0), `classes` (the first ten of them), `class_names` (what a file of outlines
    calls these; else empty), `estimated` (from samples of a large
    file), `by_order`, `problem`.
    """
    config = Config.of(config).validated()
    surveyed = survey(config)
    if surveyed.problems:
        raise UserError.of(surveyed.problems)
    uses = {id(pair): use for use, pairs in surveyed.split._asdict().items() for pair in pairs}
    return [_row(config, surveyed, pair, uses[id(pair)]) for pair in surveyed.pairs]


def pairs_of_run(directory: str | os.PathLike[str]) -> list[tuple[str, Pair]]:
    """The pairs of the run in a folder, each with what it was for: `validation` first, then `test`, then `train`.

    Reads headers only; empty if its data are no longer where they were. Empty of a cross-validation too: each of its models
    was trained on other images, so that none judges all of them.
    """
    file = Path(directory) / "config.json"
    if not exists(file) or is_cross_validation(file.parent):
        return []
    split = survey(Config.load(file), _noted_split(file.with_name("split.json"))).split._asdict()
    return [(use, pair) for use in ("validation", "test", "train") for pair in split[use]]


def _noted_split(file: Path) -> SplitRecord | None:
    """The split that a run noted; None if it noted none, as older versions, or if it cannot be read."""
    try:
        return SplitRecord.from_record(json.loads(file.read_text("utf-8")), {})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _row(config: Config, surveyed: Survey, pair: Pair, split: str) -> dict[str, Any]:
    is_exact = config.data.exact_statistics
    image = image_stats(pair.image, is_exact)
    label = LabelStats() if pair.label is None else label_stats(pair.label, is_exact)
    row: dict[str, Any] = {
        "image": str(pair.image),
        "label": "" if pair.label is None else str(pair.label),
        "name": pair.name,
        "dataset": pair.dataset,
        "split": split,
        "shape": image.shape,
        "channels": 0,
        "dtype": image.dtype,
        "spacing": None,
        "label_shape": label.shape,
        "label_dtype": label.dtype,
        "label_values": len(label.values),
        "objects": None,
        "classes": (),
        "class_names": (),
        "estimated": image.is_estimate or label.is_estimate,
        "by_order": pair.paired_by_order,
        "problem": image.problem or label.problem,
    }
    if row["problem"]:
        return row
    try:
        row |= _measure(config, surveyed, pair, label.values)
    except (UserError, ValueError) as error:
        row["problem"] = error.wrong if isinstance(error, UserError) else str(error)
    return row


def _measure(config: Config, surveyed: Survey, pair: Pair, values: tuple[int, ...]) -> dict[str, Any]:
    image, label = surveyed.preparation.open(pair)
    settings = config.data
    if pair.label is None:
        objects = []
    elif pair.slice is None and pair.crop is None and not is_annotation(pair.label):
        objects = [value for value in values if value not in (0, surveyed.preparation.ignored)]
    else:  # values of a part of the file
        regions, _ = subsample(label, settings.exact_statistics)
        there = {int(value) for region in regions for value in np.unique(label.read(region))}
        objects = sorted(there - {0, surveyed.preparation.ignored})
    return {
        "shape": image.shape,
        "channels": image.channels,
        "spacing": spacing_of(open_image(pair.image), config.task.dim, settings.spacing, settings.spacing_unit),
        "label_shape": label.shape if pair.label is not None else (),
        "label_values": len(objects) + 1 if pair.label is not None else 0,
        "objects": None if pair.label is None else _objects(objects, pair.links),
        "classes": tuple(objects[:_MOST_CLASSES]),
        "class_names": _class_names(surveyed, pair, objects[:_MOST_CLASSES]),
        "estimated": not settings.exact_statistics and size_in_bytes(image) > LARGE_BYTES,
    }


def _class_names(surveyed: Survey, pair: Pair, values: list[int]) -> tuple[str, ...]:
    if pair.label is None or surveyed.preparation.outlines != "classes" or not is_annotation(pair.label):
        return ()
    names = {number: name or UNNAMED for name, number in surveyed.preparation.outline_classes}
    return tuple(names.get(value, str(value)) for value in values)


def _objects(objects: list[int], links: Path | None) -> int:
    """How many objects there are if those that are linked are one."""
    if links is None:
        return len(objects)
    return len(np.unique(merge_links(np.array([objects], np.uint32), read_links(links))))
