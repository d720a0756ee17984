"""Intensities of an image measured in one pass, in bounded memory: extremes, moments, percentiles."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import reduce

import numpy as np

from nbtrainer.data.views import Slices, View, blocks, size_in_bytes
from nbtrainer.labels.integers import bincount

# beyond, float32 overflows where intensities are subtracted or summed: such numbers stand for "nothing measured here"
LARGEST_VALUE = 1e30
# what is larger is measured in sampled blocks, unless exactly is asked for
LARGE_BYTES = 1024**3
# this much of a large image is sampled, in this many blocks spread over it
_SAMPLED_BYTES = 128 * 1024**2
_SAMPLED_BLOCKS = 64
_FEWEST_PIXELS = 1 << 18
_BLOCK_PIXELS = 4 * 1024**2
# more different values than this are counted in bins
_MOST_VALUES = 1 << 20
# bins follow the bits of float32: sign, exponent and this many bits of the mantissa (a precision of 0.05 %)
_DROPPED_BITS = 12


@dataclass(frozen=True, kw_only=True)
class IntensityStats:
    """Intensities of one channel. `values` (sorted) with how often each occurs; `is_estimate`: from samples."""

    values: np.ndarray = field(default_factory=lambda: np.zeros(0))
    counts: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    minimum: float = float("nan")
    maximum: float = float("nan")
    total: float = 0.0
    squares: float = 0.0
    count: int = 0
    unknown: int = 0
    is_estimate: bool = False

    @property
    def mean(self) -> float:
        return self.total / self.count

    @property
    def deviation(self) -> float:
        return float(np.sqrt(max(0.0, self.squares / self.count - self.mean**2)))

    def percentile(self, percent: float) -> float:
        """As numpy's, linear between the two nearest pixels."""
        place = percent / 100 * (self.count - 1)
        ends = np.cumsum(self.counts)
        low, high = (
            float(self.values[min(int(np.searchsorted(ends, rank, side="right")), len(self.values) - 1)])
            for rank in (np.floor(place), np.ceil(place))
        )
        return low + (high - low) * (place - np.floor(place))

    def __add__(self, other: IntensityStats) -> IntensityStats:
        """Both together."""
        if not other.count or not self.count:
            more, less = (self, other) if self.count else (other, self)
            unknown, is_estimate = more.unknown + less.unknown, more.is_estimate or less.is_estimate
            return replace(more, unknown=unknown, is_estimate=is_estimate)
        values, places = np.unique(np.concatenate([self.values, other.values]), return_inverse=True)
        counts = bincount(places.ravel(), np.concatenate([self.counts, other.counts])).astype(np.int64)
        if len(values) > _MOST_VALUES:
            values, counts = _bin(values, counts=counts)
        return IntensityStats(
            values=values,
            counts=counts,
            minimum=min(self.minimum, other.minimum),
            maximum=max(self.maximum, other.maximum),
            total=self.total + other.total,
            squares=self.squares + other.squares,
            count=self.count + other.count,
            unknown=self.unknown + other.unknown,
            is_estimate=self.is_estimate or other.is_estimate,
        )

    def mirror(self) -> IntensityStats:
        """The negative: each pixel as far from one extreme as it was from the other."""
        ends = self.minimum + self.maximum
        return replace(
            self,
            values=(ends - self.values)[::-1],
            counts=self.counts[::-1],
            total=ends * self.count - self.total,
            squares=ends**2 * self.count - 2 * ends * self.total + self.squares,
        )

    def clip(self, low: float, high: float) -> IntensityStats:
        """The same pixels, brought into the range."""
        values = np.clip(self.values, low, high)
        return replace(
            self,
            values=values,
            minimum=float(np.clip(self.minimum, low, high)),
            maximum=float(np.clip(self.maximum, low, high)),
            total=float((values * self.counts).sum()),
            squares=float((values**2 * self.counts).sum()),
        )


def measure(
    view: View, is_exact: bool = False, keep: Callable[[Slices], np.ndarray] | None = None, of_bytes: int = 0
) -> list[IntensityStats]:
    """Each channel of `view`, measured; `keep` gives for a region where pixels count (boolean, its shape).

    `of_bytes`: the size of the file, if the view is a part of it, such as a slice of a stack.
    """
    regions, is_estimate = subsample(view, is_exact, of_bytes)
    stats = [IntensityStats(is_estimate=is_estimate)] * view.channels
    for region in regions:
        array = view.read(region)
        mask = None if keep is None else keep(region)
        for channel, pixels in enumerate(array):
            stats[channel] += _measure_pixels(pixels if mask is None else pixels[mask], is_estimate)
    return stats


def subsample(view: View, is_exact: bool = False, of_bytes: int = 0) -> tuple[Iterable[Slices], bool]:
    """Regions to measure `view` by, and whether they are only a sample of it: evenly spread blocks of a large one.

    `of_bytes`: the size of the file, if the view is a part of it.
    """
    pixels = max(1, _BLOCK_PIXELS // max(1, view.channels))
    size = max(of_bytes, size_in_bytes(view))
    if is_exact or size <= LARGE_BYTES:
        return blocks(view.shape, pixels), False
    share = _SAMPLED_BYTES / size
    # of a slice of a large stack enough is looked at for percentiles to mean something
    share = min(1.0, max(share, _FEWEST_PIXELS / np.prod(view.shape, dtype=float)))
    length = share ** (1 / len(view.shape))
    per_axis = max(2, round(_SAMPLED_BLOCKS ** (1 / len(view.shape))))
    axes = []
    for full in view.shape:
        count = min(per_axis, full)
        size = max(1, int(full * length / count))
        axes.append([slice(at, at + size) for at in np.linspace(0, full - size, count).astype(int).tolist()])
    return [tuple(axis[k] for axis, k in zip(axes, place, strict=True)) for place in np.ndindex(*map(len, axes))], True


def pool(many: Iterable[list[IntensityStats]]) -> list[IntensityStats]:
    """Several images measured, taken together; all need as many channels."""
    return [reduce(IntensityStats.__add__, channel) for channel in zip(*many, strict=True)]


def _measure_pixels(pixels: np.ndarray, is_estimate: bool) -> IntensityStats:
    pixels = pixels.ravel()
    unknown = 0
    if pixels.dtype.kind == "f":
        finite = np.isfinite(pixels)
        unknown = pixels.size - int(np.count_nonzero(finite))
        pixels = pixels[finite] if unknown else pixels
    if not pixels.size:
        return IntensityStats(unknown=unknown, is_estimate=is_estimate)
    if pixels.dtype in (np.uint8, np.uint16):
        counted = bincount(pixels)
        values = np.flatnonzero(counted)
        counts = counted[values]
    else:
        values, counts = np.unique(pixels, return_counts=True)
    values = values.astype(np.float64)
    total, squares = float((values * counts).sum()), float((values**2 * counts).sum())
    low, high = float(values[0]), float(values[-1])
    if len(values) > _MOST_VALUES:
        values, counts = _bin(values, counts=counts)
    return IntensityStats(
        values=values,
        counts=counts,
        minimum=low,
        maximum=high,
        total=total,
        squares=squares,
        count=pixels.size,
        unknown=unknown,
        is_estimate=is_estimate,
    )


def _bin(values: np.ndarray, *, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sorted values in bins; each bin is represented by the mean of what is in it."""
    bits = values.astype(np.float32).view(np.int32)
    bins = bits >> _DROPPED_BITS
    starts = np.flatnonzero(np.r_[True, bins[1:] != bins[:-1]])
    summed = np.add.reduceat(counts, starts)
    return np.add.reduceat(values * counts, starts) / summed, summed
