"""Sparse images cropped to where their objects are, the crops packed side by side: Omnipose's ensemble images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.ndimage import find_objects, maximum_filter

from nbtrainer.config import Config
from nbtrainer.data.pair import Pair
from nbtrainer.data.preparation import Preparation
from nbtrainer.data.views import whole
from nbtrainer.datasets.survey import survey
from nbtrainer.errors import DataError, UserError
from nbtrainer.io.formats import open_image
from nbtrainer.labels.connected import regions_of
from nbtrainer.labels.integers import equals
from nbtrainer.repair.copies import Copies, point_to, write_image

# background that is kept around objects, in pixels; what lies nearer together is one crop
_MARGIN = 16
# an ensemble is about as wide as high; so much of it is gaps between crops, at a guess
_LOOSE = 1.2

Box = tuple[slice, slice]


def pack_dense_regions(config: Config, files: Sequence[str]) -> str:
    """Write an ensemble of each image whose label has foreground, point the datasets to them, and say so.

    Images without foreground are left out. Only 2D images; regions of interest would not fit any more, so that a
    dataset with regions is refused.
    """
    surveyed = survey(config)
    concerned = sorted({pair.dataset for pair in surveyed.listed if str(pair.image) in files}, reverse=True)
    if not concerned or config.task.dim != 2:
        raise DataError("data.datasets", "there are no 2D images to crop", "Check again")
    plain = Preparation.as_stored(2, channel_axis=config.data.channel_axis, z_axis=config.data.z_axis)
    ignored = surveyed.preparation.ignored
    images, labels = Copies(config, "images"), Copies(config, "labels")
    count, before, after = 0, 0, 0
    try:
        for index in concerned:
            dataset = config.data.datasets[index]
            pairs = [pair for pair in surveyed.listed if pair.dataset == index]
            if (
                dataset.regions
                or dataset.region_files
                or dataset.random_region
                or any(p.slice is not None for p in pairs)
            ):
                raise DataError(
                    f"data.datasets[{index}]", "stacks and regions of interest are not cropped", "Crop them by hand"
                )
            cropped: dict[Path, Path] = {}
            packed: list[Pair] = []
            for pair in pairs:
                image, label = (whole(view) for view in plain.open(pair))
                boxes = dense_boxes((label != 0) & ~equals(label, ignored))
                if not boxes:
                    continue
                cropped[pair.image], cropped[pair.required_label] = (
                    images.path(pair.image),
                    labels.path(pair.required_label),
                )
                ensemble, ensemble_label = ensemble_of(image, label, boxes)
                opened = open_image(pair.image)
                write_image(cropped[pair.image], ensemble, opened.spacing, "S" in opened.axes)
                write_image(cropped[pair.required_label], ensemble_label[np.newaxis], {})
                packed.append(pair)
                before, after, count = before + label.size, after + ensemble_label.size, count + 1
            if packed:
                point_to(config, index, packed, labels, cropped)
    except (UserError, OSError, ValueError) as error:
        images.remove()
        labels.remove()
        if isinstance(error, UserError):
            raise
        raise DataError("data.datasets", f"the images cannot be cropped ({error})", "Crop them by hand") from None
    if not count:
        raise DataError("data.datasets", "no label has any foreground to crop to", "Check the labels")
    return (
        f"{count} images were cropped to where objects are, to {after / before:.0%} of their pixels ({images.folder})"
    )


def dense_boxes(foreground: np.ndarray, margin: int = _MARGIN) -> list[Box]:
    """Boxes (y, x) around groups of objects with `margin` pixels around them, no two of which overlap.

    Objects nearer to each other than twice the margin are one group, so that no object is cut or shown twice.
    """
    boxes = _boxes(maximum_filter(foreground, 2 * margin + 1))
    while True:  # boxes of groups may overlap though the groups do not
        filled = np.zeros(foreground.shape, bool)
        for box in boxes:
            filled[box] = True
        joined = _boxes(filled)
        if len(joined) == len(boxes):
            return joined
        boxes = joined


def ensemble_of(image: np.ndarray, label: np.ndarray, boxes: Sequence[Box]) -> tuple[np.ndarray, np.ndarray]:
    """Crops of image (C, Y, X) and label (Y, X), packed; between them each channel's typical background, and label 0."""
    corners, shape = packed([label[box].shape for box in boxes])
    background = [np.median(channel[label == 0]) if (label == 0).any() else channel.min() for channel in image]
    pixels = np.empty((len(image), *shape), image.dtype)
    pixels[:] = np.array(background).astype(image.dtype)[:, None, None]
    labels = np.zeros(shape, label.dtype)
    for (y, x), box in zip(corners, boxes, strict=True):
        height, width = label[box].shape
        pixels[:, y : y + height, x : x + width] = image[(slice(None), *box)]
        labels[y : y + height, x : x + width] = label[box]
    return pixels, labels


def packed(shapes: Sequence[tuple[int, ...]]) -> tuple[list[tuple[int, int]], tuple[int, int]]:
    """Corners (y, x) at which rectangles of these shapes lie side by side, and the shape (y, x) of all together.

    Rows of rectangles, the highest first (next-fit decreasing height).
    """
    area = sum(height * width for height, width in shapes)
    most = max(max(width for _, width in shapes), round((area * _LOOSE) ** 0.5))
    corners = [(0, 0)] * len(shapes)
    y = x = row = right = 0
    for number in sorted(range(len(shapes)), key=lambda number: -shapes[number][0]):
        height, width = shapes[number]
        if x + width > most:
            y, x, row = y + row, 0, 0
        corners[number] = (y, x)
        x, row = x + width, max(row, height)
        right = max(right, x)
    return corners, (y + row, right)


def _boxes(foreground: np.ndarray) -> list[Box]:
    groups = regions_of(foreground)
    return [(box[0], box[1]) for box in find_objects(groups.astype(np.int32)) if box is not None]
