"""The check before a run: everything that is wrong or odd, in sentences, errors first."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path

from nbtrainer.catalog import TASKS, size_multiple
from nbtrainer.checks.survey import Survey, spatial_shape, survey
from nbtrainer.config import Config
from nbtrainer.data.pair import Pair
from nbtrainer.data.read import ImageFacts, LabelFacts, image_facts, label_facts
from nbtrainer.errors import Finding, UserError
from nbtrainer.runs.directory import free_name_problem

# below this the score of a validation says little about other images
_FEW_IMAGES = 5
# of findings that say the same of different files, this many are told one by one
_MOST_OF_A_KIND = 3
# more values than this and less background than this: hardly a label
_MANY_VALUES, _HARDLY_ANY = 64, 0.01


def check(config: Config) -> list[Finding]:
    """Findings about the settings, the files and how both fit together; errors first. Reads every file once."""
    try:
        config = Config.of(config).validated()
    except UserError as error:
        return error.findings
    if config.task.dim == 3:  # whatever else there is to say would be said of volumes
        return [Finding(where="task.dim", wrong="training on volumes is not built yet", remedy="Choose 2")]
    found = [*_settings(config), *_output(config)]
    if not config.data.datasets:
        found.append(
            Finding(
                where="data.datasets", wrong="no images are chosen", remedy="Add a folder of images and one of labels"
            )
        )
    else:
        surveyed = survey(config)
        found += surveyed.problems
        found += _grouped(_files(config, surveyed))
    return sorted(found, key=lambda finding: finding.level)


def _settings(config: Config) -> Iterator[Finding]:
    sampling, training = config.sampling, config.training
    if len(sampling.patch_size) != config.task.dim:
        axes = "height and width" if config.task.dim == 2 else "depth, height and width"
        yield Finding(
            where="sampling.patch_size",
            wrong=f"{len(sampling.patch_size)} numbers were given, but {config.task.dim}D patches have {axes}",
            remedy=f"Give {config.task.dim} numbers",
        )
    else:
        yield from _patch_size(config)
    start, end = config.normalization.range
    if config.normalization.method != "none" and not start < end:
        yield Finding(
            where="normalization.range",
            wrong=f"{start:g} to {end:g} is no range",
            remedy="The first number must be the smaller one",
        )
    if training.steps_per_epoch == 0:
        yield Finding(
            where="training.steps_per_epoch",
            wrong="an epoch of 0 steps trains nothing",
            remedy="Give 1 or more, or -1 for all",
        )
    yield from _device(config)
    pretrained = config.model.pretrained
    if pretrained and not config.resolve(pretrained).exists():
        yield Finding(
            where="model.pretrained",
            wrong=f"there is no file or folder {config.resolve(pretrained)}",
            remedy="Choose a checkpoint (.pt) or the folder of a run, or leave it empty",
        )
    if config.data.labels_of_interest and not any(config.data.labels_of_interest):
        yield Finding(where="data.labels_of_interest", wrong="0 is the background", remedy="List other values, or none")
    validates = config.data.validation_fraction > 0 or any(entry.use == "validation" for entry in config.data.datasets)
    if training.monitor.startswith("validation") and not validates:
        yield Finding(
            where="training.monitor",
            wrong="the best model is to be found by validation, but nothing is kept for validation",
            remedy="Raise data.validation_fraction, or choose auto or train_loss",
        )
    metrics = (
        TASKS.load(config.task.kind).default_metrics if config.compile.metrics == "auto" else config.compile.metrics
    )
    score = training.monitor.removeprefix("validation_")
    if training.monitor.startswith("validation_") and score != "loss" and score not in metrics:
        yield Finding(
            where="training.monitor",
            wrong=f"{score} is not among the metrics",
            remedy=f"Add {score} to compile.metrics, or choose auto",
        )


def _patch_size(config: Config) -> Iterator[Finding]:
    multiple = size_multiple(config.model.name, config.model.features)
    wrong = [length for length in config.sampling.patch_size if length % multiple or length < 2 * multiple]
    if wrong:
        near = sorted(
            {max(2 * multiple, wrong[0] // multiple * multiple), max(2 * multiple, -(-wrong[0] // multiple) * multiple)}
        )
        yield Finding(
            where="sampling.patch_size",
            wrong=f"{wrong[0]} does not suit the network, which needs multiples of {multiple}, at least {2 * multiple}",
            remedy=f"Try {' or '.join(map(str, near))}",
        )


def _device(config: Config) -> Iterator[Finding]:
    name = config.training.device
    kind, _, number = name.partition(":")
    if kind not in ("auto", "cpu", "cuda", "mps", "xla") or (number and not number.isdigit()):
        yield Finding(
            where="training.device", wrong=f"{name!r} is not a device", remedy="Choose auto, cpu, cuda, cuda:1 or mps"
        )
    if config.training.precision == "float16" and kind == "cpu":
        yield Finding(
            where="training.precision",
            wrong="float16 needs a graphics card, but the device is cpu",
            remedy="Choose auto, float32 or bfloat16",
        )


def _output(config: Config) -> Iterator[Finding]:
    problem = free_name_problem(config.resolve(config.output.root), config.output.data_task, config.output.name)
    if problem is not None:
        yield from problem.findings


def _files(config: Config, surveyed: Survey) -> Iterator[Finding]:
    dim = config.task.dim
    channels: dict[int, Path] = {}
    yield from _leaks(surveyed)
    broken = False
    for pair in surveyed.pairs:
        image, label = image_facts(pair.image), label_facts(pair.label, dim)
        problems = list(_pair(config, pair, image, label, channels))
        broken = broken or any(problem.level == "error" for problem in problems)
        yield from problems
    if broken or surveyed.problems or not surveyed.pairs:
        return
    if len(channels) > 1:
        (first, one), (second, other) = list(channels.items())[:2]
        yield Finding(
            where=str(other),
            wrong=f"it has {_channels(second)}, but {one.name} has {_channels(first)}",
            remedy="All images need the same number of channels; train on one kind at a time",
        )
    expected = config.model.input_channels
    if expected != "auto" and expected not in channels:
        yield Finding(
            where="model.input_channels",
            wrong=f"the network expects {_channels(expected)}, but the images have {_channels(next(iter(channels)))}",
            remedy="Set it to auto",
        )
    yield from _counts(surveyed, config)
    if surveyed.split.train:
        yield from _labels(config, surveyed)


def _leaks(surveyed: Survey) -> Iterator[Finding]:
    """Images that are used twice; an image that trains must not judge."""
    trains = {pair.image for pair in surveyed.split.train}
    for pair in [*surveyed.split.validation, *surveyed.split.test]:
        if pair.image in trains:
            yield Finding(
                where=str(pair.image),
                wrong="this image is there twice, once to train and once to validate or test",
                remedy="Take it out of one of the datasets: what trains cannot judge",
            )
    seen: set[Path] = set()
    for pair in surveyed.split.train:
        if pair.image in seen:
            yield Finding(
                level="warning", where=str(pair.image), wrong="this image trains twice", remedy="Is that meant?"
            )
        seen.add(pair.image)


def _grouped(findings: Iterable[Finding]) -> list[Finding]:
    """The findings, of those that say the same of different files the first few and how many more there are."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.level, finding.wrong), []).append(finding)
    grouped = []
    for same in groups.values():
        grouped += same[:_MOST_OF_A_KIND]
        if len(same) > _MOST_OF_A_KIND:
            more = f"the same is true of {len(same) - _MOST_OF_A_KIND:,} more files"
            grouped.append(dataclasses.replace(same[0], where=str(Path(same[0].where).parent), wrong=more))
    return grouped


def _pair(
    config: Config, pair: Pair, image: ImageFacts, label: LabelFacts, channels: dict[int, Path]
) -> Iterator[Finding]:
    if pair.image == pair.label:
        wrong = "this file is both image and label"
        yield Finding(where=str(pair.image), wrong=wrong, remedy="Choose the folder of the labels")
        return
    for path, facts in ((pair.image, image), (pair.label, label)):
        if facts.problem:
            remedy = facts.remedy or "Export it again, or take the pair out"
            yield Finding(where=str(path), wrong=facts.problem, remedy=remedy)
    if image.problem or label.problem:
        return
    try:
        count, shape = spatial_shape(image.shape, config.task.dim, config.data.channel_axis)
    except ValueError as error:
        yield Finding(
            where=str(pair.image), wrong=str(error), remedy="Set data.channel_axis if one axis holds channels"
        )
        return
    channels.setdefault(count, pair.image)
    if shape != label.shape:
        yield Finding(
            where=str(pair.label),
            wrong=f"it is {_size(label.shape)}, but its image {pair.image.name} is {_size(shape)}",
            remedy="Image and label must have the same size; export the label again, or take the pair out",
        )
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
    if pair.image.stem != pair.label.stem and not pair.label.stem.startswith(pair.image.stem):
        yield Finding(
            level="warning",
            where=str(pair.image),
            wrong=f"it is paired with {pair.label.name} by order, and the names differ",
            remedy="Give both the same name if they do not belong together",
        )


def _labels(config: Config, surveyed: Survey) -> Iterator[Finding]:
    train = surveyed.label_values([*surveyed.split.train, *surveyed.split.validation], config.task.dim)
    wanted = [value for value in config.data.labels_of_interest if value]
    foreground = [value for value in train if value != 0 and (not wanted or value in wanted)]
    if not foreground and wanted and any(train):
        yield Finding(
            where="data.labels_of_interest",
            wrong=f"none of the labels holds {', '.join(map(str, wanted[:5]))}",
            remedy=f"The labels hold {', '.join(map(str, train[:10]))}",
        )
    elif not foreground:
        yield Finding(
            where=str(surveyed.pairs[0].label.parent),
            wrong="every label is all background (only 0)",
            remedy="Check that these are the labels, and that foreground has another value than 0",
        )
    elif 0 not in train and not wanted and len(train) == 1:
        yield Finding(
            where=str(surveyed.pairs[0].label.parent),
            wrong=f"every pixel of every label is foreground (only {train[0]})",
            remedy="Background must be 0",
        )
    elif len(foreground) > 2 and config.task.kind == "binary" and not wanted:
        yield Finding(
            level="warning",
            where=str(surveyed.pairs[0].label.parent),
            wrong=f"the labels number up to {len(foreground):,} objects or classes; here all of them count as foreground",
            remedy="That is right for telling foreground from background; touching objects will not be told apart",
        )


def _counts(surveyed: Survey, config: Config) -> Iterator[Finding]:
    train, validation = len(surveyed.split.train), len(surveyed.split.validation)
    if not train:
        yield Finding(
            where="data.datasets", wrong="no image is left to train", remedy="Use at least one dataset for training"
        )
    elif train + validation < _FEW_IMAGES:
        yield Finding(
            level="warning",
            where="data.datasets",
            wrong=f"there are only {train + validation} images"
            if train + validation > 1
            else "there is only one image",
            remedy="The score will say little about other images; augmentation helps, more images help more",
        )
    if train and not validation and config.data.validation_fraction > 0:
        yield Finding(
            level="warning",
            where="data.validation_fraction",
            wrong="there is nothing to validate on: the only image trains",
            remedy="Add a second image to see whether the network has learned or memorised",
        )


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _channels(count: int) -> str:
    return "1 channel" if count == 1 else f"{count} channels"
