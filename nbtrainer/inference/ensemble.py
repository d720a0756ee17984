"""Several models as one: their outputs are averaged before labels are made, and where they differ is told."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nbtrainer.data.views import View
from nbtrainer.errors import ModelError
from nbtrainer.inference.prediction import Part
from nbtrainer.inference.predictor import Predictor
from nbtrainer.progress import OnProgress, report_part
from nbtrainer.tasks import Task
from nbtrainer.wording import join_and

# what a task knows of the images that trained it, which differ from fold to fold
_OF_TRAINING_IMAGES = {"frequencies", "class_weights", "spacing"}


class Ensemble(Predictor):
    """Models of one task and one preparation that answer together, with the mean of their outputs.

    `members` are the models. Each sees the image with its own normalization. A threshold in which they differ, because each was
    tuned, is the mean of theirs (the median of whole numbers, of words the most frequent).

    Raises `ModelError` if they cannot answer together.
    """

    def __init__(self, members: Sequence[Predictor], path: Path | None = None) -> None:
        _require_alike(members)
        first = members[0]
        self.members = list(members)
        self.path = path
        # what images are compared with: sizes and kinds of the first stand for all
        self.record = first.record
        self.device = first.device
        self.task = _common_task([member.task for member in members])
        self.normalizer, self.preparation, self.network = first.normalizer, first.preparation, first.network
        self.size_model = first.size_model if all(member.size_model for member in members) else None
        self.is_sound = all(member.is_sound for member in members)

    def __repr__(self) -> str:
        names = ", ".join(dict.fromkeys(member.record["network"]["name"] for member in self.members))
        return f"<{len(self.members)} models ({names}) for {self.task.name} segmentation, {self.path}>"

    def disagreement(
        self, image: Any, diameter: float | None = None, tta: int = 1, *, rescale: bool = False
    ) -> np.ndarray:
        """Where the models differ on `image`, an array or the path of a file: float32 with the image's spatial shape.

        At each pixel sqrt(mean over the models of (p - mean of p)^2), from 0 (all agree) to 0.5 (half is sure of it and half
        of the contrary). p is the probability of foreground that a model gives: of classes, that of the class which the
        averaged output chooses; of EPySeg's channels, that of the outline; of flows, sigmoid(distance - mask threshold).
        Arguments as for `predict`; a time series has time first.
        """
        count = self.time_points(image)
        maps = []
        for frame in range(count or 1):
            spread = self.prediction(image, diameter, tta, rescale=rescale, frame=frame).disagreement()
            assert spread is not None
            maps.append(spread)
        return maps[0] if count is None else np.stack(maps)

    def _part(
        self, view: View, name: str, diameter: float | None, *, tta: int, report: OnProgress | None, image: View
    ) -> Part:
        total: np.ndarray | None = None
        spread = _Spread()
        for number, member in enumerate(self.members):
            own_report = report_part(report, number=number, count=len(self.members))
            raw = member._raw(view, name, diameter, tta, own_report)
            spread.add(self.task.compared_probabilities(raw))
            total = raw if total is None else total + raw
        assert total is not None
        mean = (total / len(self.members)).astype(np.float32)
        return Part(
            raw=mean,
            image=image,
            rescaled=view.shape,
            diameter=diameter,
            disagreement=spread.of_choice(mean),
        )

    def _estimate(self, view: View, name: str) -> float | None:
        if self.size_model is None:
            return None
        diameters = [member._estimate(view, name) for member in self.members]
        return float(np.mean([diameter for diameter in diameters if diameter is not None]))


class _Spread:
    """Standard deviation of maps that are added one after the other, by Welford's method: 0 exactly where all are equal."""

    def __init__(self) -> None:
        self._count = 0
        self._mean: Any = 0.0
        self._squares: Any = 0.0

    def add(self, maps: np.ndarray) -> None:
        """Add maps (C, [Z,] Y, X) of one more model."""
        self._count += 1
        difference = maps - self._mean
        self._mean = self._mean + difference / np.float32(self._count)
        self._squares = self._squares + difference * (maps - self._mean)

    def of_choice(self, mean_raw: np.ndarray) -> np.ndarray:
        """([Z,] Y, X) float32; of several classes, of the one that the mean output chooses."""
        variance = np.maximum(self._squares / self._count, 0)
        if len(variance) > 1:
            variance = np.take_along_axis(variance, mean_raw.argmax(axis=0)[np.newaxis], axis=0)
        return np.asarray(np.sqrt(variance[0]), np.float32)


def _require_alike(members: Sequence[Predictor]) -> None:
    if not members:
        raise ModelError("models", "there are none", "Give at least one")
    first, *others = members
    if first.task.settings.label_values == "not_needed":
        wrong = "classes that were found without labels have no common order, so that models cannot be averaged"
        raise ModelError(str(first.path), wrong, "Predict with one of them")
    for other in others:
        own, theirs = _what_must_agree(first), _what_must_agree(other)
        differing = [name for name in own if own[name] != theirs.get(name)]
        if differing:
            raise ModelError(
                str(other.path),
                f"its {join_and(differing)} differ from those of {first.path}, so that they cannot be averaged",
                "Give models that were trained with the same settings of task and data",
            )


def _what_must_agree(model: Predictor) -> dict[str, Any]:
    """What the mean of outputs needs, by its name in a sentence."""
    task = model.task
    facts = {
        name: value
        for name, value in task.as_record().items()
        if name not in (*type(task.settings).model_fields, *_OF_TRAINING_IMAGES)
    }
    network = model.record["network"]
    return {
        "kinds of segmentation": task.name,
        "dimensions": network["dim"],
        "output channels": tuple(task.channels),
        "classes": facts,
        "input channels": network["input_channels"],
        "preparation of images": model.preparation,
    }


def _common_task(tasks: Sequence[Task]) -> Task:
    """The task of the first, with thresholds that stand for those of all."""
    common: dict[str, Any] = {}
    for name in tasks[0].adjustable:
        values = [getattr(task.settings, name) for task in tasks]
        if all(value == values[0] for value in values):
            common[name] = values[0]
        elif all(isinstance(value, float) for value in values):
            common[name] = statistics.fmean(values)
        elif all(isinstance(value, int) and not isinstance(value, bool) for value in values):
            common[name] = statistics.median_low(values)
        else:
            common[name] = Counter(values).most_common(1)[0][0]
    return tasks[0].with_settings(**common)
