"""Sections of a volume in another order or out of line: image and label together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from nbtrainer.augment.device.arrays import upload
from nbtrainer.augment.device.sample import StoredRegions, sample_batch
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
    size = image.shape[-2:]
    centre, turn = _centre(size, params), _turn(params)
    levels = IntensityTransform.unchanged(len(image)).levels
    for section in range(params.first, params.end):
        source, plane = np.ascontiguousarray(image[:, section]), np.empty((len(image), *size), np.float32)
        sample_plane(
            source, label[section], levels, (0, 0), size, centre, turn, no_displacement(2), plane, truth[section]
        )
        moved[:, section] = plane
    return moved, truth


def reorder_sections_of_batch(
    images: torch.Tensor, labels: torch.Tensor, params: Sequence[SectionOrder]
) -> tuple[torch.Tensor, torch.Tensor]:
    """The same for a batch: images (B, C, Z, Y, X), labels (B, Z, Y, X)."""
    order = upload(np.array([each.sections for each in params], np.int64), images.device)
    return (
        images.take_along_dim(order.view(len(params), 1, -1, 1, 1), dim=2),
        labels.take_along_dim(order.view(len(params), -1, 1, 1), dim=1),
    )


def move_sections_of_batch(
    images: torch.Tensor, labels: torch.Tensor, params: Sequence[SectionShift]
) -> tuple[torch.Tensor, torch.Tensor]:
    """The same for a batch: each section is an image of its own, that is cut out of the batch."""
    moving = [
        (patch, section)
        for patch, each in enumerate(params)
        if each.shift != (0, 0) or each.degrees
        for section in range(each.first, each.end)
    ]
    if not moving:
        return images, labels
    patch, section = np.array(moving).T
    count, channels, depth, *size = images.shape
    area = size[0] * size[1]
    size_of_all = np.tile(np.array(size, np.int64), (len(moving), 1))
    regions = StoredRegions(
        image=images.reshape(-1),
        label=labels.reshape(-1),
        image_begin=(patch * channels * depth + section) * area,
        label_begin=(patch * depth + section) * area,
        channel_step=np.full(len(moving), depth * area),
        start=np.zeros_like(size_of_all),
        extent=size_of_all,
        full=size_of_all,
    )
    levels = IntensityTransform.unchanged(channels).levels[:, None].repeat(len(moving), 1)
    moved, truth = sample_batch(
        regions,
        centres=np.array([_centre(size, params[k]) for k in patch]),
        matrices=np.array([_turn(params[k]) for k in patch]),
        points=[None] * len(moving),
        levels=levels,
        size=(size[0], size[1]),
    )
    assert truth is not None
    place = upload(patch * depth + section, images.device)
    flat_images = images.movedim(2, 1).reshape(count * depth, channels, *size).index_copy(0, place, moved)
    flat_labels = labels.reshape(count * depth, *size).index_copy(0, place, truth)
    return (
        flat_images.reshape(count, depth, channels, *size).movedim(1, 2).contiguous(),
        flat_labels.reshape(labels.shape),
    )


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


def _centre(size: Sequence[int], params: SectionShift) -> tuple[float, ...]:
    """Where the middle of a section of `size` (y, x) comes from."""
    return tuple((length - 1) / 2 + by for length, by in zip(size, params.shift, strict=True))


def _turn(params: SectionShift) -> np.ndarray:
    angle = np.radians(params.degrees)
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
