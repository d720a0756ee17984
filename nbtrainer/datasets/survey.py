"""What the data is: every pair, how it is read, and which pairs train, validate or test."""

from __future__ import annotations

import contextlib
import dataclasses
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nbtrainer.catalog import TASKS, flat_levels_for
from nbtrainer.config import Config
from nbtrainer.config.dataset import Dataset
from nbtrainer.data.file_stats import label_stats
from nbtrainer.data.find_pairs import find_pairs
from nbtrainer.data.normalize import Normalizer
from nbtrainer.data.pair import Crop, Pair
from nbtrainer.data.preparation import Preparation, spacing_of
from nbtrainer.data.roi import RegionOfInterest
from nbtrainer.data.split import Split, split_pairs
from nbtrainer.data.split_record import SplitRecord
from nbtrainer.data.views import whole
from nbtrainer.datasets.survey_regions import pair_regions, parts_of, shape_in_file
from nbtrainer.disk_errors import at_disk
from nbtrainer.errors import Finding, SettingError, UserError
from nbtrainer.io.annotations import is_annotation, read_contents
from nbtrainer.io.annotations.classes import ClassName, number_classes, parse_classes
from nbtrainer.io.formats import open_image


@dataclass(kw_only=True)
class Survey:
    """The pairs of a config, how they are read, and their split; `problems` are datasets that could not be listed.

    `listed` are the pairs before regions and the split divided them, `divided` the split before regions did.
    """

    pairs: list[Pair]
    split: Split
    preparation: Preparation
    problems: list[Finding] = field(default_factory=list)
    listed: list[Pair] = field(default_factory=list)
    divided: Split = field(default_factory=lambda: Split([], [], []))

    def labelled(self) -> Survey:
        """The same of the pairs that have a label alone."""
        uses = ([pair for pair in use if pair.label is not None] for use in (*self.split, self.listed))
        train, validation, test, listed = uses
        split = Split(train, validation, test)
        return dataclasses.replace(self, pairs=[pair for use in split for pair in use], split=split, listed=listed)

    def image_traits(self) -> dict[str, Any]:
        """What the first image is like, for the model to compare others with.

        `dtype`; `in_colours`: whether its channels are red, green and blue, and perhaps transparency, all of them;
        `orientation`: towards what its axes count in space, if it says so.
        """
        pair = self.pairs[0]
        opened, channel = open_image(pair.image), self.preparation.layout(pair).channel
        chosen = self.preparation.channels or self.preparation.cellpose_channels
        in_colours = not chosen and channel is not None and opened.axes[channel] == "S"
        return {"dtype": str(opened.dtype), "in_colours": in_colours, "orientation": opened.orientation_letters}

    def label_values(self, pairs: Iterable[Pair], is_exact: bool = False) -> list[int]:
        """Every value in the labels of `pairs`, sorted, without those that mean nothing is known."""
        pairs = list(pairs)
        drawn = {(pair.required_label, pair.annotated_as): pair for pair in pairs if _is_drawn(pair)}
        labels = {pair.required_label for pair in pairs if pair.label is not None and not _is_drawn(pair)}
        values = {value for label in labels for value in label_stats(label, is_exact).values}
        values |= {value for pair in drawn.values() for value in outline_values(pair, self.preparation)}
        return sorted(values - {self.preparation.ignored, self.preparation.ignore_value})

    def label_frequencies(self, pairs: Iterable[Pair]) -> dict[int, float]:
        """Share of the pixels of the labels of `pairs` that each value has, among those of which something is known."""
        pixels: Counter[int] = Counter()
        pairs = list(pairs)
        for label in {pair.required_label for pair in pairs if pair.label is not None and not _is_drawn(pair)}:
            stats = label_stats(label)
            pixels.update(dict(zip(stats.values, stats.counts, strict=True)))
        for pair in {dataclasses.replace(pair, crop=None, regions=()): pair for pair in pairs if _is_drawn(pair)}:
            pixels.update(_drawn_pixels(pair, self.preparation))
        unknown = (self.preparation.ignored, self.preparation.ignore_value)
        known = {value: count for value, count in pixels.items() if value not in unknown}
        return {value: count / sum(known.values()) for value, count in known.items()}


def survey(config: Config, before: SplitRecord | None = None) -> Survey:
    """List and pair the files of every dataset, split them, and apply regions; reads headers, no pixels.

    `before`: of a run that goes on, which keeps its split.
    """
    pairs: list[Pair] = []
    problems: list[Finding] = []
    preparation = preparation_of(config)
    for index, dataset in enumerate(config.data.datasets):
        try:
            pairs_of_dataset = _pairs_of(config, index, dataset)
            pairs += [each for pair in pairs_of_dataset for each in _slices(pair, preparation)]
        except UserError as error:
            problems += error.findings
    preparation = dataclasses.replace(preparation, outline_classes=_outline_classes(config, pairs, preparation))
    regions: dict[tuple[int, Path], tuple[RegionOfInterest, ...]] = {}
    for pair in dict.fromkeys(dataclasses.replace(pair, slice=None) for pair in pairs):
        try:
            regions[pair.dataset, pair.image] = pair_regions(config, pair, preparation)
        except UserError as error:
            problems += error.findings
            regions[pair.dataset, pair.image] = ()

    def shape_of(pair: Pair) -> tuple[int, ...]:
        try:
            return shape_in_file(pair, preparation)
        except UserError:
            return ()  # the check of the file says why

    def part_of(pair: Pair) -> Crop:
        """What of an image is used: all of it, or as far as its regions reach."""
        shape = shape_of(pair)
        own = regions.get((pair.dataset, pair.image), ())
        boxes = [box for region in own if region.use == "use" and (box := region.box(shape)) is not None]
        if not boxes:
            return tuple((0, length) for length in shape)
        around = ((min(box[axis][0] for box in boxes), max(box[axis][1] for box in boxes)) for axis in (0, 1))
        return (*((0, length) for length in shape[:-2]), *around)

    settings = config.data
    share, seed, gap = settings.validation_fraction, config.training.seed, settings.split_gap
    try:
        split = split_pairs(
            pairs,
            share,
            seed=seed,
            groups=settings.split_groups,
            gap=gap,
            folds=settings.folds,
            fold=settings.fold,
            part_of=part_of,
        )
    except UserError as error:
        problems += error.findings
        split = split_pairs(pairs, share, seed=seed, groups="", gap=gap, folds=0, fold=1, part_of=part_of)
    divided = split if before is None else before.apply(pairs)
    split = Split(*([each for pair in use for each in parts_of(pair, regions, shape_of)] for use in divided))
    return Survey(
        pairs=[pair for use in split for pair in use],
        split=split,
        preparation=preparation,
        problems=problems,
        listed=pairs,
        divided=divided,
    )


def spacing_in(config: Config, surveyed: Survey) -> tuple[float, ...] | None:
    """Micrometres per pixel of the training images: as the settings say, else as the first file does."""
    first = (surveyed.split.train or surveyed.pairs)[0].image
    return spacing_of(open_image(first), config.task.dim, config.data.spacing, config.data.spacing_unit)


def anisotropic_levels_in(config: Config, surveyed: Survey) -> int:
    """How many levels of the network leave z as it is: as the settings say, else as the voxels are long."""
    given = config.model.anisotropic_levels
    if config.task.dim == 2:
        return 0
    return flat_levels_for(spacing_in(config, surveyed), config.model.features) if given == "auto" else given


def preparation_of(config: Config) -> Preparation:
    """How images and labels are read and prepared with `config`."""
    names = [field.name for field in dataclasses.fields(Preparation)]
    values = {name: value for name, value in config.data.model_dump().items() if name in names}
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    values["outline_classes"] = tuple(parse_classes(config.data.outline_classes).items())
    values["outlines"] = TASKS.load(config.task.kind).outlines
    channels = config.model.input_channels
    return Preparation(dim=config.task.dim, input_channels=None if channels == "auto" else channels, **values)


def outline_values(pair: Pair, preparation: Preparation) -> list[int]:
    """The values that the outlines of `pair` have as a label, on all slices together; empty if they cannot be read."""
    try:
        contents = read_contents(pair.required_label)
    except UserError:
        return []
    images = contents.objects if pair.annotated_as is None else {pair.annotated_as}
    if preparation.outlines == "classes":
        numbers = dict(preparation.outline_classes)
        classes = {name for image in images for name, _ in contents.classes.get(image, ())}
        return [0, *sorted({numbers[name] for name in classes if name in numbers})]
    # one that has the ignore value counts too: numbers of objects pass over it
    return list(range(1 + sum(contents.objects.get(image, 0) for image in images)))


def normalizer_of(config: Config) -> Normalizer:
    """How intensities are normalised with `config`."""
    values = config.normalization.model_dump()
    values |= {name: tuple(values[name]) for name in ("range", "percentiles")}
    return Normalizer(**values, invert=config.data.invert)


def _is_drawn(pair: Pair) -> bool:
    return pair.label is not None and is_annotation(pair.label)


def _drawn_pixels(pair: Pair, preparation: Preparation) -> dict[int, int]:
    """How many pixels each value of a drawn label has."""
    if preparation.outlines != "classes":  # of single objects it makes no difference
        return dict.fromkeys(outline_values(pair, preparation), 1)
    try:
        label = whole(preparation.label(pair, shape_in_file(pair, preparation)))
    except (UserError, ValueError):
        return {}  # the check of the file says why
    values, counts = np.unique(label, return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def _outline_classes(config: Config, pairs: Sequence[Pair], preparation: Preparation) -> tuple[tuple[str, int], ...]:
    """The number of each class of the outlines of all datasets: as the settings say, else one for all of them."""
    if preparation.outline_classes or preparation.outlines != "classes":
        return preparation.outline_classes
    names: set[ClassName] = set()
    for label in {pair.required_label for pair in pairs if _is_drawn(pair)}:
        with contextlib.suppress(UserError):  # the check of the file says why
            names |= {entry for classes in read_contents(label).classes.values() for entry in classes}
    named = {name: number for number, name in enumerate(config.task.named_classes, 1)}
    of_interest = [value for value in config.data.labels_of_interest if value]
    if names and all(name in named for name, _ in names) and len(of_interest) in (0, len(named)):
        return tuple((name, of_interest[number - 1] if of_interest else number) for name, number in named.items())
    return tuple(number_classes(names, reserved=config.data.ignore_value).items())


def _pairs_of(config: Config, index: int, dataset: Dataset) -> list[Pair]:
    where = f"data.datasets[{index}]"
    if not dataset.images.strip():
        raise SettingError(f"{where}.images", "no images are chosen", "Choose a folder")
    labels = config.resolve(dataset.labels) if dataset.labels.strip() else None
    alone = config.task.label_values == "not_needed"
    images = config.resolve(dataset.images)
    with at_disk(images, where=f"{where}.images", done="entered"):
        pairs = find_pairs(
            images, labels, where, dataset.naming(), use=dataset.use, dataset=index, labels_optional=alone
        )
    if not pairs:
        raise SettingError(f"{where}.exclude", "every image is left out", "Take some names out of the list")
    return pairs


def _slices(pair: Pair, preparation: Preparation) -> list[Pair]:
    """`pair`, or of a stack that is read as images of their own one pair a slice."""
    if preparation.dim == 3:
        return [pair]
    try:
        opened = open_image(pair.image)
        layout = preparation.layout(pair)
    except UserError:
        return [pair]  # the check of the file says why
    if layout.slices is None:
        return [pair]
    return [dataclasses.replace(pair, slice=index) for index in range(layout.count(opened.shape))]
