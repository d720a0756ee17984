"""What a model answered to an image: labels are made of it, with thresholds that may change afterwards."""

from __future__ import annotations

import numbers
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

import numpy as np

from nbtrainer.config.section import metadata_of, rename
from nbtrainer.config.task import TaskSettings
from nbtrainer.data.preparation import Preparation
from nbtrainer.data.resampled_views import ResampledView
from nbtrainer.data.views import ArrayView, View, whole
from nbtrainer.deprecation import OldName, warn_old_name
from nbtrainer.errors import DataError, SettingError, UserError
from nbtrainer.io.axes import format_shape
from nbtrainer.io.formats import Orientation
from nbtrainer.labels.measure import measurements
from nbtrainer.labels.stitch import stitch
from nbtrainer.tasks import Task


@dataclass(kw_only=True)
class Part:
    """Output (K, [Z,] Y, X) for one image of a stack, in the size that the network saw, and the image itself.

    `diameter`: of its objects in pixels, as given or estimated; None where neither was.
    """

    raw: np.ndarray
    image: View
    # the shape after it was brought to the spacing of the training, before anything else
    rescaled: tuple[int, ...]
    diameter: float | None = None
    # of several models: how much they differ, ([Z,] Y, X) float32 in the size of `raw`
    disagreement: np.ndarray | None = None


@dataclass
class Prediction:
    """The network's answer to an image, or to each image of a stack.

    `notes`: what differs between the image and those of the training, in sentences. `spacing`: micrometres per pixel,
    if known. `orientation`: where the image lies in space, by the letters of `axes`, if it says so.
    """

    task: Task
    preparation: Preparation
    parts: list[Part]
    _: KW_ONLY
    is_stack: bool = False
    spacing: tuple[float, ...] | None = None
    notes: list[str] = field(default_factory=list)
    orientation: Orientation | None = None

    @property
    def axes(self) -> str:
        """A letter of ZYX for each axis of the labels."""
        count = len(self.parts[0].image.shape) + self.is_stack
        return "ZYX"[-count:]

    def labels(self, stitch_above: float | None = None, **adjusted: Any) -> np.ndarray:
        """The label image: integers with the image's spatial shape.

        `adjusted`: thresholds other than the model's (see `adjustable`). `stitch_above`: of a stack, objects of
        neighbouring slices that overlap by more than this IoU get one id, so that slices become a volume.
        """
        task = adjusted_task(self.task, adjusted)
        if stitch_above is not None:
            _refuse_stitching(task, stitch_above)
        planes = [self._back(ArrayView(np.asarray(task.decode(part.raw)), is_label=True), part) for part in self.parts]
        if not self.is_stack:
            return planes[0]
        return np.stack(planes) if stitch_above is None else stitch(planes, stitch_above)

    def probability_maps(self) -> dict[str, np.ndarray]:
        """Probabilities and what else the network tells, by name: float32 with the image's spatial shape; of several
        models also their `disagreement`."""
        parts = [
            {name: self._map_back(map_, part) for name, map_ in self.task.probability_maps(part.raw).items()}
            for part in self.parts
        ]
        maps = {
            name: np.stack([part[name] for part in parts]) if self.is_stack else parts[0][name] for name in parts[0]
        }
        disagreement = self.disagreement()
        return maps if disagreement is None else maps | {"disagreement": disagreement}

    maps = OldName("probability_maps")

    def disagreement(self) -> np.ndarray | None:
        """How much several models differ (see `Ensemble.disagreement`), float32 with the image's spatial shape; None of one."""
        maps = [self._map_back(part.disagreement, part) for part in self.parts if part.disagreement is not None]
        if not maps:
            return None
        return np.stack(maps) if self.is_stack else maps[0]

    def raw(self) -> np.ndarray:
        """What the network answered, (K, [Z,] Y, X) float32 with the image's spatial shape."""
        arrays = [self._back(ArrayView(part.raw), part) for part in self.parts]
        return np.stack(arrays, axis=1) if self.is_stack else arrays[0]

    def measurements(self, labels: np.ndarray, stitched: bool = False) -> list[dict[str, Any]]:
        """A row for each object of `labels` (see `labels.measure`); intensities are those of the image as prepared.

        In a stack each slice has objects of its own, and rows begin with `slice`, unless they were `stitched` to a volume.
        """
        image = self.image()
        if labels.shape != image.shape[1:]:
            raise DataError(
                "labels",
                f"they are {format_shape(labels.shape)}, the image {format_shape(image.shape[1:])}",
                "Give labels of its size",
            )
        spacing = self.spacing
        if self.is_stack and not stitched:
            return [
                {"slice": number, **row}
                for number, plane in enumerate(labels)
                for row in measurements(plane, image[:, number], spacing)
            ]
        return measurements(labels, image, spacing if spacing is not None and len(spacing) == labels.ndim else None)

    def image(self) -> np.ndarray:
        """The image as it was prepared, (C, [Z,] Y, X), of a stack (C, N, Y, X)."""
        arrays = [whole(part.image) for part in self.parts]
        return np.stack(arrays, axis=1) if self.is_stack else arrays[0]

    @property
    def adjustable(self) -> dict[str, Any]:
        """The thresholds that may be changed, and their values."""
        return {name: getattr(self.task.settings, name) for name in self.task.adjustable}

    def _map_back(self, values: np.ndarray, part: Part) -> np.ndarray:
        return self._back(ArrayView(values[None]), part)[0]

    def _back(self, answer: View, part: Part) -> np.ndarray:
        """An answer in the network's size, in that of the image."""
        sized = self.preparation.restore_size(answer, part.rescaled)
        return whole(sized if part.rescaled == part.image.shape else ResampledView(sized, part.image.shape))


def adjusted_task(task: Task, adjusted: dict[str, Any]) -> Task:
    """`task` with other thresholds, under names of today or before; raises `SettingError` for one that it has not."""
    adjusted = _with_new_names(task, adjusted)
    for name in adjusted:
        if name not in task.adjustable:
            known = ", ".join(task.adjustable) or "none"
            raise SettingError(
                name,
                f"this model has no threshold of that name (it has {known})",
                "Choose one of those; besides them predict takes diameter, tta, rescale and stitch_above",
            )
    return task.with_settings(**{name: _valid_value(task, name, value) for name, value in adjusted.items()})


def _with_new_names(task: Task, adjusted: dict[str, Any]) -> dict[str, Any]:
    """`adjusted` with the names of today; where both names are given, the new one counts."""
    new_names = {
        old: name for name in task.adjustable for old in metadata_of(type(task.settings).model_fields[name]).old_names
    }
    for old in sorted(new_names.keys() & adjusted.keys()):
        warn_old_name(old, new=new_names[old])
    return rename(adjusted, new_names)


def _valid_value(task: Task, name: str, value: Any) -> Any:
    """`value` as the threshold `name` keeps it; raises `SettingError` if it cannot have it."""
    declared = type(task.settings).model_fields[name]
    expected_type, choices = declared.annotation, tuple(metadata_of(declared).choices)
    kinds: dict[Any, tuple[type, ...]] = {bool: (bool,), int: (int, np.integer), float: (int, float, np.number)}
    if not choices and (
        not isinstance(value, kinds.get(expected_type, (object,)))
        or (expected_type is not bool and isinstance(value, bool))
        or value != value
    ):
        what = {bool: "True or False", int: "a whole number"}.get(expected_type, "a number")
        raise SettingError(name, f"{value!r} is not {what}", f"Give {what}")
    settings = TaskSettings(kind=task.name)
    try:
        setattr(settings, name, value)  # knows bounds, choices and values of before
    except UserError as error:
        if choices:
            remedy = f"Choose one of {', '.join(map(str, choices))}"
            raise SettingError(name, f"{value!r} is unknown", remedy, suggestions=choices) from None
        raise error.replace(where=name) from None
    return getattr(settings, name)


def _refuse_stitching(task: Task, above: float) -> None:
    if not task.has_objects:
        raise SettingError(
            "stitch_above", f"the kind {task.name} finds no single objects that could be joined", "Predict without it"
        )
    if not isinstance(above, numbers.Real) or not 0 <= above <= 1:
        raise SettingError("stitch_above", f"{above!r} is no overlap", "Give a number from 0 to 1")
