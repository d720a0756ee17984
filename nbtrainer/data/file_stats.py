"""What is known of a file without keeping its pixels; remembered until the file changes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from nbtrainer.data.statistics import subsample
from nbtrainer.data.views import ArrayView, Slices
from nbtrainer.errors import UserError
from nbtrainer.io.annotations import is_annotation, read_outlines
from nbtrainer.io.axes import colour_axis
from nbtrainer.io.formats import ImageFile, open_image, version
from nbtrainer.io.formats.problems import too_large
from nbtrainer.labels.integers import bincount

# a label image with more values than this is listed only in part
_MOST_VALUES = 100_000


@dataclass(frozen=True, kw_only=True)
class ImageStats:
    """What is known of an image file; `shape` and `axes` as stored.

    `saturated` is the share of pixels at the highest value, where that is the highest of 8, 10, 12, 14, 16 ... bits;
    `digest` is the same for files with the same pixels; `is_estimate`: measured in samples of a large file.
    """

    shape: tuple[int, ...] = ()
    dtype: str = ""
    axes: str = ""
    spacing: tuple[tuple[str, float], ...] = ()
    minimum: float = 0.0
    maximum: float = 0.0
    finite: bool = True
    saturated: float = 0.0
    digest: str = ""
    is_estimate: bool = False
    problem: str = ""
    remedy: str = ""


@dataclass(frozen=True, kw_only=True)
class LabelStats:
    """What is known of a label file; `shape` and `axes` as stored.

    `values` are the whole numbers in it, sorted; `counts` how many pixels have each; `zeros` is the share of
    background; `colours`: whether it holds colours that differ (see `axes.colour_axis`).
    """

    shape: tuple[int, ...] = ()
    dtype: str = ""
    axes: str = ""
    values: tuple[int, ...] = ()
    counts: tuple[int, ...] = ()
    whole: bool = True
    zeros: float = 0.0
    colours: bool = False
    is_estimate: bool = False
    problem: str = ""
    remedy: str = ""


def image_stats(path: Path, is_exact: bool = False) -> ImageStats:
    """What is known of the image file `path`; of one above 1 GB from samples, unless `is_exact`."""
    return _image_stats(str(path), is_exact, version(path))


def label_stats(path: Path, is_exact: bool = False) -> LabelStats:
    """What is known of the label file `path`; of one above 1 GB from samples, unless `is_exact`."""
    return _label_stats(str(path), is_exact, version(path))


@lru_cache(maxsize=100_000)
def _image_stats(path: str, is_exact: bool, changed: tuple[int, int]) -> ImageStats:
    try:
        opened = open_image(Path(path))
        low, high, finite, full, count = np.inf, -np.inf, True, 0, 0
        digest = hashlib.blake2b(f"{opened.shape}{opened.dtype}".encode(), digest_size=12)
        regions, is_estimate = subsample(_Whole(opened), is_exact)
        for region in regions:
            array = opened.read(region)
            digest.update(np.ascontiguousarray(array).data)
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                finite = False
                array = array[np.isfinite(array)]
            if array.size:
                here = float(array.max())
                full = full if high >= here else 0
                low, high = min(low, float(array.min())), max(high, here)
                full += int(np.count_nonzero(array == here)) if here == high and _is_full(high, opened.dtype) else 0
                count += array.size
    except (UserError, MemoryError) as error:
        problem = error if isinstance(error, UserError) else too_large(Path(path), 0)
        return ImageStats(problem=problem.wrong, remedy=problem.remedy)
    minimum, maximum = (low, high) if count else (0.0, 0.0)
    spacing = tuple(sorted(opened.spacing.items()))
    return ImageStats(
        shape=opened.shape,
        dtype=str(opened.dtype),
        axes=opened.axes,
        spacing=spacing,
        minimum=minimum,
        maximum=maximum,
        finite=finite,
        saturated=full / max(1, count),
        digest=digest.hexdigest(),
        is_estimate=is_estimate,
    )


@lru_cache(maxsize=100_000)
def _label_stats(path: str, is_exact: bool, changed: tuple[int, int]) -> LabelStats:
    try:
        if is_annotation(Path(path)):
            # what is not drawn is background
            ids = range(len(read_outlines(Path(path))) + 1)
            return LabelStats(values=tuple(ids), counts=(1,) * len(ids))
        opened = open_image(Path(path), for_label=True)
        values, counts = np.zeros(0), np.zeros(0, np.int64)
        whole, colours = True, False
        regions, is_estimate = subsample(_Whole(opened), is_exact)
        for array in _plain(opened, regions):
            if array is None:
                colours = True
                break
            label_values, times = np.unique(array, return_counts=True)
            whole = whole and _are_whole(label_values)
            values, places = np.unique(np.concatenate([values, label_values]), return_inverse=True)
            counts = bincount(places.ravel(), np.concatenate([counts, times])).astype(np.int64)
            values, counts = values[:_MOST_VALUES], counts[:_MOST_VALUES]
    except (UserError, MemoryError) as error:
        problem = error if isinstance(error, UserError) else too_large(Path(path), 0)
        return LabelStats(problem=problem.wrong, remedy=problem.remedy)
    zeros = float(counts[values == 0].sum() / max(1, counts.sum()))
    listed = tuple(int(value) for value in values) if whole else ()
    return LabelStats(
        shape=opened.shape,
        dtype=str(opened.dtype),
        axes=opened.axes,
        values=listed,
        counts=tuple(counts.tolist()) if whole else (),
        whole=whole,
        zeros=zeros,
        colours=colours,
        is_estimate=is_estimate,
    )


class _Whole(ArrayView):
    """All that a file stores, as one label: what `sampled` needs to know of it."""

    def __init__(self, opened: ImageFile) -> None:
        # a view of one number has the shape without the memory
        super().__init__(np.broadcast_to(np.zeros((), opened.dtype), opened.shape), is_label=True)


def _plain(opened: ImageFile, regions: Iterable[Slices]) -> Iterator[np.ndarray | None]:
    """The parts of a label; of equal colours one, None if they differ where the file calls them so.

    Of a last axis that may be colour or not, all that it holds, if that differs.
    """
    colour = colour_axis(opened.shape, opened.axes)
    every = list(regions)
    if colour is None:
        yield from (opened.read(region) for region in every)
        return
    whole = [(*region[:colour], slice(None), *region[colour + 1 :]) for region in every]
    if all(_are_equal(opened.read(region), colour) for region in whole):
        yield from (opened.read(region).take(0, colour) for region in whole)
    elif opened.axes[colour] != "?":
        yield None
    else:
        yield from (opened.read(region) for region in every)


def _are_equal(array: np.ndarray, colour: int) -> bool:
    """Whether the first three colours are, whatever a fourth says of transparency."""
    return all(np.array_equal(array.take(0, colour), array.take(channel, colour)) for channel in (1, 2))


def _is_full(value: float, dtype: np.dtype[Any]) -> bool:
    """Whether a camera or a type can hold no more than `value`."""
    depths = (8, 10, 12, 14, 8 * dtype.itemsize, 8 * dtype.itemsize - 1)
    return dtype.kind in "ui" and value in [2**bits - 1 for bits in depths]


def _are_whole(values: np.ndarray) -> bool:
    return values.dtype.kind != "f" or bool(np.isfinite(values).all() and (values == np.round(values)).all())
