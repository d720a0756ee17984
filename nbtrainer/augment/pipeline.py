"""All transforms of a patch: which module each is, their random numbers, and their application in order."""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from nbtrainer.augment import transforms
from nbtrainer.augment.spatial import SpatialTransform, compose
from nbtrainer.config.transforms import SpatialSettings, Transform

# by the `kind` of their settings: the modules of the folder
MODULES: dict[str, ModuleType] = {
    name: import_module(f"{transforms.__name__}.{name}") for _, name, _ in pkgutil.iter_modules(transforms.__path__)
}
_TAKES_IGNORED = {
    kind
    for kind, module in MODULES.items()
    if hasattr(module, "apply") and "ignored" in inspect.signature(module.apply).parameters
}


@dataclass(frozen=True)
class SampledTransform:
    """A transform that is to be applied, with its random numbers."""

    kind: str
    params: Any


def sample_spatial(rng: np.random.Generator, settings: Sequence[Transform], size: Sequence[int]) -> SpatialTransform:
    """The spatial ones of `settings`, drawn for a patch of `size` ([z,] y, x) and composed in their order.

    Rotations, zooms and shears are in the plane; of a volume, flips and deformations are along z too.
    """
    drawn = [
        MODULES[transform.kind].sample_params(rng, transform, size)
        for transform in settings
        if isinstance(transform, SpatialSettings)
        and (transform.is_drawn_per_axis or rng.random() < transform.probability)
    ]
    return compose(drawn, len(size))


def sample_params(
    rng: np.random.Generator, settings: Sequence[Transform], shape: Sequence[int]
) -> list[SampledTransform]:
    """The others of `settings`, drawn for a patch of `shape` ([z,] y, x), in their order.

    What is for volumes leaves a flat patch as it is.
    """
    drawn = []
    for transform in settings:
        if transform.kind not in MODULES or isinstance(transform, SpatialSettings) or len(shape) not in transform.dims:
            continue
        if rng.random() < transform.probability:
            params = MODULES[transform.kind].sample_params(rng, transform, shape)
            drawn.append(SampledTransform(transform.kind, params))
    return drawn


def apply_transforms(
    image: np.ndarray, label: np.ndarray, sampled: Sequence[SampledTransform], *, ignored: int
) -> tuple[np.ndarray, np.ndarray]:
    """`image` (C, [Z,] Y, X) float32 and `label` ([Z,] Y, X) unsigned integers, changed; both keep dtype and shape.

    `ignored` is the label's value of pixels that are not annotated.
    """
    for transform in sampled:
        apply = MODULES[transform.kind].apply
        if transform.kind in _TAKES_IGNORED:
            image, label = apply(image, label, transform.params, ignored=ignored)
        else:
            image, label = apply(image, label, transform.params)
    return image, label
