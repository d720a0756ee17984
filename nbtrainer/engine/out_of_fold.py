"""Scores of a cross-validation over all images, each scored by the model that did not train on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbtrainer import metrics
from nbtrainer.config import Config
from nbtrainer.data.fold_record import FoldRecord, fold_folder
from nbtrainer.datasets import pairs_of_run
from nbtrainer.inference import Predictor, load_model
from nbtrainer.inference.evaluate import label_metrics
from nbtrainer.inference.preview import try_out
from nbtrainer.inference.report import ImageReport, score_image
from nbtrainer.tasks import Task


def score_out_of_fold(folder: Path) -> dict[str, Any]:
    """`{"out_of_fold": {"overall", "images"}}` as `evaluate` gives scores, with the `fold` of each image, of a cross-validation
    in which every fold is trained; with thresholds as in the settings.

    If those of any fold were tuned, `out_of_fold_tuned` is the same with each fold's own. Images without a label are left
    out, and those of datasets that only validate, which are in every fold; of an image with regions each region is scored.
    """
    plain: list[tuple[int, ImageReport]] = []
    tuned: list[tuple[int, ImageReport]] = []
    was_tuned = False
    task: Task | None = None
    for fold in range(1, FoldRecord.read(folder).folds + 1):
        run = fold_folder(folder, fold)
        model = load_model(run)
        untuned = _as_set(model)
        was_tuned = was_tuned or untuned != model.task
        task = task or untuned
        names = label_metrics(untuned)
        for use, pair in pairs_of_run(run):
            if use != "validation" or pair.use != "auto" or pair.label is None:
                continue
            preview = try_out(model, pair)
            assert preview.truth is not None
            for own, scored in ((untuned, plain), (model.task, tuned)):
                thresholds = {name: getattr(own.settings, name) for name in own.adjustable}
                report = score_image(
                    pair.name,
                    None,
                    preview.labels(**thresholds),
                    label=preview.truth,
                    task=own,
                    names=names,
                    links=preview.links,
                )
                scored.append((fold, report))
    if task is None or not plain:
        return {"out_of_fold": {"overall": {}, "images": []}}
    scores = {"out_of_fold": _summary(plain, task)}
    return scores | ({"out_of_fold_tuned": _summary(tuned, task)} if was_tuned else {})


def _summary(scored: list[tuple[int, ImageReport]], task: Task) -> dict[str, Any]:
    tallies = [report.tally for _, report in scored]
    return {
        "overall": metrics.overall(tallies, label_metrics(task), classes=task.classes),
        "images": [{"image": report.name, "fold": fold, **report.scores} for fold, report in scored],
    }


def _as_set(model: Predictor) -> Task:
    """The task of a model with the thresholds of its settings, in the place of tuned ones."""
    settings = Config.of(model.record["config"]).task
    return model.task.with_settings(
        **{name: getattr(settings, name) for name in model.task.adjustable if hasattr(settings, name)}
    )
