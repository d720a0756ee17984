"""Sections of a volume in another order or out of line: image and label together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbtrainer.augment.interpolate import sample_plane
from nbtrainer.augment.spatial import no_bend
from nbtrainer.data.normalize import IntensityTransform
from nbtrainer.data.views import mirrored


@dataclass(frozen=True)
class Order:
    """Which section comes to stand at each place."""

    sections: tuple[int, ...]


@dataclass(frozen=True)
class Displacement:
    """Sections `first` to `end` - 1, shifted by (y, x) pixels and turned about their middle by `degrees`."""

    first: int
    end: int
    shift: tuple[int, int] = (0, 0)
    degrees: float = 0.0


def draw_roll(rng: np.random.Generator, step: dict[str, Any], shape: Sequence[int]) -> Order:
    depth = shape[0]
    return _order(np.roll(np.arange(depth), int(rng.integers(1, depth)) if depth > 1 else 0))


def draw_shuffle(rng: np.random.Generator, step: dict[str, Any], shape: Sequence[int]) -> Order:
    return _order(rng.permutation(shape[0]))


def draw_missing(rng: np.random.Generator, step: dict[str, Any], shape: Sequence[int]) -> Order:
    """Sections that follow each other; the mirrored end makes up for them."""
    depth = shape[0]
    count = min(step["sections"], depth - 1)
    first = int(rng.integers(depth - count + 1))
    left = np.delete(np.arange(depth), np.s_[first : first + count])
    return _order(left[mirrored(0, depth, len(left))])


def draw_shift(rng: np.random.Generator, step: dict[str, Any], shape: Sequence[int]) -> Displacement:
    first, end = _draw_moved(rng, step["moved"], shape[0])
    y, x = rng.integers(-step["displacement"], step["displacement"] + 1, 2)
    return Displacement(first, end, shift=(int(y), int(x)))


def draw_turn(rng: np.random.Generator, step: dict[str, Any], shape: Sequence[int]) -> Displacement:
    first, end = _draw_moved(rng, step["moved"], shape[0])
    return Displacement(first, end, degrees=float(rng.uniform(-step["degrees"], step["degrees"])))


def reorder(image: np.ndarray, label: np.ndarray, change: Order) -> tuple[np.ndarray, np.ndarray]:
    """The sections of image and label in the same order."""
    return np.take(image, change.sections, axis=1), np.take(label, change.sections, axis=0)


def move_sections(image: np.ndarray, label: np.ndarray, change: Displacement) -> tuple[np.ndarray, np.ndarray]:
    """Some sections moved: the image by linear, the label by nearest neighbour; beyond the edge both are mirrored."""
    if change.shift == (0, 0) and not change.degrees:
        return image, label
    moved, truth = image.copy(), label.copy()
    angle = np.radians(change.degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    size = image.shape[-2:]
    centre = tuple((length - 1) / 2 + by for length, by in zip(size, change.shift, strict=True))
    levels = IntensityTransform.unchanged(len(image)).levels
    for section in range(change.first, change.end):
        source, plane = np.ascontiguousarray(image[:, section]), np.empty((len(image), *size), np.float32)
        sample_plane(source, label[section], levels, (0, 0), size, centre, turn, no_bend(2), plane, truth[section])
        moved[:, section] = plane
    return moved, truth


def _draw_moved(rng: np.random.Generator, moved: str, depth: int) -> tuple[int, int]:
    if moved == "any":
        moved = ("translation", "slip")[int(rng.integers(2))]
    # the first section stays, so that the others are out of line with something
    first = int(rng.integers(1, depth)) if depth > 1 else 0
    return first, (depth if moved == "translation" else first + 1)


def _order(sections: np.ndarray) -> Order:
    return Order(tuple(map(int, sections)))
