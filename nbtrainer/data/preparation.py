"""How a pair is read and prepared: from files to an image and a label that lie pixel on pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from nbtrainer import labels as label_functions
from nbtrainer.data.background import without_background
from nbtrainer.data.channels import select_channels
from nbtrainer.data.draw_outlines import draw_outlines
from nbtrainer.data.label_views import as_unsigned, dilate_label, middle_block, without_border
from nbtrainer.data.pair import Pair
from nbtrainer.data.resampled_views import PaddedView, ResampledView
from nbtrainer.data.roi import IGNORED, drop_outside
from nbtrainer.data.views import ArrayView, ConstantView, CropView, FileView, MapView, StoredLabel, View, whole
from nbtrainer.errors import DataError
from nbtrainer.io.annotations import is_annotation
from nbtrainer.io.axes import AxisHints, Layout, format_shape, image_layout, label_layout
from nbtrainer.io.formats import ImageFile, Reoriented, open_image
from nbtrainer.io.read import open_label
from nbtrainer.labels.integers import equals

# objects are taken for at least this large, as in Omnipose
SMALLEST_DIAMETER = 5.0
# what was done by the versions whose checkpoints have no such entries
_EARLIER_VERSIONS: dict[str, Any] = {"channel_axis_is_given": False, "outlines": "foreground", "outline_classes": ()}


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """What the settings of `data` say of reading and preparing; the fields are the settings of the same names.

    `input_channels` is what the network takes, None where that is not settled yet. `outlines` says what the values of
    drawn outlines are: a number an object ("objects"; nothing is known of crowds), the same with crowds as objects
    ("foreground"), or the number of the class ("classes"); `outline_classes` has the classes and their numbers, and
    others are not drawn; empty: all are.
    """

    dim: int
    channel_axis: int | None
    # older models did not tell what the user said from what was found
    channel_axis_is_given: bool = True
    z_axis: int | None
    channels: tuple[int, ...]
    cellpose_channels: tuple[int, ...]
    channel_of_interest: int
    channel_rule: str
    input_channels: int | None
    background_removal: str
    background_radius: int
    resize: tuple[int, ...]
    resize_by: str
    diameter: float
    label_border: int
    label_dilation: int
    min_part_size: int
    ignore_value: int | None
    outlines: Literal["objects", "foreground", "classes"]
    outline_classes: tuple[tuple[str, int], ...]

    @classmethod
    def as_stored(cls, dim: int, *, channel_axis: int | None, z_axis: int | None) -> Preparation:
        """What reads images and labels as they are stored, and changes nothing: all channels, all values, their size."""
        return cls(
            dim=dim,
            channel_axis=channel_axis,
            z_axis=z_axis,
            channels=(),
            cellpose_channels=(),
            channel_of_interest=0,
            channel_rule="refuse",
            input_channels=None,
            background_removal="none",
            background_radius=0,
            resize=(),
            resize_by="scale",
            diameter=0.0,
            label_border=0,
            label_dilation=0,
            min_part_size=0,
            ignore_value=None,
            outlines="foreground",
            outline_classes=(),
        )

    def as_record(self) -> dict[str, Any]:
        """Plain values for a checkpoint; `Preparation.from_record` gives it back."""
        return {name: to_lists(value) for name, value in vars(self).items()}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Preparation:
        values: dict[str, Any] = {name: to_tuples(value) for name, value in record.items()}
        return cls(**(_EARLIER_VERSIONS | values))

    @property
    def ignored(self) -> int:
        """The value of label pixels about which nothing is known."""
        return IGNORED if self.ignore_value is None or self.ignore_value < 0 else self.ignore_value

    def layout(self, pair: Pair) -> Layout:
        """The axes of the image of `pair`; raises `UserError` if they do not fit."""
        stored = None if pair.label is None or is_annotation(pair.label) else open_label(pair.label, pair.image)
        return self.layout_of(open_image(pair.image), str(pair.image), stored)

    def layout_of(
        self, opened: ImageFile, where: str, label: ImageFile | None = None, channels: int | None = None
    ) -> Layout:
        """The axes of an opened image; raises `UserError` naming `where` if they do not fit.

        `label`: if it is known; `channels`: at prediction, which takes series of time points too.
        """
        hints = AxisHints(
            # a single channel has no axis
            channel_axis=self.channel_axis if len(opened.shape) > self.dim else None,
            z_axis=self.z_axis,
            is_given=self.channel_axis_is_given,
            label_shape=None if label is None else label.shape,
            channel_count=channels,
            with_frames=channels is not None,
        )
        try:
            return image_layout(opened.shape, opened.axes, self.dim, hints)
        except ValueError as error:
            raise DataError(where, *error.args) from None

    def image(self, opened: ImageFile, where: str, index: int, layout: Layout, frame: int = 0) -> View:
        """The image in an opened file (of a stack the one with this index), prepared except for its size."""
        view: View = FileView(opened=opened, layout=layout, index=index, frame=frame)
        view = select_channels(
            view,
            where,
            channels=self.channels,
            cellpose_channels=self.cellpose_channels,
            input_channels=self.input_channels,
            channel_of_interest=self.channel_of_interest,
            channel_rule=self.channel_rule,
        )
        return without_background(view, self.background_removal, self.background_radius)

    def resize_pair(
        self, image: View, label: View | None = None, diameter: float | None = None
    ) -> tuple[View, View | None]:
        """Image and label brought to the size that the settings ask for; `diameter`: of the objects, if known."""
        shape = self.target_shape(image.shape, label, diameter)
        if shape == image.shape:
            return image, label
        return self._resize_view(image, shape), None if label is None else self._resize_view(label, shape)

    def restore_size(self, answer: View, shape: tuple[int, ...]) -> View:
        """An answer in the prepared size, brought to the `shape` that the image had."""
        return answer if answer.shape == shape else self._resize_view(answer, shape)

    def _resize_view(self, view: View, shape: tuple[int, ...]) -> View:
        return PaddedView(view, shape) if self.resize and self.resize_by == "pad" else ResampledView(view, shape)

    def target_shape(self, shape: Sequence[int], label: View | None, diameter: float | None = None) -> tuple[int, ...]:
        """The spatial shape that an image of `shape` is brought to."""
        if self.resize:
            if self.resize_by == "pad" and label is None:  # prediction cuts nothing off
                return tuple(max(lengths) for lengths in zip(self.resize, shape, strict=True))
            return tuple(self.resize)
        if not self.diameter:
            return tuple(shape)
        if diameter is None and label is not None:
            middle = middle_block(label)
            middle[equals(middle, self.ignored)] = 0
            diameter = float(label_functions.mean_diameter(middle, smallest=SMALLEST_DIAMETER))
        if diameter is None or not np.isfinite(diameter):
            return tuple(shape)
        ratio = self.diameter / max(diameter, SMALLEST_DIAMETER)
        return tuple(max(1, round(length * ratio)) for length in shape)

    def open(self, pair: Pair) -> tuple[View, View]:
        """Image and label of `pair`, prepared; raises `UserError` or `ValueError` if they cannot be read so."""
        opened = open_image(pair.image)
        layout = self.layout(pair)
        image = self.image(opened, str(pair.image), pair.slice or 0, layout)
        label = self.label(pair, image.shape, layout.count(opened.shape))
        if image.shape != label.shape:
            raise DataError(
                str(pair.label),
                f"it is {format_shape(label.shape)}, but its image {pair.image.name} is {format_shape(image.shape)}",
                _size_remedy(opened, shape=image.shape, label_shape=label.shape),
            )
        if pair.crop is not None:
            image, label = CropView(image, pair.crop), CropView(label, pair.crop)
        image, sized = self.resize_pair(image, label)
        assert sized is not None
        return image, sized

    def label(self, pair: Pair, shape: tuple[int, ...], slices: int | None = None) -> View:
        """The label of `pair`, whose image has the spatial `shape`; unsigned integers, with its regions applied.

        Of a pair without one, nothing is known anywhere: every pixel is `ignored`.
        `slices`: how many images the image file holds, if the label must hold as many.
        """
        if pair.label is None:
            return ConstantView(tuple(shape), self.ignored)
        if is_annotation(pair.label):
            view: View = ArrayView(self.draw_outlines(pair, shape), is_label=True)
        else:
            opened = open_label(pair.label, pair.image)
            try:
                layout = label_layout(opened.shape, opened.axes, self.dim, z_axis=self.z_axis)
            except ValueError as error:
                raise DataError(str(pair.label), *error.args) from None
            if slices is not None and layout.count(opened.shape) != slices:
                raise DataError(
                    str(pair.label),
                    f"it has {_slices(layout.count(opened.shape))}, but its image {pair.image.name} has {slices}",
                    "Each slice of a stack needs its own label: export the label again, or take the pair out",
                )
            view = StoredLabel(opened=opened, layout=layout, index=pair.slice or 0)
            if view.dtype not in (np.uint8, np.uint16, np.uint32):
                unknown = self.ignore_value
                view = MapView(
                    view=view, function=lambda array, corner: as_unsigned(array, unknown), kind=np.dtype(np.uint32)
                )
        if self.label_border:
            view = without_border(view, self.label_border)
        if self.label_dilation:
            view = dilate_label(view, times=self.label_dilation, ignored=self.ignored)
        if self.min_part_size > 1:
            array = whole(view)
            cleaned = label_functions.remove_small(array, self.min_part_size, to="neighbour")
            view = ArrayView(np.where(equals(array, self.ignored), array, cleaned), is_label=True)
        if pair.regions:
            regions, fill = pair.regions, self.ignored
            view = MapView(
                view=view,
                function=lambda array, corner: drop_outside(array, corner, regions, fill),
                kind=np.dtype(np.uint32),
            )
        return view

    def draw_outlines(
        self, pair: Pair, shape: tuple[int, ...], layout: Layout | None = None, frame: int = 0
    ) -> np.ndarray:
        """The outlines of `pair` (of a stack those of its slice, of a series those of `frame`) as a label of `shape`,
        uint32; raises `UserError`. `layout`: of the image, as training reads it unless given."""
        return draw_outlines(
            pair,
            shape,
            layout or self.layout(pair),
            frame,
            outlines_as=self.outlines,
            class_numbers=dict(self.outline_classes),
            channels=self.channels,
            ignored=self.ignored,
        )


def spacing_of(opened: ImageFile, dim: int, given: Sequence[float] = (), unit: str = "um") -> tuple[float, ...] | None:
    """Micrometres per pixel along ([z,] y, x): as given, else as the file says, else None."""
    if len(given) == dim:
        return tuple(value / (1000 if unit == "nm" else 1) for value in given)
    axes = "zyx"[-dim:]
    if all(axis in opened.spacing for axis in axes):
        return tuple(float(f"{opened.spacing[axis]:.6g}") for axis in axes)  # files keep them in 32 bits
    return None


def to_lists(value: Any) -> Any:
    """`value` with lists for tuples, also within each other, as JSON keeps them."""
    return [to_lists(each) for each in value] if isinstance(value, tuple | list) else value


def to_tuples(value: Any) -> Any:
    """`value` with tuples for lists, also within each other: what `to_lists` made, as it was."""
    return tuple(to_tuples(each) for each in value) if isinstance(value, list) else value


def _size_remedy(image: ImageFile, *, shape: tuple[int, ...], label_shape: tuple[int, ...]) -> str:
    """What to do about a label of another size than its image."""
    if isinstance(image.array, Reoriented) and label_shape == (*shape[:-2], *shape[:-3:-1]):
        return (
            "The orientation tag of the image turns it, as viewers show it; the label was drawn on the pixels as they are "
            "stored. Turn the label in the same way, or save the image without the tag"
        )
    return "Image and label must have the same size; export the label again, or take the pair out"


def _slices(count: int) -> str:
    return "1 slice" if count == 1 else f"{count} slices"
