"""The size model learned at the end of a run: crops of known size, and what the network's style says of them."""

from __future__ import annotations

import dataclasses
import math
import time
from typing import Any

import numpy as np

from nbtrainer.augment.spatial import SpatialTransform
from nbtrainer.augment.warp import warp_patch
from nbtrainer.catalog import round_to_multiple
from nbtrainer.data.images import Images
from nbtrainer.inference.device import for_any_size
from nbtrainer.inference.size_model import SizeModel, fit_size_model, image_style
from nbtrainer.models.style_unet import StyleUNet
from nbtrainer.progress import OnProgress
from nbtrainer.tasks import Task

# Cellpose goes 10 times through its images; few images are gone through more often, as the penalty asks for examples
_PASSES, _LEAST_CROPS = 10, 240
_VALIDATION_CROPS = 40
# objects become between half and twice as large as they are in the file
_LARGEST_FACTOR = 2.0
_LARGEST_SIDE_PX = 512
# crops with less foreground tell nothing of the size of objects, and are drawn again
_LEAST_FOREGROUND, _TRIES = 0.01, 10


def learn_sizes(
    network: StyleUNet,
    task: Task,
    training: Images,
    *,
    validation: Images,
    tile_side: int,
    multiple: int,
    seed: int,
    seconds: float,
    report: OnProgress,
) -> tuple[SizeModel, dict[str, Any]]:
    """A size model for `network`, and how well it does: plain values for people.

    Each training image is turned by any angle, scaled by any factor from 0.5 to 2 of its size in the file, and cut, ten
    times or more. `tile_side` and `multiple` are those of the training patches; crops are up to twice as wide. The time
    of all this is at most about `seconds`, unless not even one crop an image fits into it.
    """
    network = for_any_size(network).eval()
    side = min(_LARGEST_SIDE_PX, 2 * tile_side)
    crops = max(_PASSES * len(training), _LEAST_CROPS)
    total = crops + (_VALIDATION_CROPS if len(validation) else 0)
    rng = np.random.default_rng([seed, 3])
    ends = time.monotonic() + seconds
    cutter = _Cutter(task, training, side=side, multiple=multiple)
    styles, diameters = [], []
    for number in range(crops):
        if number >= len(training) and time.monotonic() > ends:
            break
        report(number, total)
        image, diameter = cutter.crop(number % len(training), rng)
        styles.append(image_style(network, image, side=side, multiple=multiple))
        diameters.append(diameter)
    mean_diameter = training.preparation.diameter
    model = fit_size_model(np.stack(styles), diameters, mean_diameter, side=side, multiple=multiple)
    fit: dict[str, Any] = {"crops": len(styles), "images": len(training)}
    fit["training"] = _typical_factor(model, styles, diameters)
    if len(validation):
        cutter = _Cutter(task, validation, side=side, multiple=multiple)
        styles, diameters = [], []
        for number in range(_VALIDATION_CROPS):
            if number >= len(validation) and time.monotonic() > ends + seconds / 2:
                break
            report(crops + number, total)
            image, diameter = cutter.crop(number % len(validation), rng)
            styles.append(image_style(network, image, side=side, multiple=multiple))
            diameters.append(diameter)
        fit["validation"] = _typical_factor(model, styles, diameters)
        blind = [math.exp(abs(math.log(diameter / mean_diameter) - model.mean_log)) for diameter in diameters]
        fit["validation_without"] = float(np.median(blind))
    return model, fit


class _Cutter:
    """Turned and scaled crops of images, whose objects were measured when they were brought to one diameter.

    They are cut from the images as they are in the file: what was shrunk has lost the detail that large objects show.
    """

    def __init__(self, task: Task, prepared: Images, *, side: int, multiple: int) -> None:
        self._task, self._prepared, self._side, self._multiple = task, prepared, side, multiple
        self._images = Images(
            pairs=prepared.pairs,
            normalizer=prepared.normalizer,
            preparation=dataclasses.replace(prepared.preparation, diameter=0.0),
            cache=prepared.cache,
            is_exact=prepared.is_exact,
            fingerprints=prepared.fingerprints,
        )

    def crop(self, index: int, rng: np.random.Generator) -> tuple[np.ndarray, float]:
        """A normalised crop (C, Y, X) of image `index`, and the diameter of its objects in pixels."""
        image, label = self._images.views(index)
        for _ in range(_TRIES):
            factor = math.exp(rng.uniform(-1, 1) * math.log(_LARGEST_FACTOR))
            angle = rng.uniform(0, 2 * math.pi)
            turned = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
            # no wider than the image is at this size, so that little is mirrored
            reach = factor * min(image.shape)
            side = int(min(self._side, round_to_multiple(reach, self._multiple)))
            half = (side - 1) / 2 / factor
            centre = [
                rng.uniform(min(half, middle), max(length - 1 - half, middle))
                for length in image.shape
                for middle in [(length - 1) / 2]
            ]
            pixels, truth = warp_patch(
                image,
                label,
                intensities=self._images.intensity_map(index),
                centre=centre,
                size=(side, side),
                transform=SpatialTransform(turned / factor),
            )
            if self._task.is_foreground(truth).mean() >= _LEAST_FOREGROUND:
                break
        shrunk = self._prepared.shape(index)[0] / image.shape[0]
        return pixels, self._prepared.preparation.diameter / shrunk * factor


def _typical_factor(model: SizeModel, styles: list[np.ndarray], diameters: list[float]) -> float:
    """By what factor the half of the diameters is off at most that is told best."""
    off = [abs(math.log(model.diameter(style) / own)) for style, own in zip(styles, diameters, strict=True)]
    return float(math.exp(np.median(off)))
