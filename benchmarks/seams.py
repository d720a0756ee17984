"""Tiled prediction against the whole image at once, on a trained network: how much they differ, and which is better."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

import nbtrainer as nbt
from benchmarks.quality import SETS, divided, files
from nbtrainer import metrics
from nbtrainer.data.picture import grey, limits
from nbtrainer.data.read import read
from nbtrainer.inference.tiled import predict_tiled

_TILES = (128, 192, 256, 384, 512)


def seams(name: str, preset: str, data: Path, steps: int, picture: Path | None = None) -> Iterator[dict[str, Any]]:
    """A row for each tile size, and for the whole image: agreement with the whole, and the score against the label.

    `picture`: where to draw the foreground's probability of the last image, tiled, with what is seen of seams.
    """
    chosen = SETS[name]
    with tempfile.TemporaryDirectory() as folder:
        training, validation = divided(chosen, data / name, Path(folder))
        config = nbt.Config.preset(preset)
        config.update(**chosen.settings)
        config.update(
            data={"datasets": [training, validation]},
            training={"iterations": steps, "steps_per_epoch": steps, "precision": "float32"},
            output={"root": f"{folder}/runs", "preview_tiles": 0},
        )
        run = nbt.train(config)
        model = nbt.load_model(run.directory)
        image, label = (files(validation[kind])[0] for kind in ("images", "labels"))
        view = model.prediction(image)  # for what was prepared
        array = view.image()
        normalised = model.normalizer.measure(array).apply(array)
        truth = read(label)
    multiple = 2 ** (len(config.model.features) - 1)
    sides = [-(-length // multiple) * multiple for length in normalised.shape[1:]]
    whole = predict_tiled(model.network, normalised, sides, torch.device("cpu"))
    labels = model.task.decode(whole)
    first = model.task.default_metrics[0]
    yield {"tile": "whole image", "agreement": 1.0, first: _score(model, labels, truth, first)}
    for side in _TILES:
        tiled = predict_tiled(model.network, normalised, (side, side), torch.device("cpu"))
        own = model.task.decode(tiled)
        yield {
            "tile": side,
            "agreement": _score(model, own, labels, first),
            first: _score(model, own, truth, first),
            "largest difference": round(float(np.abs(tiled - whole).max()), 3),
            "standard deviation of the output": round(float(whole.std()), 3),
        }
        if picture is not None and side == config.sampling.patch_size[-1]:
            _draw(picture, model, normalised, tiled)


def _score(model: Any, predicted: np.ndarray, truth: np.ndarray, name: str) -> float:
    return round(metrics.scores(model.task.tally_labels(predicted, truth, [name]), [name])[name], 4)


def _draw(path: Path, model: Any, image: np.ndarray, tiled: np.ndarray) -> None:
    import imageio.v3 as imageio

    map_ = list(model.task.maps(tiled).values())[-1]
    shown = np.hstack([grey(image, limits(image)), np.repeat(255 * map_[..., None], 3, -1)])
    imageio.imwrite(path, shown.astype(np.uint8))
