"""The public API: all that a front end may call. It hands on, without logic, and imports inside its functions, because
torch takes seconds and the form must appear first."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nbtrainer.api_models import download_model as download_model
from nbtrainer.api_models import list_models as list_models
from nbtrainer.api_models import named_models as named_models
from nbtrainer.api_prepare import prepare as prepare
from nbtrainer.api_prepare import prepare_dataset as prepare_dataset
from nbtrainer.api_prepare import stack_images as stack_images
from nbtrainer.api_prepare import unstack_images as unstack_images
from nbtrainer.disk_errors import in_sentences

if TYPE_CHECKING:
    import numpy as np

    from nbtrainer.config import Config
    from nbtrainer.data.pair import Pair
    from nbtrainer.data.roi import RegionOfInterest
    from nbtrainer.datasets import Thumbnail
    from nbtrainer.engine.compare_networks import NetworkCost
    from nbtrainer.engine.find_learning_rate import LearningRateCurve
    from nbtrainer.errors import Finding
    from nbtrainer.inference import Predictor
    from nbtrainer.inference.preview import PredictionPreview
    from nbtrainer.progress import OnProgress
    from nbtrainer.runs import Run
    from nbtrainer.runs.cross_validation import CrossValidation

Path = str | os.PathLike[str]


@in_sentences
def check(config: Config, report: OnProgress | None = None) -> list[Finding]:
    """Everything that is wrong or odd about data and settings: errors first. Changes nothing, trains nothing.

    `report(done, of)` is called as it goes on.

    >>> import nbtrainer as nbt
    >>> folder = nbt.samples.path("nuclei2d")
    >>> config = nbt.Config.preset("binary_2d")
    >>> config.data.datasets = [{"images": folder / "images", "labels": folder / "labels"}]
    >>> [finding for finding in nbt.check(config) if finding.level == "error"]
    []
    """
    from nbtrainer.checks import check

    return check(config, report)


@in_sentences
def fix(config: Config, finding: Finding) -> str:
    """Mend `finding` by repaired copies and edits of `config`, and say how; see `nbtrainer.repair.fix`."""
    from nbtrainer.repair import fix

    return fix(config, finding)


@in_sentences
def fix_title(finding: Finding) -> str:
    """What the button that mends `finding` says; empty if there is no repair."""
    from nbtrainer.repair import fix_title

    return fix_title(finding)


@in_sentences
def fix_all(config: Config, also_leave_out: bool = False) -> list[str]:
    """Mend everything that has a repair; see `nbtrainer.repair.fix_all`."""
    from nbtrainer.repair import fix_all

    return fix_all(config, also_leave_out)


@in_sentences
def finding_picture(config: Config, finding: Finding, size: int = 96) -> Thumbnail | None:
    """The first image that `finding` is about, as a small picture; None if there is none that can be read."""
    from nbtrainer.datasets import finding_picture

    return finding_picture(config, finding, size)


@in_sentences
def pairs(config: Config) -> list[dict[str, Any]]:
    """Every image with its label, one dict a pair: paths, shape, dtype, spacing, objects, split.

    >>> import nbtrainer as nbt
    >>> folder = nbt.samples.path("nuclei2d")
    >>> config = nbt.Config.preset("binary_2d")
    >>> config.data.datasets = [{"images": folder / "images", "labels": folder / "labels"}]
    >>> row = nbt.pairs(config)[0]
    >>> row["shape"], row["dtype"]
    ((256, 256), 'uint16')
    """
    from nbtrainer.datasets import pair_table

    return pair_table(config)


@in_sentences
def thumbnail(config: Config, index: int, size: int = 96, outlines: bool = True, whole: bool = False) -> Thumbnail:
    """Image `index` of the pair table as a small picture, with its label's outline: see `nbtrainer.datasets.thumbnail`."""
    from nbtrainer.datasets import thumbnail

    return thumbnail(config, index, size=size, outlines=outlines, whole=whole)


@in_sentences
def regions(config: Config, index: int) -> tuple[RegionOfInterest, ...]:
    """The regions of image `index` of the pair table, in pixels: typed, from files, random."""
    from nbtrainer.datasets import regions

    return regions(config, index)


@in_sentences
def histogram(config: Config, index: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """How often intensities occur in image `index` of the pair table: (shares, edges) `before` and `after` normalisation."""
    from nbtrainer.datasets import histogram

    return histogram(config, index)


@in_sentences
def patches(config: Config, count: int, start: int = 0) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Patches `start` to `start + count - 1` exactly as training draws them.

    Each is an image, (C, Y, X) float32, normalised and augmented, and its label, (Y, X) integers as in the file.

    >>> import nbtrainer as nbt
    >>> folder = nbt.samples.path("nuclei2d")
    >>> config = nbt.Config.preset("binary_2d")
    >>> config.data.datasets = [{"images": folder / "images", "labels": folder / "labels"}]
    >>> config.sampling.patch_size = [64, 64]
    >>> [(image.shape, label.shape) for image, label in nbt.patches(config, 2)]
    [((1, 64, 64), (64, 64)), ((1, 64, 64), (64, 64))]
    """
    from nbtrainer.engine import patches

    return patches(config, count, start)


@in_sentences
def augmented_examples(
    config: Config, count: int = 12, number: int = 0, first: int = 1
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Patch `number` as it is, and `count - 1` times changed by chance as the augmentation says: images and labels."""
    from nbtrainer.engine import augmented_examples

    return augmented_examples(config, count, number, first)


@in_sentences
def patch_locations(config: Config, count: int, start: int = 0) -> dict[str, Any]:
    """Where patches `start` to `start + count - 1` fall, and how often each image, class and object is seen in them.

    `{"places": [{"image": number in the pair table, "box": ((from, to), ...), "rejected": n}, ...], "seen": {...},
    "per_epoch": patches of an epoch}`
    """
    from nbtrainer.engine import patch_locations

    return patch_locations(config, count, start)


@in_sentences
def start(config: Config) -> Run:
    """Start a run in a background thread and return at once. Raises `UserError` with every error that `check` finds."""
    from nbtrainer.engine import start

    return start(config)


@in_sentences
def train(config: Config) -> Run:
    """Train, and return the run when it has ended. A keyboard interrupt stops it cleanly, now."""
    from nbtrainer.engine import train

    return train(config)


@in_sentences
def cross_validate(config: Config | Path, folds: int | None = None, **options: Any) -> CrossValidation:
    """Train a model for each fold of the images (5, or `data.folds`); each image is scored by the one that did not see it.

    Blocks. A keyboard interrupt stops it with all that is done, and the same call, with the same `output.name` or with the
    folder, goes on. `load_model(folder)` answers with the mean of the models. `watch(run)` waits for each run in another way.
    """
    from nbtrainer.engine import cross_validate

    return cross_validate(config, folds=folds, **options)


@in_sentences
def resume(directory: Path, start_epoch: int | None = None, **overrides: Mapping[str, Any]) -> Run:
    """Continue a run exactly where it stopped, in a background thread: `resume(folder, training={"epochs": 9})`.

    A checkpoint in the place of the folder, or a `start_epoch` (0: count anew), makes a new run that goes on from there with
    optimizer and all: `resume("run-001/checkpoints/epoch-0010.pt", compile={"learning_rate": 1e-4})`.
    """
    from nbtrainer.engine import resume

    return resume(directory, start_epoch, **overrides)


@in_sentences
def find_learning_rate(
    config: Config, steps: int = 100, lowest: float = 1e-6, highest: float = 1.0, report: OnProgress | None = None
) -> LearningRateCurve:
    """Train a few steps with a rising learning rate, of which nothing is kept: `rates`, `losses`, and what is `suggested`.

    A notebook shows it as a picture; `save(path)` writes that. `report(done, of)` is called after each step.
    """
    from nbtrainer.engine import find_learning_rate

    return find_learning_rate(config, steps=steps, lowest=lowest, highest=highest, report=report)


@in_sentences
def compare_networks(
    config: Config, names: Sequence[str] | None = None, report: OnProgress | None = None
) -> list[NetworkCost]:
    """What each network takes with these settings and data: weights, what it sees, memory of a patch, seconds of a step.

    A step or two of each is done, of which nothing is kept; what cannot be used says why. `names`: of some only.
    """
    from nbtrainer.engine import compare_networks

    return compare_networks(config, names, report)


@in_sentences
def attach(directory: Path) -> Run:
    """The run in a folder, of whatever kernel, process or day."""
    from nbtrainer.runs import attach

    return attach(directory)


@in_sentences
def load_model(path: Path | Sequence[Path], device: str = "auto") -> Predictor:
    """A trained model, from a checkpoint or the folder of a run (its best checkpoint, else its last).

    A list, or the folder of a cross-validation: a model that answers with the mean of their outputs and also has
    `disagreement(image)`, a map of where they differ. `device`: where it computes, by the names of `training.device`.
    """
    from nbtrainer.inference import load_model

    return load_model(path, device)


@in_sentences
def evaluate(
    model: Predictor | Path,
    images: Any,
    labels: Any = None,
    report: str | os.PathLike[str] | None = None,
    **naming: Any,
) -> dict[str, Any]:
    """Scores of `model` on images with known labels: `{"overall": {...}, "images": [{...}, ...]}`.

    Files are found and paired as for training; without `labels`, they lie beside the images. `report`: write a page (HTML)
    about each image and its worst objects there. `naming`: `img_filter`, `mask_filter`, `look_one_level_down`.
    """
    from nbtrainer.inference import evaluate

    return evaluate(model, images, labels, report, **naming)


@in_sentences
def images_of_run(directory: Path) -> list[tuple[str, Pair]]:
    """The images of a run, each with what it was for: `validation`, `test` or `train`, in this order."""
    from nbtrainer.datasets import pairs_of_run

    return pairs_of_run(directory)


@in_sentences
def try_out(model: Predictor, image: Any, label: Any = None, report: OnProgress | None = None) -> PredictionPreview:
    """Predict an image once, to look at it with one threshold after the other; see `nbtrainer.inference.preview`."""
    from nbtrainer.inference.preview import try_out

    return try_out(model, image, label, report)


@in_sentences
def set_thresholds(path: Path, **thresholds: Any) -> str:
    """Keep `thresholds` in the model at `path`: `set_thresholds(folder, threshold=0.4)`; returns the path of its file."""
    from nbtrainer.engine import set_thresholds

    return str(set_thresholds(path, **thresholds))
