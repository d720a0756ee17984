"""Tiled prediction against the whole image at once, on a trained network: how much they differ, and which is better."""

from __future__ import annotations

import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import nbtrainer as nbt
from benchmarks.quality import SETS, Set, configured, divided, files
from nbtrainer import metrics
from nbtrainer.data.overlay import grey, limits
from nbtrainer.inference.predictor import Predictor
from nbtrainer.inference.tiled import predict_tiled, prediction_tile

_TILES = {2: (128, 192, 256, 384, 512), 3: (32, 48, 64, 96)}
_WHOLE, _OURS = "whole image", "as predict does"


def seams(
    name: str, preset: str, data: Path, steps: int, picture: Path | None = None, kept: Path | None = None
) -> Iterator[dict[str, Any]]:
    """A row for the whole image and for each size of tiles: agreement with the whole, and the score against the label.

    Objects or pixels of all validation images are counted together. `picture`: where to draw the last image and what is
    predicted of it in tiles as `predict` takes them, with what is seen of seams. `kept`: a folder of an earlier
    call whose model is taken, or in which it is kept.
    """
    chosen = SETS[name]
    with tempfile.TemporaryDirectory() as folder:
        training, validation = divided(chosen, data / name, Path(folder))
        if kept is None or not kept.exists():
            trained = _trained(chosen, preset, steps, [training, validation], folder)
            kept = trained if kept is None else Path(shutil.copytree(trained, kept))
        model = nbt.load_model(kept)
        own, multiples = tuple(model.record["tile"]), model.divisors
        score = model.task.default_metrics[0]
        agreed, scored = defaultdict(list), defaultdict(list)
        for image, label in zip(files(validation["images"]), files(validation["labels"]), strict=True):
            array = model.prediction(image).image()  # as it was prepared
            normalised = model.normalizer.measure(array).apply(array)
            truth = model.read_label(label, array.shape[1:], label.name)
            whole = None
            ours = prediction_tile(own, shape=truth.shape, divisors=multiples)
            # one tile, as few pixels larger as the network needs; mirrored to the tile of the training where it is smaller
            full = [
                max(tile, -(-length // each) * each)
                for tile, length, each in zip(own, truth.shape, multiples, strict=True)
            ]
            for side in (_WHOLE, _OURS, *_TILES[truth.ndim]):
                tile = {_WHOLE: full, _OURS: ours}.get(side, [side] * truth.ndim)
                output = predict_tiled(model.network, normalised, tile, model.device, divisors=multiples)
                predicted = model.task.decode(output)
                whole = predicted if whole is None else whole
                agreed[side].append(model.task.tally_labels(predicted, _as_truth(model, whole), [score]))
                scored[side].append(model.task.tally_labels(predicted, truth, [score]))
                if picture is not None and side == _OURS:
                    _draw(picture, model, normalised, output, predicted)
    for side in agreed:
        yield {
            "tile": side,
            "agreement": _score(agreed[side], score, model),
            score: _score(scored[side], score, model),
        }


def _trained(chosen: Set, preset: str, steps: int, datasets: list[dict[str, str]], folder: str) -> Path:
    run = nbt.train(configured(chosen, preset, datasets, folder, iterations=steps, steps_per_epoch=min(200, steps)))
    if run.status != "finished":
        raise RuntimeError(run.error)
    return run.directory


def _as_truth(model: Predictor, predicted: np.ndarray) -> np.ndarray:
    """Predicted labels as if they were true ones: of kinds without classes every object is foreground."""
    values = model.task.labels_of_interest
    return np.where(predicted > 0, values[0], 0) if values and not model.task.classes else predicted


def _score(tallies: list[Any], name: str, model: Predictor) -> float:
    return round(metrics.overall(tallies, [name], classes=model.task.classes)[name], 4)


def _draw(path: Path, model: Predictor, image: np.ndarray, output: np.ndarray, predicted: np.ndarray) -> None:
    import imageio.v3 as imageio
    from skimage.color import label2rgb

    map_ = list(model.task.probability_maps(output).values())[-1]
    middle = () if map_.ndim == 2 else (map_.shape[0] // 2,)
    plane = (slice(None), *middle)
    seen = grey(image[plane], limits(image))
    painted = 255 * label2rgb(predicted[middle], bg_label=0)
    imageio.imwrite(path, np.hstack([seen, np.repeat(255 * map_[middle][..., None], 3, -1), painted]).astype(np.uint8))
