"""Objects that read, normalise and sample images, as the settings make them where a test names nothing else."""

from __future__ import annotations

import dataclasses
from typing import Any

from nbtrainer.config import Config
from nbtrainer.config.dataset import Dataset
from nbtrainer.data.images import Images
from nbtrainer.data.normalize import Normalizer
from nbtrainer.data.pair import Naming, Pair
from nbtrainer.data.patch_sampler import PatchSampler
from nbtrainer.data.preparation import Preparation
from nbtrainer.data.split import Split, split_pairs
from nbtrainer.datasets.survey import normalizer_of, preparation_of


def make_naming(**changes: Any) -> Naming:
    return dataclasses.replace(Dataset().naming(), **changes)


def make_preparation(**changes: Any) -> Preparation:
    return dataclasses.replace(preparation_of(Config()), **changes)


def make_normalizer(**changes: Any) -> Normalizer:
    return dataclasses.replace(normalizer_of(Config()), **changes)


def make_sampler(
    images: Images, shapes: list[tuple[int, ...]], patch_size: tuple[int, ...], **changes: Any
) -> PatchSampler:
    """Patches of `patch_size` from `images` of these `shapes`, with the seed 0; foreground is every label above 0."""
    settings = Config().sampling.model_dump(exclude={"patch_size", "whole_images"})
    settings |= {"seed": 0, "shuffle": Config().training.shuffle, "class_of": lambda label: (label > 0).astype("uint8")}
    return PatchSampler(images, shapes, patch_size, **(settings | changes))


def make_split(pairs: list[Pair], validation_fraction: float, **changes: Any) -> Split:
    data = Config().data
    settings = {"groups": data.split_groups, "gap": data.split_gap, "folds": data.folds, "fold": data.fold}
    return split_pairs(pairs, validation_fraction, **(settings | changes))
