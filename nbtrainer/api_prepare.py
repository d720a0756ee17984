"""The part of the public API that lays out files for training; imports inside its functions, as `nbtrainer.api`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from nbtrainer.disk_errors import in_sentences

if TYPE_CHECKING:
    from nbtrainer.data.split_folders import Prepared

Path = str | os.PathLike[str]


@in_sentences
def prepare(images: Path, labels: Path, output_root: Path, data_task: str, **options: Any) -> Prepared:
    """Divide images and labels into `<output_root>/<data_task>/{train,val,test}`; see `nbtrainer.data.prepare.prepare`."""
    from nbtrainer.data.prepare import prepare

    return prepare(images, labels, output_root, data_task, **(_prepare_defaults() | options))


@in_sentences
def prepare_dataset(dataset: Path, output_root: Path, data_task: str, **options: Any) -> Prepared:
    """As `prepare`, for a folder with `images` and `labels`, or with `train`, `val` and `test` already apart; see
    `nbtrainer.data.prepare.prepare_dataset`.
    """
    from nbtrainer.data.prepare import prepare_dataset

    return prepare_dataset(dataset, output_root, data_task, **(_prepare_defaults() | options))


@in_sentences
def stack_images(folder: Path, out: Path, **options: Any) -> tuple[int, ...]:
    """Combine single images into one TIFF stack; returns its shape; see `nbtrainer.data.stack.stack_images`."""
    from nbtrainer.data.stack import stack_images

    return stack_images(folder, out, **options)


@in_sentences
def unstack_images(stack: Path, out_folder: Path, **options: Any) -> list[Any]:
    """Write each slice of a stack as an image of its own; returns their paths; see `nbtrainer.data.stack.unstack_images`."""
    from nbtrainer.data.stack import unstack_images

    return unstack_images(stack, out_folder, **options)


def _prepare_defaults() -> dict[str, Any]:
    from nbtrainer.config.dataset import Dataset
    from nbtrainer.config.training import Training

    return {"naming": Dataset().naming(), "seed": Training().seed}
