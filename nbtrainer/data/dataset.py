"""Training patches by number: the same seed and number give the same patch, whoever asks and however often."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from nbtrainer.data.intensity import change_intensity, draw_intensity
from nbtrainer.data.normalize import IntensityMap, Normalizer
from nbtrainer.data.pair import Pair
from nbtrainer.data.read import as_integers, channels_first, plain_label, read
from nbtrainer.data.warp import draw_warp, warp_patch

_T = TypeVar("_T")

# positions of labelled pixels remembered per image, to centre patches on them
_MOST_POSITIONS = 10_000


@dataclass
class Images:
    """Images and labels of pairs, decoded when first needed and kept up to `cache_bytes`."""

    pairs: Sequence[Pair]
    normalizer: Normalizer
    dim: int = 2
    channel_axis: int | None = None
    cache_bytes: int = 2 * 1024**3
    _decoded: OrderedDict[int, tuple[np.ndarray, np.ndarray]] = field(default_factory=OrderedDict, repr=False)
    _maps: dict[int, IntensityMap] = field(default_factory=dict, repr=False)
    _held: int = field(default=0, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __len__(self) -> int:
        return len(self.pairs)

    def raw(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Image (C, Y, X) as stored and label (Y, X) as unsigned integers."""
        with self._lock:
            if index in self._decoded:
                self._decoded.move_to_end(index)
                return self._decoded[index]
        pair = self.pairs[index]
        image = channels_first(read(pair.image), self.dim, self.channel_axis)
        label = as_integers(plain_label(read(pair.label), self.dim))
        with self._lock:
            if index not in self._decoded:
                self._decoded[index] = (image, label)
                self._held += image.nbytes + label.nbytes
            while len(self._decoded) > 1 and self._held > self.cache_bytes:
                self._held -= sum(array.nbytes for array in self._decoded.popitem(last=False)[1])
        return image, label

    def intensity_map(self, index: int) -> IntensityMap:
        """How image `index` is normalised; measured once, over the whole image."""
        if index not in self._maps:
            self._maps[index] = self.normalizer.measure(self.raw(index)[0])
        return self._maps[index]

    def whole(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Image (C, Y, X) float32, normalised, and label (Y, X)."""
        image, label = self.raw(index)
        return self.intensity_map(index).apply(image), label


@dataclass
class Patches:
    """Training patches by number, in passes that show every image according to its size.

    `method` is `random` (anywhere) or `grid` (tiles that cover each image, the last ones shifted back inside).
    """

    images: Images
    shapes: Sequence[tuple[int, int]]
    patch_size: tuple[int, int]
    method: str = "random"
    foreground_fraction: float = 0.0
    steps: Sequence[dict[str, Any]] = ()
    seed: int = 0
    shuffle: bool = True
    is_foreground: Callable[[np.ndarray], np.ndarray] = lambda label: label > 0
    _places: list[tuple[int, tuple[float, float] | None]] = field(init=False, repr=False)
    _order: tuple[int, np.ndarray] = field(init=False, repr=False)
    _positions: dict[int, np.ndarray] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self._places = []
        for index, shape in enumerate(self.shapes):
            centres = grid_centres(shape, self.patch_size)
            count = len(centres) if self.method == "grid" else max(1, round(np.prod(shape) / np.prod(self.patch_size)))
            self._places += [(index, centres[k] if self.method == "grid" else None) for k in range(count)]
        self._order = (-1, np.zeros(0, int))

    @property
    def per_pass(self) -> int:
        """Patches that show every image once."""
        return len(self._places)

    def patch(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Patch `number`: image (C, Y, X) float32, normalised and changed; label (Y, X), as in the file."""
        index, centre = self._place(number)
        rng = np.random.default_rng([self.seed, number])
        shape = self.shapes[index]
        if centre is None:
            centre = self._draw_centre(rng, index, shape)
        warp = draw_warp(rng, self.steps, self.patch_size)
        changes = draw_intensity(rng, self.steps)
        raw, label = self.images.raw(index)
        intensity_map = self.images.intensity_map(index)
        image, label = warp_patch(
            lambda rows, columns: intensity_map.apply(raw[:, rows, columns]),
            lambda rows, columns: label[rows, columns],
            shape,
            centre,
            self.patch_size,
            warp,
        )
        for change in changes:
            image = change_intensity(image, change)
        return image, label

    def _place(self, number: int) -> tuple[int, tuple[float, float] | None]:
        which_pass, position = divmod(number, self.per_pass)
        if not self.shuffle:
            return self._places[position]
        current = self._order
        if current[0] != which_pass:
            # numbers of patches and of passes must not meet: a pass has a third number
            current = (
                which_pass,
                np.random.default_rng([self.seed, which_pass, 1]).permutation(self.per_pass),
            )
            self._order = current
        return self._places[int(current[1][position])]

    def _draw_centre(self, rng: np.random.Generator, index: int, shape: tuple[int, int]) -> tuple[float, float]:
        """The middle of a patch inside the image: a labelled pixel with probability `foreground_fraction`, else any."""
        if self.foreground_fraction and rng.random() < self.foreground_fraction:
            positions = self._labelled(index)
            if len(positions):
                y, x = positions[rng.integers(len(positions))]
                return float(y), float(x)
        corner = [
            int(rng.integers(max(1, full - length + 1))) for full, length in zip(shape, self.patch_size, strict=True)
        ]
        return _centre(corner[0], shape[0], self.patch_size[0]), _centre(corner[1], shape[1], self.patch_size[1])

    def _labelled(self, index: int) -> np.ndarray:
        if index not in self._positions:
            found = np.argwhere(self.is_foreground(self.images.raw(index)[1]))
            step = max(1, len(found) // _MOST_POSITIONS)
            self._positions[index] = found[::step].astype(np.int32)
        return self._positions[index]


def grid_centres(shape: tuple[int, int], size: tuple[int, int]) -> list[tuple[float, float]]:
    """Centres of the tiles of `size` that cover an image of `shape`; the last of a row or column is shifted back inside."""
    axes = []
    for full, length in zip(shape, size, strict=True):
        starts = [*range(0, max(1, full - length + 1), length)]
        if starts[-1] + length < full:
            starts.append(full - length)
        axes.append([_centre(start, full, length) for start in starts])
    return [(y, x) for y in axes[0] for x in axes[1]]


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


def _centre(start: int, full: int, length: int) -> float:
    """Middle of the pixels `start` to `start + length - 1`; of the axis if it is shorter than that."""
    return (full - 1) / 2 if full < length else start + (length - 1) / 2
