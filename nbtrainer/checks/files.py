"""The check of the files: each image, each label, how both fit together, and all of them as a set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from nbtrainer.checks.survey import Survey
from nbtrainer.config import Config
from nbtrainer.data.axes import said
from nbtrainer.data.facts import ImageFacts, LabelFacts, image_facts, label_facts
from nbtrainer.data.pair import Pair
from nbtrainer.data.views import View
from nbtrainer.errors import Finding, UserError

# below this the score of a validation says little about other images
_FEW_IMAGES = 5
# more values than this and less background than this: hardly a label
_MANY_VALUES, _HARDLY_ANY = 64, 0.01


def check_files(config: Config, surveyed: Survey) -> Iterator[Finding]:
    """Findings about every pair, and if all can be read about all of them together."""
    yield from _leaks(surveyed)
    broken = False
    channels: dict[int, Path] = {}
    checked: set[tuple[Path, Path]] = set()
    for pair in surveyed.pairs:
        if (pair.image, pair.label) in checked:  # another slice or part of the same files
            continue
        checked.add((pair.image, pair.label))
        problems = list(_pair(config, surveyed, pair, channels))
        broken = broken or any(problem.level == "error" for problem in problems)
        yield from problems
    if broken or surveyed.problems or not surveyed.pairs:
        return
    yield from _channels_agree(config, channels)
    yield from _counts(surveyed, config)
    if surveyed.split.train:
        yield from _labels(config, surveyed)


def _leaks(surveyed: Survey) -> Iterator[Finding]:
    """Images that are used twice; an image that trains must not judge."""

    def used(pair: Pair) -> tuple[object, ...]:
        return pair.image, pair.slice, pair.part

    trains = {used(pair) for pair in surveyed.split.train}
    for pair in [*surveyed.split.validation, *surveyed.split.test]:
        if used(pair) in trains:
            yield Finding(
                where=str(pair.image),
                wrong="this image is there twice, once to train and once to validate or test",
                remedy="Take it out of one of the datasets: what trains cannot judge",
            )
    seen: set[object] = set()
    for pair in surveyed.split.train:
        if used(pair) in seen:
            yield Finding(
                level="warning", where=str(pair.image), wrong="this image trains twice", remedy="Is that meant?"
            )
        seen.add(used(pair))


def _pair(config: Config, surveyed: Survey, pair: Pair, channels: dict[int, Path]) -> Iterator[Finding]:
    if pair.image == pair.label:
        wrong = "this file is both image and label"
        yield Finding(where=str(pair.image), wrong=wrong, remedy="Choose the folder of the labels")
        return
    is_exact = config.data.exact_statistics
    image, label = image_facts(pair.image, is_exact), label_facts(pair.label, is_exact)
    for path, facts in ((pair.image, image), (pair.label, label)):
        if facts.problem:
            remedy = facts.remedy or "Export it again, or take the pair out"
            yield Finding(where=str(path), wrong=facts.problem, remedy=remedy)
    if image.problem or label.problem:
        return
    if label.colours:
        yield Finding(
            where=str(pair.label),
            wrong="it is a colour image",
            remedy="A label has one whole number per pixel: export it so",
            fix="colours",
        )
        return
    try:
        opened = surveyed.preparation.open(pair)[0]
    except (UserError, ValueError) as error:
        yield from _refusal(pair, error)
        return
    channels.setdefault(opened.channels, pair.image)
    yield from _label(pair, label)
    yield from _image(pair, image, opened)
    if pair.by_order:
        yield Finding(
            level="warning",
            where=str(pair.image),
            wrong=f"it is paired with {pair.label.name} by order, and the names differ",
            remedy="Give both the same name if they do not belong together",
        )


def _refusal(pair: Pair, error: UserError | ValueError) -> Iterator[Finding]:
    if isinstance(error, UserError):
        yield from error.findings
    else:
        yield Finding(where=str(pair.label), wrong=str(error))


def _label(pair: Pair, label: LabelFacts) -> Iterator[Finding]:
    if not label.whole:
        yield Finding(
            where=str(pair.label),
            wrong=f"it holds values that are not whole numbers ({label.dtype})",
            remedy="A label is one whole number per pixel; was the raw image chosen instead, or the label resized?",
        )
    elif label.values and label.values[0] < 0:
        yield Finding(
            where=str(pair.label),
            wrong=f"it holds the negative value {label.values[0]}",
            remedy="Labels start at 0, the background",
        )
    elif len(label.values) > _MANY_VALUES and label.zeros < _HARDLY_ANY:
        yield Finding(
            level="warning",
            where=str(pair.label),
            wrong=f"it holds {len(label.values):,} different values and hardly any 0 (background)",
            remedy="Is this a raw image? Images and labels may be swapped",
        )


def _image(pair: Pair, image: ImageFacts, opened: View) -> Iterator[Finding]:
    if not image.finite:
        yield Finding(
            where=str(pair.image),
            wrong="it holds values that are no numbers (NaN or infinity)",
            remedy="Replace them, for example by 0, and save the image again",
        )
    if image.minimum == image.maximum:
        yield Finding(
            level="warning",
            where=str(pair.image),
            wrong=f"every pixel has the value {image.minimum:g}",
            remedy="Is this image empty?",
        )
    if min(opened.shape) < 1:
        yield Finding(where=str(pair.image), wrong=f"it is {said(opened.shape)}", remedy="Take it out")


def _channels_agree(config: Config, channels: dict[int, Path]) -> Iterator[Finding]:
    if len(channels) > 1:
        (first, one), (second, other) = list(channels.items())[:2]
        yield Finding(
            where=str(other),
            wrong=f"it has {_channels(second)}, but {one.name} has {_channels(first)}",
            remedy="All images need the same number of channels; train on one kind at a time, or set data.channel_rule "
            "and model.input_channels",
        )
    expected = config.model.input_channels
    if expected != "auto" and expected not in channels:
        yield Finding(
            where="model.input_channels",
            wrong=f"the network expects {_channels(expected)}, but the images have {_channels(next(iter(channels)))}",
            remedy="Set it to auto, or data.channel_rule to copy channels",
        )


def _labels(config: Config, surveyed: Survey) -> Iterator[Finding]:
    is_exact = config.data.exact_statistics
    train = surveyed.label_values([*surveyed.split.train, *surveyed.split.validation], is_exact)
    wanted = [value for value in config.data.labels_of_interest if value]
    foreground = [value for value in train if value != 0 and (not wanted or value in wanted)]
    where = str(surveyed.pairs[0].label.parent)
    if not foreground and wanted and any(train):
        yield Finding(
            where="data.labels_of_interest",
            wrong=f"none of the labels holds {', '.join(map(str, wanted[:5]))}",
            remedy=f"The labels hold {', '.join(map(str, train[:10]))}",
        )
    elif not foreground:
        yield Finding(
            where=where,
            wrong="every label is all background (only 0)",
            remedy="Check that these are the labels, and that foreground has another value than 0",
        )
    elif 0 not in train and not wanted and len(train) == 1:
        yield Finding(
            where=where,
            wrong=f"every pixel of every label is foreground (only {train[0]})",
            remedy="Background must be 0",
        )
    elif len(foreground) > 2 and config.task.kind == "binary" and not wanted:
        yield Finding(
            level="warning",
            where=where,
            wrong=f"the labels number up to {len(foreground):,} objects or classes; here all of them count as foreground",
            remedy="That is right for telling foreground from background; touching objects will not be told apart",
        )


def _counts(surveyed: Survey, config: Config) -> Iterator[Finding]:
    train, validation = len(surveyed.split.train), len(surveyed.split.validation)
    images = len({(pair.image, pair.slice) for pair in [*surveyed.split.train, *surveyed.split.validation]})
    if not train:
        yield Finding(
            where="data.datasets", wrong="no image is left to train", remedy="Use at least one dataset for training"
        )
    elif images < _FEW_IMAGES:
        yield Finding(
            level="warning",
            where="data.datasets",
            wrong=f"there are only {images} images" if images > 1 else "there is only one image",
            remedy="The score will say little about other images; augmentation helps, more images help more",
        )
    if train and not validation and config.data.validation_fraction > 0:
        yield Finding(
            level="warning",
            where="data.validation_fraction",
            wrong="there is nothing to validate on: the only image trains",
            remedy="Add a second image to see whether the network has learned or memorised",
        )
    blocks = [(pair, pair.part) for pair in surveyed.split.validation if pair.part is not None]
    if blocks and images == 1:
        pair, part = blocks[0]
        yield Finding(
            level="warning",
            where=str(pair.image),
            wrong=f"a block of the only image validates ({said([stop - start for start, stop in part])} pixels)",
            remedy="Its score says how the network does on this image, not on others",
        )


def _channels(count: int) -> str:
    return "1 channel" if count == 1 else f"{count} channels"
