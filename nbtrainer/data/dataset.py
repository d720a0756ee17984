"""Training patches by number: the same seed and number give the same patch, whoever asks and however often."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import product
from typing import Any, TypeVar

import numpy as np

from nbtrainer.data.augment import apply_changes, chosen_steps, draw_changes
from nbtrainer.data.formats import open_image
from nbtrainer.data.normalize import IntensityMap, Normalizer
from nbtrainer.data.pair import Pair
from nbtrainer.data.preparation import Preparation
from nbtrainer.data.region import kept
from nbtrainer.data.statistics import Measured, measure, sampled
from nbtrainer.data.views import Held, Region, View, size_in_bytes, whole
from nbtrainer.data.warp import draw_warp, warp_patch

_T = TypeVar("_T")

# positions of labelled pixels remembered per image, to centre patches on them
_MOST_POSITIONS = 10_000
# larger images are read region by region and not kept, unless all of them fit into the cache
_LARGEST_KEPT = 16 * 1024**2
# tries to find a patch whose middle lies in a region of interest
_TRIES = 100


@dataclass
class Images:
    """Images and labels of pairs, prepared; decoded when first needed and kept up to `cache_bytes`, large ones never."""

    pairs: Sequence[Pair]
    normalizer: Normalizer
    preparation: Preparation = field(default_factory=Preparation)
    cache_bytes: int = 2 * 1024**3
    is_exact: bool = False
    _opened: OrderedDict[int, tuple[View, View]] = field(default_factory=OrderedDict, repr=False)
    _maps: dict[int, IntensityMap] = field(default_factory=dict, repr=False)
    _shapes: dict[int, tuple[int, ...]] = field(default_factory=dict, repr=False)
    _held: int = field(default=0, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __len__(self) -> int:
        return len(self.pairs)

    def views(self, index: int) -> tuple[View, View]:
        """Image and label of pair `index`, to be read region by region."""
        with self._lock:
            if index in self._opened:
                self._opened.move_to_end(index)
                return self._opened[index]
        image, label = self.preparation.open(self.pairs[index])
        size = size_in_bytes(image) + size_in_bytes(label)
        if size <= (self.cache_bytes / len(self.pairs) if size > _LARGEST_KEPT else self.cache_bytes):
            image, label = Held(whole(image)), Held(whole(label), is_label=True)
        else:
            size = 0
        with self._lock:
            if index not in self._opened:
                self._opened[index] = (image, label)
                self._held += size
            while len(self._opened) > 1 and self._held > self.cache_bytes:
                old = self._opened.popitem(last=False)[1]
                self._held -= sum(size_in_bytes(view) for view in old if isinstance(view, Held))
        return image, label

    def shape(self, index: int) -> tuple[int, ...]:
        """Spatial shape of pair `index`, prepared; reads no pixels, unless objects are brought to one diameter."""
        if index not in self._shapes:
            self._shapes[index] = self.preparation.open(self.pairs[index])[0].shape
        return self._shapes[index]

    def raw(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """All of pair `index`: image (C, [Z,] Y, X) as stored, label ([Z,] Y, X) unsigned integers."""
        image, label = self.views(index)
        return whole(image), whole(label)

    def intensity_map(self, index: int) -> IntensityMap:
        """How image `index` is normalised; measured once, over the whole image, only where its label is not ignored."""
        if index not in self._maps:
            if self.normalizer.fixed is not None:
                return self.normalizer.fixed
            self._maps[index] = self.normalizer.map_of(self.measured(index))
        return self._maps[index]

    def measured(self, index: int) -> list[Measured]:
        """The channels of image `index`, measured where its label is not ignored."""
        image, label = self.views(index)
        file = 0 if self.pairs[index].slice is None else open_image(self.pairs[index].image).nbytes
        return measure(image, self.is_exact, self._counted(index, label), file)

    def region(self, index: int, region: Region) -> tuple[np.ndarray, np.ndarray]:
        """A part of pair `index`: image float32, normalised, and label."""
        image, label = self.views(index)
        return self.intensity_map(index).apply(image.read(region)), label.read(region)

    def whole(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """All of pair `index`: image (C, [Z,] Y, X) float32, normalised, and label ([Z,] Y, X)."""
        return self.region(index, tuple(slice(0, length) for length in self.shape(index)))

    def is_inside(self, index: int, centre: Sequence[float]) -> bool:
        """Whether a point of pair `index` lies in what is used of it: true where it has no regions."""
        regions = self.pairs[index].regions
        if not regions or self.preparation.resize or self.preparation.diameter:
            return True
        part = self.pairs[index].part
        start = [0, 0] if part is None else [along[0] for along in part[-2:]]
        y, x = (round(at) + first for at, first in zip(centre[-2:], start, strict=True))
        return bool(kept(regions, slice(y, y + 1), slice(x, x + 1))[0, 0])

    def _counted(self, index: int, label: View) -> Callable[[Region], np.ndarray] | None:
        """What of an image counts when it is measured; None: all of it."""
        if not self.pairs[index].regions and self.preparation.ignore_value is None:
            return None
        return lambda region: label.read(region) != self.preparation.ignored


@dataclass
class Patches:
    """Training patches by number, in passes that show every image according to its size.

    `method` is `random` (anywhere) or `grid` (tiles that cover each image, the last ones shifted back inside).
    """

    images: Images
    shapes: Sequence[tuple[int, ...]]
    patch_size: tuple[int, ...]
    method: str = "random"
    foreground_fraction: float = 0.0
    steps: Sequence[dict[str, Any]] = ()
    seed: int = 0
    shuffle: bool = True
    is_foreground: Callable[[np.ndarray], np.ndarray] = lambda label: label > 0
    apply: str = "each"
    rotate_and_flip: bool = False
    _ends: np.ndarray = field(init=False, repr=False)
    _order: tuple[int, np.ndarray] = field(init=False, repr=False)
    _positions: dict[int, np.ndarray] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        counts = []
        for shape in self.shapes:
            if self.method == "grid":
                counts.append(int(np.prod([len(starts) for starts in _grid_starts(shape, self.patch_size)])))
            else:
                counts.append(max(1, round(float(np.prod(shape, dtype=float) / np.prod(self.patch_size)))))
        self._ends = np.cumsum(counts)
        self._order = (-1, np.zeros(0, int))

    @property
    def per_pass(self) -> int:
        """Patches that show every image once."""
        return int(self._ends[-1])

    def patch(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Patch `number`: image (C, [Z,] Y, X) float32, normalised and changed; label ([Z,] Y, X), as in the file."""
        index, centre = self._place(number)
        rng = np.random.default_rng([self.seed, number])
        shape = self.shapes[index]
        if centre is None:
            centre = self._draw_centre(rng, index, shape)
        steps = chosen_steps(rng, self.steps, self.apply, self.rotate_and_flip)
        warp = draw_warp(rng, steps, self.patch_size)
        changes = draw_changes(rng, steps, self.patch_size, self.images.preparation.ignored)
        raw, label = self.images.views(index)
        intensity_map = self.images.intensity_map(index)
        image, truth = warp_patch(
            lambda region: intensity_map.apply(raw.read(region)), label.read, shape, centre, self.patch_size, warp
        )
        return apply_changes(image, truth, changes)

    def _place(self, number: int) -> tuple[int, tuple[float, ...] | None]:
        which_pass, position = divmod(number, self.per_pass)
        if self.shuffle:
            current = self._order
            if current[0] != which_pass:
                # numbers of patches and of passes must not meet: a pass has a third number
                current = (which_pass, np.random.default_rng([self.seed, which_pass, 1]).permutation(self.per_pass))
                self._order = current
            position = int(current[1][position])
        index = int(np.searchsorted(self._ends, position, side="right"))
        if self.method != "grid":
            return index, None
        starts = _grid_starts(self.shapes[index], self.patch_size)
        within = position - (int(self._ends[index - 1]) if index else 0)
        place = np.unravel_index(within, tuple(len(axis) for axis in starts))
        return index, tuple(
            _centre(axis[int(k)], full, length)
            for axis, k, full, length in zip(starts, place, self.shapes[index], self.patch_size, strict=True)
        )

    def _draw_centre(self, rng: np.random.Generator, index: int, shape: tuple[int, ...]) -> tuple[float, ...]:
        """The middle of a patch inside the image: a labelled pixel with probability `foreground_fraction`, else any."""
        if self.foreground_fraction and rng.random() < self.foreground_fraction:
            positions = self._labelled(index)
            if len(positions):
                return tuple(float(at) for at in positions[rng.integers(len(positions))])
        for _ in range(_TRIES):
            corner = [
                int(rng.integers(max(1, full - length + 1)))
                for full, length in zip(shape, self.patch_size, strict=True)
            ]
            centre = tuple(
                _centre(start, full, length) for start, full, length in zip(corner, shape, self.patch_size, strict=True)
            )
            if self.images.is_inside(index, centre):
                break
        return centre

    def _labelled(self, index: int) -> np.ndarray:
        """Places of labelled pixels, evenly thinned; of a large label those in sampled blocks."""
        if index not in self._positions:
            label = self.images.views(index)[1]
            found = []
            for region in sampled(label)[0]:
                inside = np.argwhere(self.is_foreground(label.read(region)))
                step = max(1, len(inside) // _MOST_POSITIONS)
                found.append(inside[::step] + [part.start for part in region])
            places = np.concatenate(found)
            step = max(1, len(places) // _MOST_POSITIONS)
            self._positions[index] = places[::step].astype(np.int32)
        return self._positions[index]


def grid_centres(shape: Sequence[int], size: Sequence[int]) -> list[tuple[float, ...]]:
    """Centres of the tiles of `size` that cover an image of `shape`; the last of a row or column is shifted back inside."""
    axes = [
        [_centre(start, full, length) for start in starts]
        for starts, full, length in zip(_grid_starts(shape, size), shape, size, strict=True)
    ]
    return list(product(*axes))


def prefetched(make: Callable[[int], _T], numbers: range, workers: int) -> Iterator[_T]:
    """`make(number)` for each of `numbers`, in order; up to two a worker are made ahead in threads."""
    if not workers:
        yield from map(make, numbers)
        return
    pool = ThreadPoolExecutor(workers, thread_name_prefix="nbtrainer-patches")
    ahead: list[Future[_T]] = []
    try:
        for number in numbers:
            ahead.append(pool.submit(make, number))
            if len(ahead) > 2 * workers:
                yield ahead.pop(0).result()
        while ahead:
            yield ahead.pop(0).result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _grid_starts(shape: Sequence[int], size: Sequence[int]) -> list[list[int]]:
    """Where tiles begin along each axis."""
    axes = []
    for full, length in zip(shape, size, strict=True):
        starts = [*range(0, max(1, full - length + 1), length)]
        if starts[-1] + length < full:
            starts.append(full - length)
        axes.append(starts)
    return axes


def _centre(start: int, full: int, length: int) -> float:
    """Middle of the pixels `start` to `start + length - 1`; of the axis if it is shorter than that."""
    return (full - 1) / 2 if full < length else start + (length - 1) / 2
