"""A trained model: everything that prediction needs comes out of one checkpoint."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nbtrainer import models
from nbtrainer.catalog import TASKS
from nbtrainer.data.formats import Opened, open_image
from nbtrainer.data.normalize import Normalizer
from nbtrainer.data.preparation import Preparation
from nbtrainer.data.views import Held, View, whole
from nbtrainer.errors import UserError
from nbtrainer.inference.tiled import predict_variants


class Predictor:
    """A network with its task, its normalisation and the size of its tiles."""

    def __init__(self, record: dict[str, Any], path: Path | None = None, device: str = "auto") -> None:
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        self.path = path
        self.record = record
        self.device = torch.device(device)
        self.task = TASKS.load(record["task"]["name"]).from_record(record["task"]["settings"])
        self.normalizer = Normalizer.from_record(record["normalization"])
        self.preparation = _preparation(record)
        self.network = models.create(**record["network"])
        self.network.load_state_dict(record["weights"])
        self.network.to(self.device).eval()

    def __repr__(self) -> str:
        return f"<model {self.record['network']['name']} for {self.task.name} segmentation, {self.path}>"

    def predict(self, image: Any, diameter: float | None = None, variants: int = 1) -> np.ndarray:
        """The label image of `image`, an array or the path of a file: integers with the image's spatial shape.

        A stack, where the model is for 2D, gives a stack of labels. `diameter`: of the objects in pixels, for a model
        that was trained on objects of one size. `variants`: so many ways to flip and turn the image are averaged
        (1; 2; 4 are flips; 8 has quarter turns too, in 3D 16): slower, and often a little better.
        """
        return self._stacked(image, lambda view, name: self._labels(view, name, diameter, variants))

    def predict_raw(self, image: Any, diameter: float | None = None, variants: int = 1) -> np.ndarray:
        """What the network answers to `image`, an array or the path of a file: (K, [Z,] Y, X) float32 logits.

        A stack, where the model is for 2D, gives (K, N, Y, X).
        """
        return self._stacked(image, lambda view, name: self._raw_in_place(view, name, diameter, variants), axis=1)

    def _stacked(self, image: Any, answer: Callable[[View, str], np.ndarray], axis: int = 0) -> np.ndarray:
        """`answer` for the image, or for each of a stack's images, joined along `axis`."""
        source: Any
        if isinstance(image, str | os.PathLike):
            source, name = open_image(Path(image)), str(image)
        else:
            array = np.asarray(image)
            source, name = Opened(array, "?" * array.ndim, {}), "image"
        layout = self.preparation.layout_of(source, name)
        count = layout.count(source.shape)
        answers = [answer(self.preparation.image(source, name, index, layout), name) for index in range(count)]
        return answers[0] if layout.slices is None else np.stack(answers, axis=axis)

    def _raw(self, view: View, name: str, diameter: float | None, variants: int) -> np.ndarray:
        """Output for the image, in the size that the network sees."""
        expected = self.record["network"]["input_channels"]
        if view.channels != expected:
            raise UserError(
                name,
                f"it has {view.channels} channels, but the model was trained on {expected}",
                "Give an image like those the model was trained on",
            )
        sized = self.preparation.sized(view, None, diameter)[0]
        image = whole(sized)
        if not np.isfinite(image).all():
            raise UserError(
                name, "it holds values that are no numbers (NaN or infinity)", "Replace them, for example by 0"
            )
        normalised = self.normalizer.measure(image).apply(image)
        return predict_variants(self.network, normalised, self.record["tile"], self.device, variants)

    def _labels(self, view: View, name: str, diameter: float | None, variants: int) -> np.ndarray:
        decoded = np.asarray(self.task.decode(self._raw(view, name, diameter, variants)))
        return whole(self.preparation.back(Held(decoded, is_label=True), view.shape))

    def _raw_in_place(self, view: View, name: str, diameter: float | None, variants: int) -> np.ndarray:
        return whole(self.preparation.back(Held(self._raw(view, name, diameter, variants)), view.shape))


def _preparation(record: dict[str, Any]) -> Preparation:
    """How images are read and prepared for the model in `record`; labels are not asked for."""
    if "preparation" in record:
        return Preparation.from_record(record["preparation"])
    return Preparation(dim=record["network"]["dim"], channel_axis=record["channel_axis"])


def load_model(path: str | os.PathLike[str], device: str = "auto") -> Predictor:
    """The model in a checkpoint or the folder of a run (see `load_checkpoint`)."""
    file = checkpoint_file(Path(path))
    return Predictor(load_checkpoint(file), file, device)


def checkpoint_file(path: Path) -> Path:
    """The checkpoint that `path` means: itself, or of a run's folder the best one, else the last.

    Raises `UserError` if there is none.
    """
    if not path.is_dir():
        return path
    from nbtrainer.inference.find import best_checkpoint

    found = best_checkpoint(path)
    if found is None:
        raise UserError(str(path), "this folder holds no model", "Give a checkpoint (.pt) or the folder of a run")
    return found


def load_checkpoint(file: Path) -> dict[str, Any]:
    """The record in a checkpoint; loads plain tensors and values only, never code. Raises `UserError`."""
    try:
        record = torch.load(file, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(str(file), "there is no such file or folder", "Check the path") from None
    except (RuntimeError, OSError, EOFError, ValueError, pickle.UnpicklingError, KeyError):
        raise UserError(
            str(file), "this is not a readable checkpoint", "Give a .pt file written by nbtrainer"
        ) from None
    if not isinstance(record, dict) or record.get("format") != 1:
        raise UserError(str(file), "this checkpoint was not written by nbtrainer", "Give a file written by nbtrainer")
    return record
