"""Where patches are cut out of the images: anywhere, on a grid, one an image, each class as often, on what is hard."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass, field
from itertools import product
from typing import Any

import numpy as np

from nbtrainer.data.images import Images
from nbtrainer.data.statistics import subsample
from nbtrainer.labels.connected import label_components
from nbtrainer.labels.integers import equals

# positions of a class remembered per image, to centre patches on them
_MOST_POSITIONS = 10_000
# tries to find a patch whose middle lies in a region of interest
_TRIES = 100


@dataclass(frozen=True)
class PatchLocation:
    """Image `index` and the middle of a patch in it; `rejected`: how many were drawn before and given up."""

    index: int
    centre: tuple[float, ...]
    rejected: int = 0

    def as_record(self) -> list[Any]:
        """Plain values for a checkpoint; `PatchLocation.of` gives the location back."""
        return [self.index, list(self.centre), self.rejected]

    @classmethod
    def of(cls, values: Sequence[Any]) -> PatchLocation:
        return cls(int(values[0]), tuple(values[1]), int(values[2]))


@dataclass
class PatchSampler:
    """Where patches are cut, by number, in passes; the same number and seed give the same location.

    `method`: `random` (anywhere, images by their size), `grid` (patches that cover each image, neighbours sharing
    `overlap` pixels, the last ones shifted back inside), `image` (one of each image), `balanced` (each class as often,
    in whatever image has it). `samples_per_image` sets how many of each image a pass of `random` has.

    A patch of which less than `min_foreground` is labelled, or with fewer than `min_objects`, is drawn again with the
    probability `rejection_probability`, at most `max_attempts` times; then the one with most in it is taken. `hard`:
    locations that training found hard, from which a share `hard_fraction` of the patches is taken. `class_of` gives the
    class of each pixel of a label ([z,] y, x) as uint8.
    """

    images: Images
    shapes: Sequence[tuple[int, ...]]
    patch_size: tuple[int, ...]
    _: KW_ONLY
    seed: int
    shuffle: bool
    method: str
    overlap: int
    samples_per_image: int | None
    foreground_fraction: float
    min_foreground: float
    min_objects: int
    rejection_probability: float
    max_attempts: int
    hard_fraction: float
    class_of: Callable[[np.ndarray], np.ndarray]
    hard: list[PatchLocation] = field(default_factory=list)
    _ends: np.ndarray = field(init=False, repr=False)
    _order: tuple[int, np.ndarray] = field(default=(-1, np.zeros(0, int)), init=False, repr=False)
    _positions: dict[int, dict[int, np.ndarray]] = field(default_factory=dict, repr=False)
    _images_of_class: dict[int, list[int]] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        self._ends = np.cumsum([self._count(shape) for shape in self.shapes])

    @property
    def per_pass(self) -> int:
        """Patches that show every image once."""
        return int(self._ends[-1])

    def locate(self, number: int, rng: np.random.Generator) -> PatchLocation:
        """Where patch `number` is cut; what is left to chance is drawn from `rng`."""
        if self.method == "grid":
            return self._tile(self._position(number))
        if self.hard_fraction and rng.random() < self.hard_fraction and self.hard:
            return self.hard[rng.integers(len(self.hard))]
        target_class = self._class(number) if self.method == "balanced" else None
        index = self._index(number, target_class, rng)
        if target_class is None and self.foreground_fraction and rng.random() < self.foreground_fraction:
            known = [positions for value, positions in self._classes(index).items() if value]
            if known:
                target_class = -1
        return self._sample_location(index, target_class, rng)

    # one of the ways

    def _count(self, shape: tuple[int, ...]) -> int:
        if self.method == "grid":
            return int(
                np.prod([len(starts) for starts in grid_origins(shape, size=self.patch_size, overlap=self.overlap)])
            )
        if self.method == "image":
            return 1
        if self.samples_per_image is not None:
            return self.samples_per_image
        return max(1, round(float(np.prod(shape, dtype=float) / np.prod(self.patch_size))))

    def _position(self, number: int) -> int:
        """The place of `number` in its pass, shuffled anew for each pass."""
        which_pass, position = divmod(number, self.per_pass)
        if not self.shuffle:
            return position
        current = self._order
        if current[0] != which_pass:
            # numbers of patches and of passes must not meet: a pass has a third number
            current = (which_pass, np.random.default_rng([self.seed, which_pass, 1]).permutation(self.per_pass))
            self._order = current
        return int(current[1][position])

    def _tile(self, position: int) -> PatchLocation:
        index = int(self._ends.searchsorted(position, side="right"))
        starts = grid_origins(self.shapes[index], size=self.patch_size, overlap=self.overlap)
        within = position - (int(self._ends[index - 1]) if index else 0)
        place = np.unravel_index(within, tuple(len(axis) for axis in starts))
        return PatchLocation(
            index,
            tuple(
                middle(axis[int(k)], full=full, length=length)
                for axis, k, full, length in zip(starts, place, self.shapes[index], self.patch_size, strict=True)
            ),
        )

    def _class(self, number: int) -> int | None:
        """Every class in turn, in an order shuffled for each round; None where nothing is labelled at all."""
        images_of_class = self._find_images_of_classes()
        if not images_of_class:
            return None
        turn, position = divmod(number, len(images_of_class))
        order = np.random.default_rng([self.seed, turn, 2]).permutation(len(images_of_class))
        return sorted(images_of_class)[int(order[position])]

    def _index(self, number: int, target_class: int | None, rng: np.random.Generator) -> int:
        if target_class is None:
            return int(self._ends.searchsorted(self._position(number), side="right"))
        candidates = self._images_of_class[target_class]
        return candidates[int(rng.integers(len(candidates)))]

    def _sample_location(self, index: int, target_class: int | None, rng: np.random.Generator) -> PatchLocation:
        """A place in image `index`, on a pixel of `target_class` (-1: any but background), that is not rejected."""
        centre = best = self._sample_center(index, target_class, rng)
        if not self.images.has_label(index) or not (self.min_foreground or self.min_objects):
            return PatchLocation(index, centre)
        most = (-1, -1.0)
        for rejected in range(self.max_attempts):
            objects, share = self._content(index, centre)
            if (
                share >= self.min_foreground and objects >= self.min_objects
            ) or rng.random() >= self.rejection_probability:
                return PatchLocation(index, centre, rejected)
            if (objects, share) > most:
                best, most = centre, (objects, share)
            centre = self._sample_center(index, target_class, rng)
        return PatchLocation(index, best, self.max_attempts)

    def _sample_center(self, index: int, target_class: int | None, rng: np.random.Generator) -> tuple[float, ...]:
        shape = self.shapes[index]
        if target_class is not None:
            classes = self._classes(index)
            positions = (
                classes[target_class]
                if target_class >= 0
                else np.concatenate([pixels for value, pixels in classes.items() if value])
            )
            return _choose_position(positions, rng)
        for _ in range(_TRIES):
            centre = tuple(
                middle(int(rng.integers(max(1, full - length + 1))), full=full, length=length)
                for full, length in zip(shape, self.patch_size, strict=True)
            )
            if self.images.is_inside(index, centre) and self._is_known(index, centre):
                return centre
        # little of the image is known: the middle of a patch must be
        known = list(self._classes(index).values())
        if not known:
            return centre
        return _choose_position(np.concatenate(known), rng)

    def _is_known(self, index: int, centre: tuple[float, ...]) -> bool:
        """Whether something is known of the pixel in the middle of a patch: always, unless values are ignored."""
        preparation = self.images.preparation
        if preparation.ignore_value is None or not self.images.has_label(index):
            return True
        label = self.images.views(index)[1]
        at = tuple(slice(int(place), int(place) + 1) for place in centre)
        return bool((~equals(label.read(at), preparation.ignored)).all())

    def _content(self, index: int, centre: tuple[float, ...]) -> tuple[int, float]:
        """Of a patch around `centre`, before it is warped: objects, up to `min_objects`, and the share that is labelled."""
        box = []
        for at, length, full in zip(centre, self.patch_size, self.shapes[index], strict=True):
            start = min(max(0, round(at - (length - 1) / 2)), max(0, full - length))
            box.append(slice(start, min(full, start + length)))
        label = self.images.views(index)[1].read(tuple(box))
        share = float((self.class_of(label) > 0).mean())
        if not self.min_objects:
            return 0, share
        owners = label_components(np.where(equals(label, self.images.preparation.ignored), 0, label))[1]
        return min(len(owners) - 1, self.min_objects), share

    # what classes there are, and where

    def _find_images_of_classes(self) -> dict[int, list[int]]:
        """The images that have each class."""
        with self._lock:
            if not self._images_of_class:
                homes: dict[int, list[int]] = {}
                for index in range(len(self.shapes)):
                    for value in self._classes(index):
                        homes.setdefault(value, []).append(index)
                self._images_of_class = homes
        return self._images_of_class

    def _classes(self, index: int) -> dict[int, np.ndarray]:
        """Positions of pixels of each class, evenly thinned; of a large label those in sampled blocks."""
        if index not in self._positions:
            label = self.images.views(index)[1]
            coordinates: dict[int, list[np.ndarray]] = {}
            for region in subsample(label, self.images.is_exact)[0]:
                array = label.read(region)
                classes = self.class_of(array)
                known = ~equals(array, self.images.preparation.ignored)
                for value in np.unique(classes[known]):
                    inside = np.flatnonzero((classes == value) & known)
                    places = np.unravel_index(inside[:: max(1, len(inside) // _MOST_POSITIONS)], classes.shape)
                    coordinates.setdefault(int(value), []).append(np.stack(places, 1) + [part.start for part in region])
            joined = {value: np.concatenate(places) for value, places in coordinates.items()}
            self._positions[index] = {
                value: places[:: max(1, len(places) // _MOST_POSITIONS)].astype(np.int32)
                for value, places in joined.items()
            }
        return self._positions[index]


def _choose_position(positions: np.ndarray, rng: np.random.Generator) -> tuple[float, ...]:
    return tuple(float(at) for at in positions[rng.integers(len(positions))])


def grid_centres(shape: Sequence[int], *, size: Sequence[int], overlap: int) -> list[tuple[float, ...]]:
    """Centres of the patches of `size` that cover an image of `shape`; the last of a row or column is shifted back inside."""
    axes = [
        [middle(start, full=full, length=length) for start in starts]
        for starts, full, length in zip(grid_origins(shape, size=size, overlap=overlap), shape, size, strict=True)
    ]
    return list(product(*axes))


def grid_origins(shape: Sequence[int], *, size: Sequence[int], overlap: int) -> list[list[int]]:
    """Where patches begin along each axis; neighbours share `overlap` pixels, at most half a patch."""
    axes = []
    for full, length in zip(shape, size, strict=True):
        step = max(1, length - min(overlap, length // 2))
        starts = [*range(0, max(1, full - length + 1), step)]
        if starts[-1] + length < full:
            starts.append(full - length)
        axes.append(starts)
    return axes


def middle(start: int, *, full: int, length: int) -> float:
    """Middle of the pixels `start` to `start + length - 1`; of the axis if it is shorter than that."""
    return (full - 1) / 2 if full < length else start + (length - 1) / 2
