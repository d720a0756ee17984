"""How large the objects of an image are, told by the network's style before anything is segmented."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nbtrainer.catalog import round_to_multiple
from nbtrainer.data.preparation import SMALLEST_DIAMETER
from nbtrainer.disk import write_aside, write_json
from nbtrainer.inference.device import for_any_size
from nbtrainer.models.style_unet import StyleUNet

_ARRAYS, _VALUES = "size_model.npz", "size_model.json"


@dataclass(frozen=True, eq=False, kw_only=True)
class SizeModel:
    """log(diameter / mean_diameter) = weights . (style - mean_style) + mean_log.

    Attributes
    ----------
    weights, mean_style
        (S,) float32, S features of the style.
    mean_diameter
        What the training brought objects to, in pixels.
    mean_log
        Mean of log(diameter / mean_diameter) that it was fitted to.
    side, multiple
        Styles are those of blocks of at most `side` pixels; each side a multiple of `multiple`, by mirroring.
    """

    weights: np.ndarray
    mean_style: np.ndarray
    mean_diameter: float
    mean_log: float
    side: int
    multiple: int

    def diameter(self, style: np.ndarray) -> float:
        """Mean diameter of the objects in pixels, at least 5, of an image with this `style` (S,)."""
        log_ratio = float(self.weights @ (style - self.mean_style)) + self.mean_log
        return max(SMALLEST_DIAMETER, self.mean_diameter * math.exp(log_ratio))

    def style_of(self, network: StyleUNet, image: np.ndarray) -> np.ndarray:
        """The style of a normalised `image`: see `image_style`."""
        return image_style(network, image, side=self.side, multiple=self.multiple)

    def as_record(self) -> dict[str, Any]:
        """Tensors and plain values for a checkpoint; `SizeModel.from_record` gives it back."""
        arrays = {name: torch.from_numpy(array.copy()) for name, array in self._arrays().items()}
        return {**arrays, **self._values()}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> SizeModel:
        values: dict[str, Any] = {
            name: value.numpy() if torch.is_tensor(value) else value for name, value in record.items()
        }
        return cls(**values)

    def save(self, folder: Path, fit: dict[str, Any]) -> None:
        """Write `size_model.npz` (arrays) and `size_model.json` (values, and `fit`: how well it was fitted)."""
        with write_aside(folder / _ARRAYS) as aside:
            np.savez(aside, **self._arrays())  # type: ignore[arg-type]
        write_json(folder / _VALUES, {**self._values(), "fitted": fit})

    @classmethod
    def load(cls, folder: Path) -> SizeModel:
        """The size model that `save` wrote into `folder`."""
        values = json.loads((folder / _VALUES).read_text(encoding="utf-8"))
        del values["fitted"]
        with np.load(folder / _ARRAYS) as arrays:
            return cls(weights=arrays["weights"], mean_style=arrays["mean_style"], **values)

    def _arrays(self) -> dict[str, np.ndarray]:
        return {"weights": self.weights, "mean_style": self.mean_style}

    def _values(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in self._arrays()}


def fit_size_model(
    styles: np.ndarray,
    diameters: Sequence[float],
    mean_diameter: float,
    *,
    side: int,
    multiple: int,
    ridge: float = 1.0,
) -> SizeModel:
    """Ridge regression of log(diameter / mean diameter) on the style, both centred, as in Cellpose.

    `styles` (N, S) are those of N images whose objects have these `diameters` in pixels.
    """
    logs = np.log(np.asarray(diameters, float) / mean_diameter)
    mean_style, mean_log = styles.mean(axis=0, dtype=float), float(logs.mean())
    centred = styles - mean_style
    weights = np.linalg.solve(centred.T @ centred + ridge * np.eye(styles.shape[1]), centred.T @ (logs - mean_log))
    return SizeModel(
        weights=weights.astype(np.float32),
        mean_style=mean_style.astype(np.float32),
        mean_diameter=float(mean_diameter),
        mean_log=mean_log,
        side=side,
        multiple=multiple,
    )


def image_style(network: StyleUNet, image: np.ndarray, *, side: int, multiple: int) -> np.ndarray:
    """Style (S,) of unit length of a normalised image (C, Y, X): the mean of those of its blocks, by their area."""
    network = for_any_size(network)
    device = next(network.parameters()).device
    total: np.ndarray | None = None
    for region in product(*(_parts(length, side=side) for length in image.shape[1:])):
        block = image[(slice(None), *region)]
        missing = [round_to_multiple(length, multiple, math.ceil) - length for length in block.shape[1:]]
        padded = np.pad(block, [(0, 0), *((0, gap) for gap in missing)], mode="symmetric")
        with torch.inference_mode():
            style = network.style(torch.from_numpy(padded.astype(np.float32))[None].to(device))[0].cpu().numpy()
        total = block[0].size * style + (0 if total is None else total)
    assert total is not None
    return np.asarray(total / np.linalg.norm(total), np.float32)


def _parts(length: int, *, side: int) -> list[slice]:
    """An axis in as few parts of at most `side` as may be, about equally long."""
    ends = np.linspace(0, length, -(-length // side) + 1).round().astype(int).tolist()
    return [slice(start, stop) for start, stop in pairwise(ends)]
