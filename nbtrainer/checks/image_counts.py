"""The check of how many images train and validate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nbtrainer.config import Config
from nbtrainer.data.name_patterns import find_in_names
from nbtrainer.data.pair import Pair
from nbtrainer.datasets.survey import Survey
from nbtrainer.errors import Finding
from nbtrainer.io.axes import format_shape

# below this the score of a validation says little about other images
_FEW_IMAGES = 5


def check_counts(config: Config, surveyed: Survey) -> Iterator[Finding]:
    """Findings about how many images train and validate."""
    train, validation = surveyed.split.train, surveyed.split.validation
    images = len({(pair.image, pair.slice) for pair in [*train, *validation]})
    if not train:
        yield Finding(
            where="data.datasets", wrong="no image is left to train", remedy="Use at least one dataset for training"
        )
        return
    if images < _FEW_IMAGES:
        yield Finding(
            level="warning",
            where="data.datasets",
            wrong=f"there are only {images} images" if images > 1 else "there is only one image",
            remedy="The score will say little about other images; augmentation helps, more images help more",
        )
    yield from _validation(config, surveyed, images)
    score = config.training.monitor.removeprefix("validation_")
    is_of_labels = score not in (config.training.monitor, "loss")
    if is_of_labels and validation and all(pair.label is None for pair in validation):
        yield Finding(
            where="training.monitor",
            wrong=f"the best model is to be found by {score.replace('_', ' ')}, but no image that validates has a label",
            remedy="Give labels to score with, or choose auto",
            suggestions=("auto",),
        )


def _validation(config: Config, surveyed: Survey, images: int) -> Iterator[Finding]:
    settings, validation = config.data, surveyed.split.validation
    if not validation and settings.validation_fraction > 0:
        if settings.split_groups and images > 1:
            where, wrong = (
                "data.split_groups",
                "it finds the same text in all names, so that nothing is left to validate on",
            )
            remedy = "Try an expression that finds different texts, such as mouse\\d+"
        elif images > 1:
            where, wrong = "data.datasets", "every image is there to train or test, and none to validate"
            remedy = "Use one dataset for validation, or for both"
        else:
            where, wrong = "data.validation_fraction", "there is nothing to validate on: the only image trains"
            remedy = "Add a second image to see whether the network has learned or memorised"
        yield Finding(level="warning", where=where, wrong=wrong, remedy=remedy)
    elif settings.split_groups and not _any_found(settings.split_groups, surveyed.listed):
        yield Finding(
            level="warning",
            where="data.split_groups",
            wrong=f"{settings.split_groups!r} is found in no name, so that each image goes by itself",
            remedy="Look at the names in the pair table, and correct it",
        )
    blocks = [(pair, pair.crop) for pair in validation if pair.crop is not None]
    if blocks and images == 1:
        pair, part = blocks[0]
        yield Finding(
            level="warning",
            where=str(pair.image),
            wrong=f"a block of the only image validates ({format_shape([stop - start for start, stop in part])} pixels)",
            remedy="Its score says how the network does on this image, not on others",
            files=(str(pair.image),),
        )


def _any_found(expression: str, pairs: Sequence[Pair]) -> bool:
    return any(
        match is not None
        for match in find_in_names(expression, [pair.image.name for pair in pairs], "data.split_groups")
    )
