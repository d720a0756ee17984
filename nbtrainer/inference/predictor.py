"""A trained model: everything that prediction needs comes out of one checkpoint."""

from __future__ import annotations

import dataclasses
import numbers
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from nbtrainer import models
from nbtrainer.catalog import NETWORKS
from nbtrainer.data.grey_channels import as_channels
from nbtrainer.data.normalize import Normalizer
from nbtrainer.data.pair import Pair
from nbtrainer.data.preparation import SMALLEST_DIAMETER, spacing_of
from nbtrainer.data.resampled_views import ResampledView
from nbtrainer.data.views import View
from nbtrainer.deprecation import OldName, stacklevel_outside, warn_old_name
from nbtrainer.errors import SettingError, UserError
from nbtrainer.inference.checkpoint import preparation_in, task_in
from nbtrainer.inference.compare_images import differences, read_pixels, scale_ratios
from nbtrainer.inference.device import choose_device
from nbtrainer.inference.golden_tile import reproduces_golden_tile
from nbtrainer.inference.memory import name_image_without_memory
from nbtrainer.inference.open_input import open_input, place_of
from nbtrainer.inference.prediction import Part, Prediction, adjusted_task
from nbtrainer.inference.size_model import SizeModel
from nbtrainer.inference.tiled import predict_tta
from nbtrainer.inference.true_labels import read_true_label
from nbtrainer.io.axes import Layout
from nbtrainer.io.formats import ImageFile, open_image
from nbtrainer.labels import mean_diameter
from nbtrainer.models.style_unet import StyleUNet
from nbtrainer.progress import OnProgress, report_part


class Predictor:
    """A network with its task, its normalisation and the size of its tiles.

    `is_sound`: whether it answers to the tile that is kept in it as it did when it was saved; a warning says if not.
    """

    def __init__(self, record: dict[str, Any], path: Path | None = None, device: str = "auto") -> None:
        self.path = path
        self.record = record
        self.device = choose_device(device, where="device")
        self.task = task_in(record)
        self.normalizer = Normalizer.from_record(record["normalization"])
        self.preparation = preparation_in(record)
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
                stacklevel=stacklevel_outside(),
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
                warnings.warn(f"{name}{note}", UserWarning, stacklevel=stacklevel_outside())
            with name_image_without_memory(file):
                labels.append(prediction.labels(stitch_above, **adjusted))
        with name_image_without_memory(file):
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
        source, name = open_input(image)
        return self._layout(source, name).time_points(source.shape)

    @property
    def divisors(self) -> tuple[int, ...]:
        """Pixels that the sides ([z,] y, x) of what the network sees are multiples of."""
        built = self.record["network"]
        sizes = {name: built[name] for name in ("features", "anisotropic_levels")}
        return NETWORKS[built["name"]].divisors(built["dim"], **sizes)

    multiples = OldName("divisors")

    def read_label(self, label: Any, shape: tuple[int, ...], where: str, image: Any = None) -> np.ndarray:
        """A true label of an `image` of this shape as training reads it, uint32: see `inference.true_labels`."""

        def layout_of(pair: Pair) -> Layout:
            return self._layout(open_image(pair.image), str(pair.image))

        return read_true_label(
            label, shape, where, image, task=self.task, preparation=self.preparation, layout_of=layout_of
        )

    def prediction(
        self,
        image: Any,
        diameter: float | None = None,
        tta: int = 1,
        *,
        rescale: bool = False,
        report: OnProgress | None = None,
        frame: int = 0,
    ) -> Prediction:
        """The network's answer, of which labels can be made with one threshold after the other; see `predict`.

        `frame`: which time point of a series. `report(done, of)` is called after each few tiles; an exception that it raises ends the prediction.
        """
        source, name = open_input(image)
        _refuse_diameter(diameter)
        layout = self._layout(source, name)
        count = layout.count(source.shape)
        spacing = spacing_of(source, self.record["network"]["dim"])
        ratios = scale_ratios(self.record, spacing, name) if rescale else None
        parts, seen = [], ""
        for index in range(count):
            view, seen = self._fitted(self.preparation.image(source, name, index, layout, frame))
            shape = view.shape
            if ratios is not None:
                shape = tuple(max(1, round(n * ratio)) for n, ratio in zip(view.shape, ratios, strict=True))
            scaled = view if shape == view.shape else ResampledView(view, shape)
            own = self._estimate(scaled, name) if diameter is None else diameter
            own_report = report_part(report, number=index, count=count)
            parts.append(self._part(scaled, name, own, tta=tta, report=own_report, image=view))
        notes = [
            *source.notes,
            *([seen] if seen else []),
            *([] if rescale else differences(self.record, spacing, source)),
        ]
        if diameter is not None and not self.preparation.diameter:
            notes.append(
                "the diameter has no effect: this model was not trained on objects of one size (data.diameter)"
            )
        place = place_of(source, layout)
        is_stack = layout.slices is not None
        return Prediction(
            self.task, self.preparation, parts, is_stack=is_stack, spacing=spacing, notes=notes, orientation=place
        )

    def answer(self, view: View, name: str, report: OnProgress | None = None) -> Prediction:
        """As `prediction`, of an image that is prepared already."""
        part = self._part(view, name, None, tta=1, report=report, image=view)
        return Prediction(task=self.task, preparation=self.preparation, parts=[part])

    def estimate_diameter(self, image: Any) -> float:
        """Mean diameter of the objects in `image`, an array or the path of a file, in pixels; of a stack, its mean.

        The size model tells it from the image as a whole; then the image is segmented at that size, and the objects
        found are measured. Raises `UserError` if the model has no size model.
        """
        if self.size_model is None:
            raise SettingError(
                "diameter",
                "this model has not learned to tell the size of objects",
                "Give the diameter, or train with task.size_model and data.diameter",
            )
        source, name = open_input(image)
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

    def _part(
        self, view: View, name: str, diameter: float | None, *, tta: int, report: OnProgress | None, image: View
    ) -> Part:
        """The answer to `view`, which is `image` in the size of the training."""
        raw = self._raw(view, name, diameter, tta, report)
        return Part(raw=raw, image=image, rescaled=view.shape, diameter=diameter)

    def _raw(
        self, view: View, name: str, diameter: float | None, tta: int, report: OnProgress | None = None
    ) -> np.ndarray:
        """Output for the image, in the size that the network sees."""
        normalised = self._normalised(self.preparation.resize_pair(view, None, diameter)[0], name)
        with name_image_without_memory(name):
            return predict_tta(
                self.network,
                normalised,
                self.record["tile"],
                self.device,
                tta=tta,
                undo_flip_rotation=self.task.undo_flip_rotation,
                report=report,
                divisors=self.divisors,
            )

    def _normalised(self, view: View, name: str) -> np.ndarray:
        """All of the image, as the network sees it; raises `UserError` if it cannot."""
        image = read_pixels(view, name, self.record["network"]["input_channels"])
        with name_image_without_memory(name):
            return self.normalizer.measure(image).apply(image)


def _old_variants(named: dict[str, Any], tta: int) -> int:
    """`tta`, or what `variants`, its old name, says in `named`."""
    if "variants" in named:
        warn_old_name("variants", new="tta")
        tta = int(named.pop("variants"))
    return tta


def _refuse_diameter(diameter: float | None) -> None:
    is_number = isinstance(diameter, numbers.Real) and not isinstance(diameter, bool)
    if diameter is not None and not (is_number and 0 < diameter < np.inf):
        raise SettingError("diameter", f"{diameter!r} is no size", "Give the mean diameter of the objects in pixels")
