"""Sections of a volume in another order or out of line: image and label together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nbtrainer.augment.interpolate import sample_plane
from nbtrainer.augment.spatial import no_displacement
from nbtrainer.data.normalize import IntensityTransform


@dataclass(frozen=True)
class SectionOrder:
    """Which section comes to stand at each place."""

    sections: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class SectionShift:
    """Sections `first` to `end` - 1, shifted by (y, x) pixels and rotated about their middle by `degrees`."""

    first: int
    end: int
    shift: tuple[int, int]
    degrees: float


def reorder_sections(image: np.ndarray, label: np.ndarray, params: SectionOrder) -> tuple[np.ndarray, np.ndarray]:
    """The sections of image and label in the same order."""
    return np.take(image, params.sections, axis=1), np.take(label, params.sections, axis=0)


def move_sections(image: np.ndarray, label: np.ndarray, params: SectionShift) -> tuple[np.ndarray, np.ndarray]:
    """Some sections moved: the image by linear, the label by nearest neighbour; beyond the edge both are mirrored."""
    if params.shift == (0, 0) and not params.degrees:
        return image, label
    moved, truth = image.copy(), label.copy()
    angle = np.radians(params.degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    size = image.shape[-2:]
    centre = tuple((length - 1) / 2 + by for length, by in zip(size, params.shift, strict=True))
    levels = IntensityTransform.unchanged(len(image)).levels
    for section in range(params.first, params.end):
        source, plane = np.ascontiguousarray(image[:, section]), np.empty((len(image), *size), np.float32)
        sample_plane(
            source, label[section], levels, (0, 0), size, centre, turn, no_displacement(2), plane, truth[section]
        )
        moved[:, section] = plane
    return moved, truth


def sample_moved_sections(rng: np.random.Generator, motion: str, depth: int) -> tuple[int, int]:
    """First and end of the sections that a `motion` (any, translation, slip) moves in a stack of `depth`."""
    if motion == "any":
        motion = ("translation", "slip")[int(rng.integers(2))]
    # the first section stays, so that the others are out of line with something
    first = int(rng.integers(1, depth)) if depth > 1 else 0
    return first, (depth if motion == "translation" else first + 1)


def section_order(sections: np.ndarray) -> SectionOrder:
    """`sections` (Z), the index of the section that comes to stand at each place."""
    return SectionOrder(tuple(map(int, sections)))
