"""A trained model: everything that prediction needs comes out of one checkpoint."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nbtrainer import models
from nbtrainer.catalog import TASKS
from nbtrainer.data.normalize import Normalizer
from nbtrainer.data.read import channels_first, read
from nbtrainer.errors import UserError
from nbtrainer.inference.tiled import predict_tiled


class Predictor:
    """A network with its task, its normalisation and the size of its tiles."""

    def __init__(self, record: dict[str, Any], path: Path | None = None, device: str = "auto") -> None:
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        self.path = path
        self.record = record
        self.device = torch.device(device)
        self.task = TASKS.load(record["task"]["name"]).from_record(record["task"]["settings"])
        self.normalizer = Normalizer(**{**record["normalization"], "range": tuple(record["normalization"]["range"])})
        self.network = models.create(**record["network"])
        self.network.load_state_dict(record["weights"])
        self.network.to(self.device).eval()

    def __repr__(self) -> str:
        return f"<model {self.record['network']['name']} for {self.task.name} segmentation, {self.path}>"

    def predict(self, image: Any) -> np.ndarray:
        """The label image of `image`, an array or the path of a file: integers with the image's spatial shape."""
        return np.asarray(self.task.decode(self.predict_raw(image)))

    def predict_raw(self, image: Any) -> np.ndarray:
        """What the network answers to `image`, an array or the path of a file: (K, [Z,] Y, X) float32 logits."""
        array, name = (
            (read(Path(image)), str(image)) if isinstance(image, str | os.PathLike) else (np.asarray(image), "image")
        )
        dim, expected = self.record["network"]["dim"], self.record["network"]["input_channels"]
        try:
            channels = channels_first(array, dim, self.record["channel_axis"])
        except ValueError as error:
            raise UserError(name, str(error), "Give an image like those the model was trained on") from None
        if len(channels) != expected:
            raise UserError(
                name,
                f"it has {len(channels)} channels, but the model was trained on {expected}",
                "Give an image like those the model was trained on",
            )
        normalised = self.normalizer.measure(channels).apply(channels)
        return predict_tiled(self.network, normalised, self.record["tile"], self.device)


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
