"""A trained model: everything that prediction needs comes out of one checkpoint."""

from __future__ import annotations

import dataclasses
import numbers
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from nbtrainer import models
from nbtrainer.catalog import size_divisors
from nbtrainer.data.grey_channels import as_channels
from nbtrainer.data.label_views import as_unsigned
from nbtrainer.data.normalize import Normalizer
from nbtrainer.data.pair import Naming, Pair
from nbtrainer.data.pair_files import pair_files
from nbtrainer.data.preparation import SMALLEST_DIAMETER, Preparation, spacing_of
from nbtrainer.data.resampled_views import ResampledView
from nbtrainer.data.roi import IGNORED
from nbtrainer.data.statistics import LARGEST_VALUE
from nbtrainer.data.views import View, whole
from nbtrainer.errors import ComputerError, UserError
from nbtrainer.inference.checkpoint import checkpoint_file, load_checkpoint, task_in
from nbtrainer.inference.device import choose_device, is_out_of_memory
from nbtrainer.inference.golden_tile import reproduces_golden_tile
from nbtrainer.inference.prediction import Part, Prediction, adjusted_task
from nbtrainer.inference.size_model import SizeModel
from nbtrainer.inference.tiled import Report, predict_tta
from nbtrainer.io.annotations import is_annotation, read_contents
from nbtrainer.io.annotations.classes import number_classes
from nbtrainer.io.axes import Layout, format_shape
from nbtrainer.io.formats import ImageFile, Orientation, is_image, open_image
from nbtrainer.io.read import read_label
from nbtrainer.labels import mean_diameter
from nbtrainer.labels.integers import equals
from nbtrainer.models.style_unet import StyleUNet

# pixel sizes that differ by less are the same
_SAME_SPACING = 0.1


class Predictor:
    """A network with its task, its normalisation and the size of its tiles.

    `is_sound`: whether it answers to the tile that is kept in it as it did when it was saved; a warning says if not.
    """

    def __init__(self, record: dict[str, Any], path: Path | None = None, device: str = "auto") -> None:
        self.path = path
        self.record = record
        self.device = choose_device(device, "device")
        self.task = task_in(record)
        self.normalizer = Normalizer.from_record(record["normalization"])
        self.preparation = _preparation(record)
        self.network = models.create(**record["network"])
        self.network.load_state_dict(record["weights"])
        self.network.to(self.device).eval()
        self.size_model = SizeModel.from_record(record["size_model"]) if "size_model" in record else None
        # models of before have none
        self.is_sound = "self_check" not in record or reproduces_golden_tile(self.network, record["self_check"])
        if not self.is_sound:
            warnings.warn(
                f"{path or 'this model'} no longer answers as it did when it was saved: do not trust its predictions. "
                "The file may be damaged, or a library has changed; train again, or use the versions in it",
                UserWarning,
                stacklevel=3,
            )

    def __repr__(self) -> str:
        return f"<model {self.record['network']['name']} for {self.task.name} segmentation, {self.path}>"

    def predict(
        self,
        image: Any,
        diameter: float | None = None,
        tta: int = 1,
        *,
        rescale: bool = False,
        stitch_above: float | None = None,
        **adjusted: Any,
    ) -> np.ndarray:
        """The label image of `image`, an array or the path of a file: integers with the image's spatial shape.

        A stack, where the model is for 2D, gives a stack of labels; a time series gives labels with time first.

        Parameters
        ----------
        diameter
            Of the objects in pixels, for a model that was trained on objects of one size. None: as
            `estimate_diameter` finds it, of each image of a stack by itself; a model without a size model takes the
            image as it is.
        tta
            So many ways to flip and turn the image are averaged (1; 2; 4 are flips; 8 has quarter turns too, in 3D
            16): slower, and often a little better.
        rescale
            Bring the image to the pixel size of the training, and the labels back; both must be known.
        stitch_above
            Make a volume of a stack of slices: see `nbtrainer.labels.stitch`.
        **adjusted
            Thresholds other than the model's, such as `threshold=0.4`.

        Warns of what differs between the image and those of the training. Raises `UserError` if it cannot be predicted.
        """
        tta = _old_variants(adjusted, tta)
        adjusted_task(self.task, adjusted)  # before any time is spent
        file = str(image) if isinstance(image, str | os.PathLike) else "image"
        count = self.time_points(image)
        labels = []
        for frame in range(count or 1):
            prediction = self.prediction(image, diameter, tta, rescale=rescale, frame=frame)
            for note in prediction.notes if frame == 0 else ():
                name = f"{Path(image).name}: " if isinstance(image, str | os.PathLike) else ""
                warnings.warn(f"{name}{note}", UserWarning, stacklevel=2)
            with _memory_told(file):
                labels.append(prediction.labels(stitch_above, **adjusted))
        with _memory_told(file):
            return labels[0] if count is None else np.stack(labels)

    def predict_raw(self, image: Any, diameter: float | None = None, tta: int = 1, **old_names: Any) -> np.ndarray:
        """What the network answers to `image`, an array or the path of a file: (K, [Z,] Y, X) float32 logits.

        A stack, where the model is for 2D, gives (K, N, Y, X); a time series (K, T, ...).
        """
        tta = _old_variants(old_names, tta)
        if old_names:
            raise TypeError(f"predict_raw() got an unexpected keyword argument {next(iter(old_names))!r}")
        count = self.time_points(image)
        frames = [self.prediction(image, diameter, tta, frame=frame).raw() for frame in range(count or 1)]
        return frames[0] if count is None else np.stack(frames, axis=1)

    def time_points(self, image: Any) -> int | None:
        """How many time points `image`, an array or the path of a file, has; None if it is no series."""
        source, name = _opened(image)
        return self._layout(source, name).time_points(source.shape)

    @property
    def divisors(self) -> tuple[int, ...]:
        """Pixels that the sides ([z,] y, x) of what the network sees are multiples of."""
        built = self.record["network"]
        return size_divisors(built["dim"], built["features"], built["anisotropic_levels"])

    def read_label(self, label: Any, shape: tuple[int, ...], where: str, image: Any = None) -> np.ndarray:
        """A true label of an `image` of this shape, arrays, paths of files, or a pair, as training reads it: uint32.

        Outlines need the pair or the path of the `image` that they were drawn on. Raises `UserError` for another shape,
        and for what the check before training would refuse.
        """
        if isinstance(image, str | os.PathLike) and isinstance(label, str | os.PathLike):
            (label,) = pair_files([Path(image)], [Path(label)], where, Naming())
        if isinstance(label, Pair):
            if label.label is None or is_annotation(label.label):
                return self._draw_label(label, shape)
            label = label.label
        source = Path(label) if isinstance(label, str | os.PathLike) else _numbers(label, where)
        file = Path(image) if isinstance(image, str | os.PathLike) else None
        label_image = read_label(source, len(shape), where, file, self.preparation.z_axis)
        if label_image.shape != shape:
            wrong = f"the label is {format_shape(label_image.shape)}, its image {format_shape(shape)}"
            raise UserError(where, wrong, "Give a label of its size")
        ignored = self.preparation.ignore_value
        wrong = ""
        if label_image.size and label_image.max() >= IGNORED:
            wrong = f"the label holds the value {label_image.max()}, which is too large"
        elif label_image.size and np.any((label_image < 0) & ~equals(label_image, ignored)):
            wrong = f"the label holds the negative value {label_image.min()}"
        if wrong:
            raise UserError(where, wrong, "Number objects or classes from 1; 0 is background")
        return as_unsigned(label_image, ignored)

    def _draw_label(self, pair: Pair, shape: tuple[int, ...]) -> np.ndarray:
        """The outlines of `pair` as a label of `shape`; of a stack of images a stack."""
        preparation = dataclasses.replace(self.preparation, outlines=self.task.outlines)
        numbers = dict(preparation.outline_classes)
        if self.task.outlines == "classes" and not numbers:
            # the model learned from label images: its classes have names there, or the file's own numbers
            named = zip(self.task.classes, getattr(self.task, "class_values", ())[1:], strict=False)
            class_names = {
                entry for classes in read_contents(pair.required_label).classes.values() for entry in classes
            }
            known = {name: value for name, value in named if any(name == other for other, _ in class_names)}
            numbers = known or number_classes(class_names)
            preparation = dataclasses.replace(preparation, outline_classes=tuple(numbers.items()))
        layout = self._layout(open_image(pair.image), str(pair.image))
        of_one = shape[len(shape) - preparation.dim :]

        def draw(frame: int, index: int | None) -> np.ndarray:
            return preparation.draw_outlines(dataclasses.replace(pair, slice=index), of_one, layout, frame)

        frames = range(shape[0] if layout.frames is not None else 1)
        slices = range(shape[-preparation.dim - 1]) if layout.slices is not None else [None]
        return np.stack([draw(frame, index) for frame in frames for index in slices]).reshape(shape)

    def prediction(
        self,
        image: Any,
        diameter: float | None = None,
        tta: int = 1,
        *,
        rescale: bool = False,
        report: Report | None = None,
        frame: int = 0,
    ) -> Prediction:
        """The network's answer, of which labels can be made with one threshold after the other; see `predict`.

        `frame`: which time point of a series. `report(done, of)` is called after each few tiles; an exception that it raises ends the prediction.
        """
        source, name = _opened(image)
        _refuse_diameter(diameter)
        layout = self._layout(source, name)
        count = layout.count(source.shape)
        spacing = spacing_of(source, self.record["network"]["dim"])
        ratios = self._ratios(spacing, name) if rescale else None
        parts, seen = [], ""
        for index in range(count):
            view, seen = self._fitted(self.preparation.image(source, name, index, layout, frame))
            shape = view.shape
            if ratios is not None:
                shape = tuple(max(1, round(n * ratio)) for n, ratio in zip(view.shape, ratios, strict=True))
            scaled = view if shape == view.shape else ResampledView(view, shape)
            own = self._estimate(scaled, name) if diameter is None else diameter
            raw = self._raw(scaled, name, own, tta, _shifted(report, index, count))
            parts.append(Part(raw, view, shape, own))
        notes = [*source.notes, *([seen] if seen else []), *([] if rescale else self._notes(spacing, source))]
        if diameter is not None and not self.preparation.diameter:
            notes.append(
                "the diameter has no effect: this model was not trained on objects of one size (data.diameter)"
            )
        place = _place_of(source, layout)
        return Prediction(self.task, self.preparation, parts, layout.slices is not None, spacing, notes, place)

    def answer(self, view: View, name: str, report: Report | None = None) -> Prediction:
        """As `prediction`, of an image that is prepared already."""
        part = Part(self._raw(view, name, None, 1, report), view, view.shape)
        return Prediction(self.task, self.preparation, [part])

    def estimate_diameter(self, image: Any) -> float:
        """Mean diameter of the objects in `image`, an array or the path of a file, in pixels; of a stack, its mean.

        The size model tells it from the image as a whole; then the image is segmented at that size, and the objects
        found are measured. Raises `UserError` if the model has no size model.
        """
        if self.size_model is None:
            raise UserError(
                "diameter",
                "this model has not learned to tell the size of objects",
                "Give the diameter, or train with task.size_model and data.diameter",
            )
        source, name = _opened(image)
        layout = self._layout(source, name)
        views = [self.preparation.image(source, name, index, layout) for index in range(layout.count(source.shape))]
        diameters = [self._estimate(self._fitted(view)[0], name) for view in views]
        return float(np.mean([diameter for diameter in diameters if diameter is not None]))

    def _layout(self, source: ImageFile, name: str) -> Layout:
        dim, channels = self.record["network"]["dim"], self.record["network"]["input_channels"]
        try:
            if isinstance(source.array, np.ndarray):
                return self._array_layout(source, name)
            return self.preparation.layout_of(source, name, channels=channels)
        except UserError as error:  # its remedy is for training
            one = f"one channel, {dim}D" if channels == 1 else f"{channels} channels, {dim}D"
            raise error.replace(where=name, remedy=f"Give an image as in training: {one}") from None

    def _array_layout(self, source: ImageFile, name: str) -> Layout:
        """Channels are last if there are 3 or 4, else where the settings say: that is promised for arrays."""
        preparation = self.preparation
        if len(source.shape) > preparation.dim and source.shape[-1] in (3, 4):
            preparation = dataclasses.replace(preparation, channel_axis=-1)
        return preparation.layout_of(source, name)

    def _fitted(self, view: View) -> tuple[View, str]:
        """`view` with the channels that the network takes, where it shows the same in others, and a note about it."""
        expected = self.record["network"]["input_channels"]
        fitted = None
        if view.channels != expected:
            fitted = as_channels(view, expected, bool(self.record.get("in_colours")))
        return fitted or (view, "")

    def _estimate(self, view: View, name: str) -> float | None:
        """Diameter of the objects of an image; None without a size model."""
        if self.size_model is None:
            return None
        assert isinstance(self.network, StyleUNet)
        style = self.size_model.style_of(self.network, self._normalised(view, name))
        diameter = self.size_model.diameter(style)
        labels = self.task.decode(self._raw(view, name, diameter, tta=1))
        measured = float(mean_diameter(labels)) * diameter / self.preparation.diameter
        return max(SMALLEST_DIAMETER, measured) if np.isfinite(measured) else diameter

    def _raw(self, view: View, name: str, diameter: float | None, tta: int, report: Report | None = None) -> np.ndarray:
        """Output for the image, in the size that the network sees."""
        normalised = self._normalised(self.preparation.sized(view, None, diameter)[0], name)
        with _memory_told(name):
            return predict_tta(
                self.network,
                normalised,
                self.record["tile"],
                self.device,
                tta,
                self.task.undo_flip_rotation,
                report,
                self.divisors,
            )

    def _normalised(self, view: View, name: str) -> np.ndarray:
        """All of the image, as the network sees it; raises `UserError` if it cannot."""
        expected = self.record["network"]["input_channels"]
        if view.channels != expected:
            raise UserError(
                name,
                f"it has {view.channels} channel{'' if view.channels == 1 else 's'}, but the model was trained on {expected}",
                "Give an image like those the model was trained on",
            )
        if 0 in view.shape or view.dtype.kind == "c":
            wrong = "it is empty" if 0 in view.shape else "its values are complex numbers"
            raise UserError(name, wrong, "Give an image like those the model was trained on")
        with _memory_told(name):
            image = whole(view)
        if not np.isfinite(image).all():
            raise UserError(
                name, "it holds values that are no numbers (NaN or infinity)", "Replace them, for example by 0"
            )
        if image.size and max(-float(image.min()), float(image.max())) > LARGEST_VALUE:
            raise UserError(
                name,
                f"its values reach from {image.min():g} to {image.max():g}, which is too large to calculate with",
                "Replace numbers that mean 'nothing here', for example by 0, or save the image in another unit",
            )
        with _memory_told(name):
            return self.normalizer.measure(image).apply(image)

    def _ratios(self, spacing: tuple[float, ...] | None, name: str) -> tuple[float, ...]:
        trained = self.record.get("spacing")
        if not trained or not spacing:
            whose = "the images of the training" if not trained else "this image"
            raise UserError(name, f"the pixel size of {whose} is not known", "Predict without rescaling")
        return tuple(own / learnt for own, learnt in zip(spacing, trained, strict=True))

    def _notes(self, spacing: tuple[float, ...] | None, source: ImageFile) -> list[str]:
        """What differs between an image and those of the training, in sentences."""
        notes = []
        trained = self.record.get("spacing")
        if trained and spacing and not np.allclose(spacing, trained, rtol=_SAME_SPACING):
            sizes = [" x ".join(f"{value:g}" for value in values) for values in (spacing, trained)]
            notes.append(
                f"its pixels are {sizes[0]} um, those of the training were {sizes[1]} um; rescale=True brings it to their size"
            )
        learnt = self.record.get("orientation")
        if learnt and source.orientation_letters and learnt != source.orientation_letters:
            notes.append(
                f"its axes point to {source.orientation_letters}, those of the training to {learnt}: the network sees it mirrored, "
                "or lying on its side"
            )
        kind = self.record.get("dtype")
        if kind and kind != str(source.dtype) and not {kind[0], source.dtype.kind} <= {"f"}:
            notes.append(f"its values are {source.dtype}, those of the training were {kind}; was it converted?")
        return notes


def _old_variants(named: dict[str, Any], tta: int) -> int:
    """`tta`, or what `variants`, its old name, says in `named`."""
    if "variants" in named:
        warnings.warn("variants is the old name of tta", DeprecationWarning, stacklevel=3)
        tta = int(named.pop("variants"))
    return tta


def _opened(image: Any) -> tuple[ImageFile, str]:
    """An array or the path of a file as an opened file, and what to call it."""
    if isinstance(image, str | os.PathLike):
        if Path(image).is_dir() and not is_image(Path(image)):
            raise UserError(str(image), "this is a folder", "Give one image; `nbtrainer predict` takes folders")
        return open_image(Path(image)), str(image)
    array = _numbers(image, "image")
    return ImageFile(array, "?" * array.ndim, {}), "image"


def _place_of(source: ImageFile, layout: Layout) -> Orientation | None:
    """Where what is predicted lies: the place of the image, its axes called as those of the labels."""
    order = [*([] if layout.slices is None else [layout.slices]), *layout.spatial]
    letters = [source.axes[axis] for axis in order]
    if source.orientation is None or not set(letters) <= source.orientation.steps.keys():
        return None
    steps = {new: source.orientation.steps[old] for new, old in zip("ZYX"[-len(order) :], letters, strict=True)}
    return dataclasses.replace(source.orientation, steps=steps)


def _numbers(given: Any, where: str) -> np.ndarray:
    try:
        array = np.asarray(given)
    except ValueError:  # lists of unequal length
        array = None
    if array is None or array.dtype.kind not in "biufc":
        raise UserError(where, f"{type(given).__name__} is no array of numbers", "Give an array, or the path of a file")
    return array


def _refuse_diameter(diameter: float | None) -> None:
    is_number = isinstance(diameter, numbers.Real) and not isinstance(diameter, bool)
    if diameter is not None and not (is_number and 0 < diameter < np.inf):
        raise UserError("diameter", f"{diameter!r} is no size", "Give the mean diameter of the objects in pixels")


@contextmanager
def _memory_told(name: str) -> Iterator[None]:
    """What runs out of memory within is told of the image `name`."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise too_large_to_predict(name) from None


def too_large_to_predict(name: str) -> ComputerError:
    """The memory does not suffice for the image `name`, not even in the smallest tiles."""
    return ComputerError(
        name,
        "the memory does not suffice to predict this image, not even in small tiles",
        "Close other programs, or divide the image",
    )


def _shifted(report: Report | None, index: int, count: int) -> Report | None:
    """`report` for one image of several."""
    if report is None or count == 1:
        return report
    return lambda done, of: report(index * of + done, count * of)


def _preparation(record: dict[str, Any]) -> Preparation:
    """How images are read and prepared for the model in `record`; labels are not asked for."""
    if "preparation" in record:
        return Preparation.from_record(record["preparation"])
    return Preparation(dim=record["network"]["dim"], channel_axis=record["channel_axis"])


def load_model(path: str | os.PathLike[str], device: str = "auto") -> Predictor:
    """The model in a checkpoint or the folder of a run (see `load_checkpoint`)."""
    file = checkpoint_file(Path(path))
    record = load_checkpoint(file)
    try:
        return Predictor(record, file, device)
    except UserError:
        raise
    except Exception as error:  # a damaged record makes Python stumble over anything
        if is_out_of_memory(error):
            raise UserError(str(file), "the memory does not suffice for this model", "Close other programs") from None
        versions = record.get("versions")
        writer = versions.get("nbtrainer", "?") if isinstance(versions, dict) else "?"
        raise UserError(
            str(file),
            f"this model is damaged, or was written by another version ({type(error).__name__})",
            f"It says that nbtrainer {writer} wrote it; load it with that one, or train again",
        ) from None
