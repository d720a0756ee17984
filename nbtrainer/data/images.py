"""Images and labels of pairs, prepared and normalised: kept in memory while they fit, else read region by region."""

from __future__ import annotations

import itertools
import threading
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from nbtrainer.data.cache import Cache
from nbtrainer.data.fingerprints import Fingerprints
from nbtrainer.data.normalize import IntensityTransform, Normalizer
from nbtrainer.data.pair import Pair
from nbtrainer.data.preparation import Preparation
from nbtrainer.data.roi import keep_mask
from nbtrainer.data.statistics import IntensityStats, measure
from nbtrainer.data.views import ArrayView, Slices, View, size_in_bytes, whole
from nbtrainer.io.formats import open_image
from nbtrainer.labels import read_links
from nbtrainer.labels.integers import equals

# larger images are kept as long as there is room, and not given up for others
_LARGEST_KEPT = 16 * 1024**2


@dataclass(kw_only=True)
class Images:
    """Images and labels of pairs, prepared; decoded when first needed and kept in `cache`, which others may share.

    A file that is read again is compared with `fingerprints`, if there are any: `UserError` if it is another by now.

    The label of an image without one says of every pixel that nothing is known.
    """

    pairs: Sequence[Pair]
    normalizer: Normalizer
    preparation: Preparation
    cache: Cache = field(default_factory=Cache)
    is_exact: bool = False
    fingerprints: Fingerprints | None = None
    _opened: dict[int, tuple[View, View]] = field(default_factory=dict, init=False, repr=False)
    _maps: dict[int, IntensityTransform] = field(default_factory=dict, init=False, repr=False)
    _shapes: dict[int, tuple[int, ...]] = field(default_factory=dict, init=False, repr=False)
    _links: dict[int, list[tuple[int, int]]] = field(default_factory=dict, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    _owner: int = field(default_factory=itertools.count().__next__, init=False, repr=False)

    def __post_init__(self) -> None:
        weakref.finalize(self, self.cache.forget, self._owner).atexit = False

    def __len__(self) -> int:
        return len(self.pairs)

    def views(self, index: int) -> tuple[View, View]:
        """Image and label of pair `index`, to be read region by region."""
        key = (self._owner, index)
        cached = self.cache.get(key)
        if cached is not None:
            return cached
        if self.fingerprints is not None:
            self.fingerprints.check(self.pairs[index].files)
        with self._lock:
            if index in self._opened:
                return self._opened[index]
        image, label = self.preparation.open(self.pairs[index])
        size = size_in_bytes(image) + size_in_bytes(label)
        if self.cache.admits(size):
            held = ArrayView(whole(image)), ArrayView(whole(label), is_label=True)
            self.cache.put(key, held, size, size > _LARGEST_KEPT)
            return held
        with self._lock:
            return self._opened.setdefault(index, (image, label))

    def shape(self, index: int) -> tuple[int, ...]:
        """Spatial shape of pair `index`, prepared; reads no pixels, unless objects are brought to one diameter."""
        if index not in self._shapes:
            self._shapes[index] = self.preparation.open(self.pairs[index])[0].shape
        return self._shapes[index]

    def raw(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """All of pair `index`: image (C, [Z,] Y, X) as stored, label ([Z,] Y, X) unsigned integers."""
        image, label = self.views(index)
        return whole(image), whole(label)

    def intensity_map(self, index: int) -> IntensityTransform:
        """How image `index` is normalised; measured once, over the whole image, where its label, if any, is not ignored."""
        if index not in self._maps:
            if self.normalizer.fixed is not None:
                return self.normalizer.fixed
            self._maps[index] = self.normalizer.fit(self.channel_stats(index))
        return self._maps[index]

    def channel_stats(self, index: int) -> list[IntensityStats]:
        """The channels of image `index`, measured where its label is not ignored."""
        image, label = self.views(index)
        file = 0 if self.pairs[index].slice is None else open_image(self.pairs[index].image).nbytes
        return measure(image, self.is_exact, self._measured_mask(index, label), file)

    def region(self, index: int, region: Slices) -> tuple[np.ndarray, np.ndarray]:
        """A part of pair `index`: image float32, normalised, and label."""
        image, label = self.views(index)
        return self.intensity_map(index).apply(image.read(region)), label.read(region)

    def whole(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """All of pair `index`: image (C, [Z,] Y, X) float32, normalised, and label ([Z,] Y, X)."""
        image, label = self.raw(index)
        return self.intensity_map(index).apply(image), label

    def has_label(self, index: int) -> bool:
        """Whether something is known of pair `index`, so that it can be scored."""
        return self.pairs[index].label is not None

    def links(self, index: int) -> list[tuple[int, int]]:
        """Pairs of label values of pair `index` that are parts of one object."""
        path = self.pairs[index].links
        if path is None:
            return []
        if index not in self._links:
            self._links[index] = read_links(path)
        return self._links[index]

    def is_inside(self, index: int, centre: Sequence[float]) -> bool:
        """Whether a point of pair `index` lies in what is used of it: true where it has no regions."""
        regions = self.pairs[index].regions
        if not regions or self.preparation.resize or self.preparation.diameter:
            return True
        part = self.pairs[index].crop
        start = [0, 0] if part is None else [along[0] for along in part[-2:]]
        y, x = (round(at) + first for at, first in zip(centre[-2:], start, strict=True))
        return bool(keep_mask(regions, slice(y, y + 1), slice(x, x + 1))[0, 0])

    def _measured_mask(self, index: int, label: View) -> Callable[[Slices], np.ndarray] | None:
        """What of an image counts when it is measured; None: all of it."""
        if not self.has_label(index):
            return None
        if not self.pairs[index].regions and self.preparation.ignore_value is None:
            return None
        return lambda region: ~equals(label.read(region), self.preparation.ignored)
