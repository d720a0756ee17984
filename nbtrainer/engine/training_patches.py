"""The patches that training draws: images, their normalisation, sampling and augmentation put together."""

from __future__ import annotations

import dataclasses
from typing import Any

from nbtrainer.augment.patches import Patches
from nbtrainer.config import Config
from nbtrainer.data.cache import Cache
from nbtrainer.data.fingerprints import Fingerprints
from nbtrainer.data.images import Images
from nbtrainer.data.patch_sampler import PatchSampler
from nbtrainer.data.statistics import pool
from nbtrainer.datasets import Survey, survey
from nbtrainer.datasets.survey import normalizer_of, spacing_in
from nbtrainer.datasets.task_from_data import task_of
from nbtrainer.engine.resolve_auto import input_channels_in, resolve_auto
from nbtrainer.environment import available_memory
from nbtrainer.errors import DataError, SettingError
from nbtrainer.io.formats import version
from nbtrainer.tasks import Task

# decoded images may take this share of the memory that is free when a run starts
_CACHE_SHARE = 0.25
_last_patches: dict[Any, Patches] = {}
# of training, validation and test images, and of what the form has opened
_cache = Cache(0)


def training_patches(config: Config) -> Patches:
    """The patches that training with `config` draws; keeps what it opened for the next call with the same.

    Raises `UserError` if the data cannot be listed.
    """
    if len(config.sampling.patch_size) != config.task.dim and not config.sampling.whole_images:
        given = len(config.sampling.patch_size)
        raise SettingError("sampling.patch_size", f"{given} numbers were given", f"Give {config.task.dim} of them")
    surveyed = survey(config)
    if surveyed.problems:
        raise DataError.of(surveyed.problems)
    if not surveyed.split.train:
        raise DataError("data.datasets", "no image is left to train", "Add a dataset")
    files = [version(path) for pair in surveyed.split.train for path in pair.files]
    settings = config.model_dump_json(exclude={"output"})
    key = (settings, str(surveyed.split.train), tuple(files))
    patches = _last_patches.get(key)
    if patches is None:
        task = create_task(config, surveyed)
        patches = create_patches(resolve_auto(config, surveyed, task), surveyed, task)
        _last_patches.clear()  # of one config only: the data may be large
        _last_patches[key] = patches
    return patches


def create_task(config: Config, surveyed: Survey) -> Task:
    """The task of `config`, with what its data add: spacing, class frequencies, number of input channels."""
    return task_of(
        config,
        surveyed,
        spacing=spacing_in(config, surveyed) or (),
        frequencies=surveyed.label_frequencies(surveyed.split.train),
        input_channels=input_channels_in(config, surveyed),
    )


def create_patches(config: Config, surveyed: Survey, task: Task, fingerprints: Fingerprints | None = None) -> Patches:
    """The training patches of what was surveyed, sampled and augmented as `config` says; nothing in it may be `auto`.

    `fingerprints`: of the files, to notice one that changes while it trains.
    """
    images = _normalized_images(config, surveyed, fingerprints)
    settings = config.sampling.model_dump(exclude={"patch_size", "whole_images"})
    if config.sampling.whole_images:
        settings["method"] = "image"
    sampler = PatchSampler(
        images,
        [images.shape(index) for index in range(len(images))],
        tuple(config.sampling.patch_size),
        seed=config.training.seed,
        shuffle=config.training.shuffle,
        class_of=task.class_of,
        **settings,
    )
    return Patches(sampler, config.augmentation)


def _normalized_images(config: Config, surveyed: Survey, fingerprints: Fingerprints | None) -> Images:
    """The training images; normalised as the settings say, on the whole set if they say so."""
    _cache.limit = int(_CACHE_SHARE * (available_memory() + _cache.held))
    train = surveyed.split.train
    exact = config.data.exact_statistics
    images = Images(
        pairs=train,
        normalizer=normalizer_of(config),
        preparation=surveyed.preparation,
        cache=_cache,
        is_exact=exact,
        fingerprints=fingerprints,
    )
    if images.normalizer.scope == "dataset":
        every = pool(images.channel_stats(index) for index in range(len(train)))
        images.normalizer = dataclasses.replace(images.normalizer, fixed=images.normalizer.fit(every))
    return images
