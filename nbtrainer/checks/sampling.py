"""The check of how patches are cut from the images: how many there are, and what is in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from nbtrainer.catalog import NETWORKS, network_shape, round_to_multiple
from nbtrainer.checks.image_counts import _FEW_IMAGES
from nbtrainer.config import Config
from nbtrainer.data.blocks import GOOD_SIDE, LARGE_SIDE, block_counts
from nbtrainer.datasets.label_sample import Sample
from nbtrainer.datasets.survey import Survey, anisotropic_levels_in, spacing_in
from nbtrainer.errors import Finding
from nbtrainer.io.axes import format_shape
from nbtrainer.labels import measure_objects
from nbtrainer.labels.connected import label_components

# the rule of thumb of CellSeg3D: augmentation pays from so many images, with more than so many patches each
_ENOUGH_IMAGES, _ENOUGH_PATCHES = 5, 10
# less foreground than this is mostly learning to say no
_SPARSE = 0.02
# more patches than this without any foreground
_EMPTY_PATCHES = 0.5
# voxels so many times as thick as wide
_THICK = 2.0
# objects: this wide at least; and of at least so many, most of which fill their boxes (nets and lines do not)
_NARROW, _FEW_OBJECTS, _FILLS = 4.0, 10, 0.4


def check_sampling(config: Config, surveyed: Survey, samples: Sequence[Sample]) -> Iterator[Finding]:
    """Findings about patches: against images and objects, their foreground, and whether they are enough."""
    if not samples or not surveyed.split.train or len(config.sampling.patch_size) != config.task.dim:
        return
    train = {id(pair) for pair in surveyed.split.train}
    trains = [sample for sample in samples if id(sample.pair) in train]
    if not config.sampling.whole_images:
        yield from _patch_size(config, surveyed, trains)
    yield from _large_images(config, surveyed, samples)
    yield from _augmentation(config, surveyed, samples)
    if any(sample.label.any() for sample in trains):
        yield from _foreground(config, trains)
        yield from _object_sizes(config, trains)
    elif any(sample.label.any() for sample in samples) and len(trains) == len(train) and not _cut(trains):
        if all(sample.pair.label is None for sample in trains):  # these are not meant to have any
            return
        yield Finding(
            where="data.datasets",
            wrong="no image that trains has any foreground: all of it is in those that validate",
            remedy="Annotate more images, or choose another training.seed",
        )
    if config.data.diameter:
        yield from _diameter(samples)


def _cut(samples: Sequence[Sample]) -> bool:
    return any(sample.is_part for sample in samples)


def _patch_size(config: Config, surveyed: Survey, samples: Sequence[Sample]) -> Iterator[Finding]:
    """What speaks against the size of a patch: the gravest alone, so that no two remedies contradict each other."""
    model = config.model
    multiples = NETWORKS[model.name].divisors(
        config.task.dim, features=model.features, anisotropic_levels=anisotropic_levels_in(config, surveyed)
    )
    findings = [*_large_patch(config, samples, multiples), *_anisotropy(config, surveyed, multiples)]
    # a model that is started from has levels of its own
    if config.task.dim == 2 or config.model.anisotropic_levels != "auto" or not config.model.pretrained:
        findings += _padded_patch(config, multiples)
    yield from findings[:1]


def _padded_patch(config: Config, divisors: Sequence[int]) -> Iterator[Finding]:
    """A patch that the network has to pad: which sizes cost less, or show more for the same."""
    size = config.sampling.patch_size
    padded = network_shape(size, divisors=divisors)
    if padded != tuple(size):
        more = np.prod(padded, dtype=float) / np.prod(size, dtype=float) - 1
        smaller = network_shape(
            [max(1, side // each * each) for side, each in zip(size, divisors, strict=True)], divisors=divisors
        )
        less = f"{format_shape(smaller)} costs less, " if smaller != padded else ""
        yield Finding(
            level="warning",
            where="sampling.patch_size",
            wrong=f"patches of {format_shape(size)} are padded to {format_shape(padded)} in the network, which takes {more:.0%} more time; "
            "what is added enters no loss and no score",
            remedy=f"{less}{format_shape(padded)} costs the same and shows more",
            suggestions=tuple(dict.fromkeys([smaller, padded])),
        )


def _large_patch(config: Config, samples: Sequence[Sample], divisors: Sequence[int]) -> Iterator[Finding]:
    patch = config.sampling.patch_size
    small = [sample for sample in samples if any(side > full for side, full in zip(patch, sample.shape, strict=True))]
    if small:
        smallest = min(small, key=lambda sample: int(np.prod(sample.shape)))
        half = [
            side if side <= full else min(full, round_to_multiple(full // 2, multiple))
            for side, full, multiple in zip(patch, smallest.shape, divisors, strict=True)
        ]
        which = "the image" if len(samples) == 1 else "all images" if len(small) == len(samples) else "some images"
        yield Finding(
            level="warning",
            where="sampling.patch_size",
            wrong=f"{format_shape(patch)} is larger than {which}: {smallest.pair.name} is {format_shape(smallest.shape)}, and is mirrored "
            "at its edges",
            remedy=f"Patches of about half the image are best: try {', '.join(map(str, half))}",
            suggestions=(tuple(half),),
            files=tuple(dict.fromkeys(str(sample.pair.image) for sample in small)),
        )


def _anisotropy(config: Config, surveyed: Survey, divisors: Sequence[int]) -> Iterator[Finding]:
    """A patch that is a cube in voxels although voxels are not: what suits them better."""
    size = config.sampling.patch_size
    spacing = spacing_in(config, surveyed) if config.task.dim == 3 else None
    if spacing is None:
        return
    ratio = spacing[0] / max(spacing[1:])
    if ratio >= _THICK and size[0] >= min(size[1:]):
        # as many voxels, in the proportions of space, rounded to what the network takes
        plane = (np.prod(size, dtype=float) * ratio) ** (1 / 3)
        better = [
            round_to_multiple(side, multiple, round)
            for side, multiple in zip((plane / ratio, plane, plane), divisors, strict=True)
        ]
        if better != list(size):
            yield Finding(
                level="warning",
                where="sampling.patch_size",
                wrong=f"voxels are {ratio:.1f} times as thick as wide, but patches of {format_shape(size)} are not thinner than wide",
                remedy=f"A patch of {format_shape(better)} has about as many voxels and shows more of the plane",
                suggestions=(tuple(better),),
            )


def _large_images(config: Config, surveyed: Survey, samples: Sequence[Sample]) -> Iterator[Finding]:
    if config.task.dim == 3:
        return
    large = [sample for sample in samples if max(sample.shape) >= LARGE_SIDE and sample.pair.slice is None]
    if large:
        shape = large[0].shape
        are_few = len(surveyed.pairs) < 2 * _FEW_IMAGES
        yield Finding(
            level="warning",
            where=str(large[0].pair.image),
            wrong=f"it is {format_shape(shape)} pixels{f', one of only {_count(len(surveyed.pairs))}' if are_few else ''}",
            remedy=f"Divide it into {np.prod(block_counts(shape, GOOD_SIDE))} images of about {GOOD_SIDE} x {GOOD_SIDE} "
            f"(nbtrainer prepare --divide {GOOD_SIDE}): they are easier to annotate rightly"
            f"{', and any of them can validate' if are_few else ''}",
            files=tuple(dict.fromkeys(str(sample.pair.image) for sample in large)),
        )


def _augmentation(config: Config, surveyed: Survey, samples: Sequence[Sample]) -> Iterator[Finding]:
    images = len({(pair.image, pair.slice) for pair in surveyed.split.train})
    pixels = float(np.mean([np.prod(sample.shape, dtype=float) for sample in samples]))
    patches = pixels / float(np.prod(config.sampling.patch_size, dtype=float))
    is_off = not config.augmentation.steps and not config.augmentation.rotate_and_flip
    if is_off and images >= _ENOUGH_IMAGES and patches > _ENOUGH_PATCHES:
        yield Finding(
            level="warning",
            where="augmentation.strength",
            wrong=f"augmentation is off, but there are {images} images with about {patches:.0f} patches each",
            remedy="The rule of thumb says to use it from 5 images with more than 10 patches each: try light or standard",
            suggestions=("light", "standard"),
        )


def _foreground(config: Config, samples: Sequence[Sample]) -> Iterator[Finding]:
    full = sum(int(np.count_nonzero(sample.label)) for sample in samples)
    known = sum(sample.label.size * sample.known for sample in samples)
    share = full / max(1.0, known)
    empty = _empty_patches(samples, config.sampling.patch_size)
    measured = f" (measured in {len(samples)} of the labels)"
    if empty > _EMPTY_PATCHES and config.sampling.foreground_fraction == 0:
        yield Finding(
            level="warning",
            where="sampling.foreground_fraction",
            wrong=f"{empty:.0%} of all patches hold no foreground{measured}",
            remedy="Set it to 0.5, so that every second patch is centred on foreground",
            suggestions=(0.5,),
        )
    if share < _SPARSE:
        has_room = any(np.prod(sample.shape) > 4 * np.prod(config.sampling.patch_size) for sample in samples)
        can_crop = config.task.dim == 2 and has_room and all(sample.pair.slice is None for sample in samples)
        yield Finding(
            level="warning",
            where="data.datasets",
            wrong=f"only {share:.2%} of the pixels are foreground{measured}",
            remedy="Networks learn faster from densely packed objects: crop the images to where objects are",
            fix="crop" if can_crop else "",
            files=tuple(dict.fromkeys(str(sample.pair.image) for sample in samples)),
        )


def _empty_patches(samples: Sequence[Sample], patch_size: Sequence[int]) -> float:
    """Share of patches without foreground, on a grid over each label."""
    empty = count = 0
    for sample in samples:
        filled = sample.label != 0
        for axis, length in enumerate(patch_size):
            starts = np.arange(0, max(1, filled.shape[axis] - length // 2), length)
            filled = np.logical_or.reduceat(filled, starts, axis=axis)
        empty += int(np.count_nonzero(~filled))
        count += filled.size
    return empty / max(1, count)


def _object_sizes(config: Config, samples: Sequence[Sample]) -> Iterator[Finding]:
    sides = _object_sides(samples)
    if len(sides) < _FEW_OBJECTS:
        return
    patch = config.sampling.patch_size
    typical = np.median(sides, axis=0)
    if any(length > side for length, side in zip(typical, patch, strict=True)):
        yield Finding(
            level="warning",
            where="sampling.patch_size",
            wrong=f"objects are about {format_shape(typical.astype(int))} pixels, larger than a patch of {format_shape(patch)}",
            remedy="Choose larger patches, or shrink the images with data.diameter",
        )
    elif typical.max() < _NARROW:
        yield Finding(
            level="warning",
            where="data.diameter",
            wrong=f"objects are only about {typical.max():.0f} pixels wide",
            remedy="The network halves images several times and loses what is so small: set it to 10 or more to enlarge them",
            suggestions=(10.0,),
        )


def _object_sides(samples: Sequence[Sample]) -> np.ndarray:
    """(n, axes): how long the objects are along each axis; empty if labels do not show compact objects."""
    sides = []
    for sample in samples:
        label = sample.label
        objects = measure_objects(label)
        if int(objects.pieces.sum()) > 2 * len(objects):  # a mask or classes
            objects = measure_objects(label_components(label)[0])
        lengths = objects.boxes[..., 1] - objects.boxes[..., 0]
        inside = ~objects.touches_border if sample.is_part else np.ones(len(objects), bool)
        filled = objects.sizes / np.maximum(1, lengths.prod(axis=1))
        if inside.any() and np.median(filled[inside]) > _FILLS:
            sides.append(lengths[inside])
    return np.concatenate(sides) if sides else np.zeros((0, 2))


def _diameter(samples: Sequence[Sample]) -> Iterator[Finding]:
    for sample in samples:
        if not sample.label.any() and not sample.is_part:
            yield Finding(
                level="warning",
                where=str(sample.pair.files[-1]),
                wrong="it has no objects whose diameter could be measured, so that its image keeps its size",
                remedy="Leave it out, or set data.diameter to 0",
                files=(str(sample.pair.own_file),),
            )


def _count(number: int) -> str:
    return "one image" if number == 1 else f"{number} images"
