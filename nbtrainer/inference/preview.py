"""An image predicted once and looked at with one threshold after the other."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nbtrainer import metrics
from nbtrainer.catalog import METRICS
from nbtrainer.data.pair import Pair
from nbtrainer.data.views import whole
from nbtrainer.errors import UserError
from nbtrainer.inference.prediction import Prediction, adjusted_task
from nbtrainer.inference.predictor import Predictor
from nbtrainer.labels import read_links
from nbtrainer.labels.integers import bincount
from nbtrainer.progress import OnProgress
from nbtrainer.tasks import Links, Task


@dataclass(frozen=True, kw_only=True)
class PredictionPreview:
    """What a network answered to an image, as `prediction`, and what is known of it.

    Attributes
    ----------
    image
        (C, [Z,] Y, X) as prepared; of a stack of images, with its slices along Z.
    truth
        The label, ([Z,] Y, X) integers, or None.
    links
        Pairs of label values that are parts of one object.
    names
        Metrics that are measured where there is a label.
    """

    name: str
    prediction: Prediction
    image: np.ndarray
    truth: np.ndarray | None
    links: Links
    names: tuple[str, ...]

    @property
    def task(self) -> Task:
        return self.prediction.task

    @property
    def adjustable(self) -> dict[str, Any]:
        """The thresholds that may be changed, and their values in the model."""
        return self.prediction.adjustable

    def in_use(self, **adjusted: Any) -> tuple[str, ...]:
        """Those of the thresholds that have an effect while the others are as given."""
        return adjusted_task(self.task, adjusted).in_use

    def choices(self, name: str, offered: Iterable[Any]) -> list[Any]:
        """Those of the values `offered` for a threshold that this model can take."""
        return [value for value in offered if _takes(self.task, name, value)]

    def labels(self, **adjusted: Any) -> np.ndarray:
        """The label image with these thresholds, those of the model for the rest."""
        return self.prediction.labels(**adjusted)

    def with_thresholds(self, **adjusted: Any) -> PredictionPreview:
        """The same with a model that has these thresholds."""
        task = adjusted_task(self.task, adjusted)
        return dataclasses.replace(self, prediction=dataclasses.replace(self.prediction, task=task))

    def counts(self, labels: np.ndarray) -> dict[str, int]:
        """How much is in a predicted label image: `objects`, or pixels by class (`foreground` if there is only one)."""
        task = self.task
        if task.has_objects:
            return {"objects": int(np.count_nonzero(np.unique(labels)))}
        classes = task.classes or ("foreground",)
        counts = bincount(task.predicted_class_of(labels), minlength=len(classes) + 1)
        return {name: int(count) for name, count in zip(classes, counts[1:], strict=False)}

    def scores(self, labels: np.ndarray) -> dict[str, float]:
        """Scores of a predicted label image; empty without a label."""
        if self.truth is None or self.truth.shape != labels.shape:
            return {}
        tally = self.task.tally_labels(labels, self.truth, self.names, self.links)
        scores = metrics.scores(tally, self.names, classes=self.task.classes)
        return {name: value for name, value in scores.items() if not np.isnan(value)}


def try_out(
    model: Predictor, image: Pair | str | Path | np.ndarray, label: Any = None, report: OnProgress | None = None
) -> PredictionPreview:
    """Predict an image once: a file or an array, with the `label` if it is known, or a pair of a run with its own.

    Of a time series the first time point is looked at.

    `report(done, of)` is called as it goes on; an exception that it raises ends the prediction.
    """
    task, names = model.task, _names(model)
    if isinstance(image, Pair):
        view, truth = model.preparation.open(image)
        prediction = model.answer(view, image.name, report)
        links = [] if image.links is None else read_links(image.links)
        return PredictionPreview(
            name=image.name, prediction=prediction, image=whole(view), truth=whole(truth), links=links, names=names
        )
    name = "image" if isinstance(image, np.ndarray) else Path(image).name
    prediction = model.prediction(image, report=report)
    pixels = prediction.image()
    known = None
    if label is not None:
        count = model.time_points(image)
        series = () if count is None else (count,)
        known = model.read_label(label, (*series, *pixels.shape[1:]), name, image)
        known = known if count is None else known[0]
    assert task is prediction.task
    return PredictionPreview(name=name, prediction=prediction, image=pixels, truth=known, links=[], names=names)


def _names(model: Predictor) -> tuple[str, ...]:
    """The metrics that the model was trained with; without errors of probabilities, which labels cannot tell."""
    chosen = model.record.get("config", {}).get("compile", {}).get("metrics", [])
    names = chosen if isinstance(chosen, list) else model.task.default_metrics
    return tuple(
        name for name in names if name in METRICS and model.task.measures(name) and METRICS[name].unit != "error"
    )


def _takes(task: Task, name: str, value: Any) -> bool:
    try:
        adjusted_task(task, {name: value})
    except UserError:
        return False
    return True
