"""What an image looks like, as the form shows it: pictures with outlines, histograms before and after."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import NamedTuple

import numpy as np

from nbtrainer.config import Config
from nbtrainer.data.cache import Cache
from nbtrainer.data.images import Images
from nbtrainer.data.overlay import OUTLINE, grey, limits, mark_boundaries
from nbtrainer.data.pair import Pair
from nbtrainer.data.preparation import Preparation
from nbtrainer.data.resampled_views import ResampledView
from nbtrainer.data.roi import RegionOfInterest
from nbtrainer.data.statistics import pool
from nbtrainer.data.views import CropView, View
from nbtrainer.data.views import whole as whole_of
from nbtrainer.datasets.survey import normalizer_of, survey
from nbtrainer.datasets.survey_regions import regions_of
from nbtrainer.errors import Finding, UserError
from nbtrainer.io.formats import open_image

_BINS = 64


class Thumbnail(NamedTuple):
    """`pixels` (Y, X, 3) from 0 to 255; `scale`: pixels of the image for one of the picture."""

    pixels: np.ndarray
    scale: float


def thumbnail(config: Config, index: int, *, size: int = 96, outlines: bool = True, whole: bool = False) -> Thumbnail:
    """Image `index` of the pair table, its longest side at most `size` pixels; of a volume its middle slice.

    `outlines`: with the edge of its label drawn in. `whole`: all of the file's image, also where only a part is used.
    Raises `UserError` if it cannot be read.
    """
    images = _images(config)
    pair = images.pairs[index]
    if whole:
        pair = dataclasses.replace(pair, crop=None, regions=())
    return _picture(images.preparation, pair, size, outlines)


def finding_picture(config: Config, finding: Finding, size: int = 96) -> Thumbnail | None:
    """The first image that `finding` is about, as a small picture with its label's outline; None if it cannot be read."""
    config = Config.of(config).validated()
    surveyed = survey(config)
    for files in (finding.files, (finding.where,)):  # a file of outlines may be about many images
        pair = next((pair for pair in surveyed.pairs if {str(pair.image), *map(str, pair.files)} & set(files)), None)
        if pair is not None:
            whole_pair = dataclasses.replace(pair, crop=None, regions=())
            try:
                return _picture(surveyed.preparation, whole_pair, size, outlines=True)
            except (UserError, ValueError):
                return None
    return None


def regions(config: Config, index: int) -> tuple[RegionOfInterest, ...]:
    """The regions of image `index` of the pair table, in pixels: typed, from files, random. Raises `UserError`."""
    images = _images(config)
    pair = images.pairs[index]
    shape = images.preparation.layout(pair).shape(open_image(pair.image).shape)
    return regions_of(Config.of(config), pair.dataset, pair.image.name, shape)


def histogram(config: Config, index: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """How often intensities occur in image `index` of the pair table, `before` and `after` normalisation.

    Each is (shares, edges): shares of the most frequent bin, and one edge more than bins; all channels together.
    Raises `UserError` if it cannot be read.
    """
    images = _images(config)
    measured = images.channel_stats(index)
    if images.normalizer.scope == "dataset":
        every = pool(images.channel_stats(other) for other in range(len(images)))
        intensity_map = images.normalizer.fit(every)
    else:
        intensity_map = images.normalizer.fit(measured)
    before, after, counts = [], [], []
    for channel, known in enumerate(measured):
        values = np.zeros((len(measured), 1, len(known.values)), np.float32)
        values[channel, 0] = known.values
        before.append(known.values)
        after.append(intensity_map.apply(values)[channel, 0])
        counts.append(known.counts)
    weights = np.concatenate(counts)
    return {
        "before": _histogram(np.concatenate(before), weights=weights),
        "after": _histogram(np.concatenate(after), weights=weights),
    }


def _picture(preparation: Preparation, pair: Pair, size: int, outlines: bool) -> Thumbnail:
    image, label = _views(preparation, pair)
    scale = max(1.0, max(image.shape[-2:]) / size)
    shape = [max(1, round(length / scale)) for length in image.shape[-2:]]
    small = _small(image, shape)
    pixels = grey(small, limits(small))
    if outlines and label is not None:
        with contextlib.suppress(ValueError):  # a label in colours has no outline yet; the check says so
            mark_boundaries(pixels, label=_small(label, shape), colour=OUTLINE)
    return Thumbnail(pixels.astype(np.uint8), scale)


def _views(preparation: Preparation, pair: Pair) -> tuple[View, View | None]:
    """Image and label; the image alone where the label does not suit it, which the check says."""
    try:
        return preparation.open(pair)
    except (UserError, ValueError):
        opened, where = open_image(pair.image), str(pair.image)
        return preparation.image(opened, where, pair.slice or 0, preparation.layout_of(opened, where)), None


def _images(config: Config) -> Images:
    config = Config.of(config).validated()
    surveyed = survey(config)
    if surveyed.problems:
        raise UserError.of(surveyed.problems)
    return Images(
        pairs=surveyed.pairs,
        normalizer=normalizer_of(config),
        preparation=surveyed.preparation,
        cache=Cache(0),
        is_exact=config.data.exact_statistics,
    )


def _small(view: View, shape: list[int]) -> np.ndarray:
    """The view (of a volume its middle slice) brought to `shape` (y, x), without a leading axis of slices."""
    if len(view.shape) == 3:
        middle = view.shape[0] // 2
        view = CropView(view, ((middle, middle + 1), (0, view.shape[1]), (0, view.shape[2])))
    target = (*([1] * (len(view.shape) - 2)), *shape)
    array = whole_of(ResampledView(view, target))
    return array.reshape(*array.shape[: array.ndim - len(view.shape)], *shape)


def _histogram(values: np.ndarray, *, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    counts, bounds = np.histogram(values, _BINS, weights=weights)
    return counts / max(1.0, float(counts.max())), bounds
