"""A whole file predicted: of a time series one time point after the other, so that one is in memory at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nbtrainer.inference.predictor import Predictor
from nbtrainer.io.formats import Orientation
from nbtrainer.progress import OnProgress, report_part


@dataclass(kw_only=True)
class FilePrediction:
    """What a model found in a file.

    `labels` and each of `probability_maps` are ([T,] [Z,] Y, X), with the letters `axes`; `rows` describe the objects (see
    `labels.measure`), of a series with their `frame` first. `spacing` (micrometres) and `orientation` are those of the image,
    `diameters` those that were estimated.
    """

    labels: np.ndarray
    axes: str
    probability_maps: dict[str, np.ndarray] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    diameters: list[float] = field(default_factory=list)
    spacing: tuple[float, ...] | None = None
    orientation: Orientation | None = None


def predict_file(
    predictor: Predictor,
    file: Path,
    diameter: float | None = None,
    tta: int = 1,
    *,
    rescale: bool = False,
    stitch_above: float | None = None,
    adjusted: Mapping[str, Any] | None = None,
    with_maps: bool = False,
    with_measurements: bool = False,
    report: OnProgress | None = None,
) -> FilePrediction:
    """Predict all that is in `file`; arguments as for `Predictor.predict`. Raises `UserError` if it cannot be."""
    count = predictor.time_points(file)
    labels, maps, file_prediction = [], [], FilePrediction(labels=np.zeros(0), axes="")
    for frame in range(count or 1):
        prediction = predictor.prediction(
            file,
            diameter,
            tta,
            rescale=rescale,
            report=report_part(report, number=frame, count=count or 1),
            frame=frame,
        )
        labels.append(prediction.labels(stitch_above, **adjusted or {}))
        if with_maps:
            maps.append(prediction.probability_maps())
        if with_measurements:
            rows = prediction.measurements(labels[-1], stitched=stitch_above is not None)
            file_prediction.rows += [{"frame": frame, **row} for row in rows] if count is not None else rows
        if frame == 0:
            file_prediction.notes = prediction.notes
            file_prediction.axes = ("" if count is None else "T") + prediction.axes
            file_prediction.spacing, file_prediction.orientation = prediction.spacing, prediction.orientation
        file_prediction.diameters += [part.diameter for part in prediction.parts if part.diameter]
    file_prediction.labels = labels[0] if count is None else np.stack(labels)
    if maps:
        file_prediction.probability_maps = {
            name: maps[0][name] if count is None else np.stack([each[name] for each in maps]) for name in maps[0]
        }
    return file_prediction
