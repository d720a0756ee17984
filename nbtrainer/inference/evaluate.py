"""Scores of a model on images with known labels."""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from nbtrainer import metrics
from nbtrainer.catalog import METRICS
from nbtrainer.config import messages
from nbtrainer.config.dataset import Dataset
from nbtrainer.data.file_names import shortest_names
from nbtrainer.data.find_pairs import find_pairs
from nbtrainer.data.pair import Naming, describe_order
from nbtrainer.deprecation import stacklevel_outside
from nbtrainer.errors import DataError, SettingError
from nbtrainer.inference.load_model import load_model
from nbtrainer.inference.predictor import Predictor
from nbtrainer.inference.report import ImageReport, score_image, write_report
from nbtrainer.labels import read_links
from nbtrainer.tasks import Links, Task


def evaluate(
    model: Predictor | str | os.PathLike[str],
    images: Any,
    labels: Any = None,
    report: str | os.PathLike[str] | None = None,
    **naming: Any,
) -> dict[str, Any]:
    """Scores of `model` (or the path of one) against known labels.

    Parameters
    ----------
    images, labels
        Folders, files, wildcards, list files, found and paired as for training (no labels: they lie beside the images);
        or sequences of arrays or paths, of equal length, or an array each: of one image, if the label has as many axes
        as the model's images, else of several along the first axis.
    report
        Write a page (HTML) about each image and its worst objects there.
    **naming
        How files are told apart, as for a data set: `img_filter`, `mask_filter`, `look_one_level_down`.

    Returns
    -------
    `{"overall": {...}, "images": [{"image": name, ...}, ...]}`; overall scores: see
    `nbtrainer.metrics.overall`. Of a stack or time series each slice or time point is an image, called `stack.tif [3]`. Warns of pairs that were made
    by order, and of labels with values that the model does not know.

    Raises
    ------
    SettingError
        If an option of `naming` is unknown or cannot be what it is.
    DataError
        If images and labels cannot be read or paired.
    """
    names_of_files = _naming(naming)
    predictor = model if isinstance(model, Predictor) else load_model(model)
    task = predictor.task
    names = label_metrics(task)
    if report:
        Path(report).parent.mkdir(parents=True, exist_ok=True)
    judged: list[ImageReport] = []
    dim = predictor.record["network"]["dim"]
    for image, label, name, links in _paired(images, labels, dim, names_of_files):
        truth = None
        count = predictor.time_points(image)
        for frame in range(count or 1):
            prediction = predictor.prediction(image, frame=frame)
            predicted = prediction.labels()
            if truth is None:
                series = () if count is None else (count,)
                truth = predictor.read_label(label, (*series, *predicted.shape), name, image)
                _tell_unknown_classes(task, truth, name)
            here = truth if count is None else truth[frame]
            pixels = prediction.image() if report else None
            numbers = [] if count is None else [frame]
            if not prediction.is_stack:
                judged.append(
                    score_image(
                        _numbered(name, numbers), pixels, predicted, label=here, task=task, names=names, links=links
                    )
                )
                continue
            # slices have objects of their own, in the label and in what is predicted
            for number, (own, true) in enumerate(zip(predicted, here, strict=True)):
                plane = None if pixels is None else pixels[:, number]
                judged.append(
                    score_image(
                        _numbered(name, [*numbers, number]), plane, own, label=true, task=task, names=names, links=links
                    )
                )
    if report:
        metric_names = list(dict.fromkeys([*task.default_metrics, *names]))
        write_report(
            Path(report),
            title="Evaluation",
            text=f"{len(judged)} images scored with {predictor}.",
            judged=judged,
            names=metric_names,
        )
    tallies = [each.tally for each in judged]
    return {
        "overall": metrics.overall(tallies, names, classes=task.classes),
        "images": [{"image": each.name, **each.scores} for each in judged],
    }


def label_metrics(task: Task) -> list[str]:
    """The metrics that are told from label images of `task`: errors of probabilities are not."""
    return [name for name, entry in METRICS.items() if task.measures(name) and entry.unit != "error"]


def _naming(options: dict[str, Any]) -> Naming:
    """How files are told apart; raises `SettingError` for an option that is none."""
    known = [field.name for field in dataclasses.fields(Naming)]
    for name in options:
        if name not in known:
            close = messages.nearest(name, known)
            remedy = f"Did you mean {close}?" if close else f"Known are {messages.join_or(known)}"
            raise SettingError(name, "this option is unknown", remedy, suggestions=(close,) if close else ())
    try:
        return Dataset(**options).naming()
    except ValidationError as error:
        raise SettingError.of(messages.findings(error, Dataset)) from None


def _numbered(name: str, numbers: list[int]) -> str:
    """`stack.tif [3]`; of a slice of a time point `series.tif [2, 3]`."""
    return f"{name} [{', '.join(map(str, numbers))}]" if numbers else name


def _tell_unknown_classes(task: Task, truth: np.ndarray, name: str) -> None:
    known = getattr(task, "class_values", ())
    unknown = set(np.unique(truth).tolist()) - {0, task.ignored, *known}
    if known and unknown and not task.labels_of_interest:
        values = ", ".join(map(str, sorted(unknown)[:5]))
        words = f"{name}: the label holds {values}, for which the model has no class: counted as background"
        warnings.warn(words, UserWarning, stacklevel=stacklevel_outside())


def _paired(images: Any, labels: Any, dim: int, naming: Naming) -> list[tuple[Any, Any, str, Links]]:
    if isinstance(images, str | os.PathLike):
        beside = labels is None or isinstance(labels, str | os.PathLike)
        if not beside:
            raise DataError("labels", "images are a path, and labels are none", "Give the path of the labels too")
        pairs = find_pairs(Path(images), None if labels is None else Path(labels), "", naming, use="auto")
        warning = describe_order(pairs)
        if warning:
            warnings.warn(warning, UserWarning, stacklevel=stacklevel_outside())
        names = shortest_names([pair.image for pair in pairs])
        links = [read_links(pair.links) if pair.links else [] for pair in pairs]
        return [(pair.image, pair, *named) for pair, named in zip(pairs, zip(names, links, strict=True), strict=True)]
    if isinstance(labels, np.ndarray) and labels.ndim == dim:  # one label, so the image is one, channels or not
        images, labels = [images], [labels]
    if not isinstance(images, Iterable) or not isinstance(labels, Iterable):
        raise DataError("images", "these are no images and labels", "Give folders, or lists of arrays or files")
    images, labels = list(images), list(labels)
    if len(images) != len(labels):
        raise DataError(
            "labels", f"there are {len(images)} images but {len(labels)} labels", "Give one label for each image"
        )
    if not images:
        raise DataError("images", "there are none", "Give at least one image")
    named = [
        Path(image).name if isinstance(image, str | os.PathLike) else f"image {k}" for k, image in enumerate(images)
    ]
    return [(image, label, name, []) for image, label, name in zip(images, labels, named, strict=True)]
