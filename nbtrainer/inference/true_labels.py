"""True labels as training reads them, for scores: from arrays, files, and outlines."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from nbtrainer.config.dataset import Dataset
from nbtrainer.data.label_views import as_unsigned
from nbtrainer.data.pair import Pair
from nbtrainer.data.pair_files import pair_files
from nbtrainer.data.preparation import Preparation
from nbtrainer.data.roi import IGNORED
from nbtrainer.errors import DataError
from nbtrainer.inference.open_input import as_numbers
from nbtrainer.io.annotations import is_annotation, read_contents
from nbtrainer.io.annotations.classes import number_classes
from nbtrainer.io.axes import Layout, format_shape
from nbtrainer.io.read import read_label
from nbtrainer.labels.integers import equals
from nbtrainer.tasks import Task


def read_true_label(
    label: Any,
    shape: tuple[int, ...],
    where: str,
    image: Any = None,
    *,
    task: Task,
    preparation: Preparation,
    layout_of: Callable[[Pair], Layout],
) -> np.ndarray:
    """A true label of an `image` of this shape, arrays, paths of files, or a pair, as training reads it: uint32.

    Outlines need the pair or the path of the `image` that they were drawn on. Raises `UserError` for another shape,
    and for what the check before training would refuse.
    """
    if isinstance(image, str | os.PathLike) and isinstance(label, str | os.PathLike):
        (label,) = pair_files([Path(image)], [Path(label)], where, Dataset().naming(), use="auto")
    if isinstance(label, Pair):
        if label.label is None or is_annotation(label.label):
            return _draw(label, shape, task, preparation, layout_of(label))
        label = label.label
    source = Path(label) if isinstance(label, str | os.PathLike) else as_numbers(label, where)
    file = Path(image) if isinstance(image, str | os.PathLike) else None
    label_image = read_label(source, len(shape), where, file, z_axis=preparation.z_axis)
    if label_image.shape != shape:
        wrong = f"the label is {format_shape(label_image.shape)}, its image {format_shape(shape)}"
        raise DataError(where, wrong, "Give a label of its size")
    ignored = preparation.ignore_value
    wrong = ""
    if label_image.size and label_image.max() >= IGNORED:
        wrong = f"the label holds the value {label_image.max()}, which is too large"
    elif label_image.size and np.any((label_image < 0) & ~equals(label_image, ignored)):
        wrong = f"the label holds the negative value {label_image.min()}"
    if wrong:
        raise DataError(where, wrong, "Number objects or classes from 1; 0 is background")
    return as_unsigned(label_image, ignored)


def _draw(pair: Pair, shape: tuple[int, ...], task: Task, preparation: Preparation, layout: Layout) -> np.ndarray:
    """The outlines of `pair` as a label of `shape`; of a stack of images a stack."""
    preparation = dataclasses.replace(preparation, outlines=task.outlines)
    numbers = dict(preparation.outline_classes)
    if task.outlines == "classes" and not numbers:
        # the model learned from label images: its classes have names there, or the file's own numbers
        named = zip(task.classes, getattr(task, "class_values", ())[1:], strict=False)
        class_names = {entry for classes in read_contents(pair.required_label).classes.values() for entry in classes}
        known = {name: value for name, value in named if any(name == other for other, _ in class_names)}
        numbers = known or number_classes(class_names)
        preparation = dataclasses.replace(preparation, outline_classes=tuple(numbers.items()))
    of_one = shape[len(shape) - preparation.dim :]

    def draw(frame: int, index: int | None) -> np.ndarray:
        return preparation.draw_outlines(dataclasses.replace(pair, slice=index), of_one, layout, frame)

    frames = range(shape[0] if layout.frames is not None else 1)
    slices = range(shape[-preparation.dim - 1]) if layout.slices is not None else [None]
    return np.stack([draw(frame, index) for frame in frames for index in slices]).reshape(shape)
