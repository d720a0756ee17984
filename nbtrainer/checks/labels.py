"""The check of the labels: values that nobody drew, colours, and what they stand for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nbtrainer.checks.drawn_labels import FEW_VALUES, Drawing, drawing
from nbtrainer.data.file_stats import LabelStats
from nbtrainer.data.pair import Pair
from nbtrainer.data.roi import IGNORED
from nbtrainer.datasets.survey import Survey
from nbtrainer.errors import Finding
from nbtrainer.io.annotations import is_annotation
from nbtrainer.io.axes import colour_axis
from nbtrainer.io.formats import is_jpeg
from nbtrainer.wording import first_of_many

# values of a raw image: this many, and neighbours are rarely equal
_MANY_VALUES, _RARELY = 64, 0.5
# more classes than this are objects
MOST_CLASSES = 64
# the largest number of classes or colours that is listed
_LISTED = 5


def check_label(
    pair: Pair, label: LabelStats, *, dim: int, ignore_value: int | None, z_axis: int | None
) -> Iterator[Finding]:
    """Findings about one label file that can be read; `ignore_value` may be negative, `z_axis` is the user's word."""
    if is_annotation(pair.required_label):
        return
    where, files = str(pair.label), (str(pair.label),)
    if label.colours and _may_be_colours(label, dim, z_axis):
        yield Finding(
            where=where,
            wrong="it is a colour image",
            remedy="A label has one whole number per pixel: export it so",
            fix="colours",
            files=files,
        )
    elif len(label.shape) > 2 and label.shape[-1] == 2 and label.axes[-1] in "SC":
        yield Finding(
            where=where,
            wrong="it has a second channel, as for transparency",
            remedy="A label has one whole number per pixel: export it without transparency",
            fix="alpha",
            files=files,
        )
    elif not label.whole:
        yield from _not_whole(pair, label)
    elif label.values and label.values[0] < 0 and label.values[0] != ignore_value:
        yield Finding(
            where=where,
            wrong=f"it holds the negative value {label.values[0]}",
            remedy="Labels start at 0, the background; if that value means not annotated, give it as data.ignore_value",
            fix="negative",
            files=files,
        )
    elif label.values and label.values[-1] >= IGNORED:
        yield Finding(
            where=where,
            wrong=f"it holds the value {label.values[-1]}, which is too large",
            remedy=f"Label values end at {IGNORED - 1:,}; number the objects anew",
            fix="classes",
            files=files,
        )
    else:
        yield from _check_drawn(pair, label)


def _may_be_colours(label: LabelStats, dim: int, z_axis: int | None) -> bool:
    """Whether the axis of the colours is not needed for something else."""
    axis, count = colour_axis(label.shape, label.axes), len(label.shape)
    return count > dim and (z_axis is None or axis != z_axis % count)


def _not_whole(pair: Pair, label: LabelStats) -> Iterator[Finding]:
    where, files = str(pair.label), (str(pair.label),)
    looks = drawing(pair.required_label)
    if not looks.is_finite:
        yield Finding(
            where=where,
            wrong="it holds values that are no numbers (NaN or infinity)",
            remedy="Replace them by 0, the background; or by another value, and set data.ignore_value to that",
            fix="snap",
            files=files,
        )
        return
    can_be_snapped = looks.different <= MOST_CLASSES or len(looks.drawn) > 1
    yield Finding(
        where=where,
        wrong=f"it holds values that are not whole numbers ({label.dtype})",
        remedy="A label is one whole number per pixel; was the raw image chosen instead, or the label resized?",
        fix="snap" if can_be_snapped else "",
        files=files,
    )


def _check_drawn(pair: Pair, label: LabelStats) -> Iterator[Finding]:
    """Was the label drawn, or is it a raw image, a JPEG, or a drawing that was smoothed?"""
    where, files = str(pair.label), (str(pair.label),)
    looks = drawing(pair.required_label) if len(label.values) >= FEW_VALUES else Drawing()
    if len(label.values) > _MANY_VALUES and looks.equal < _RARELY:
        yield Finding(
            level="warning",
            where=where,
            wrong=f"it holds {len(label.values):,} different values, and neighbours rarely have the same",
            remedy="Is this a raw image? Images and labels may be swapped",
            files=files,
        )
    elif is_jpeg(pair.required_label):
        yield _jpeg(where, files, label)
    elif looks.is_blurred:
        yield Finding(
            level="warning",
            where=where,
            wrong=f"only {len(looks.drawn)} of its {len(label.values):,} values seem to be drawn; the others line the "
            "edges, as after smoothing, resizing or JPEG",
            remedy=f"Export it without smoothing ({_some(looks.drawn)} were probably meant), or resize labels by nearest "
            "neighbour",
            fix="snap",
            files=files,
        )


def _jpeg(where: str, files: tuple[str, ...], label: LabelStats) -> Finding:
    return Finding(
        level="warning",
        where=where,
        wrong=f"it is a JPEG, which changes values: there are {len(label.values):,} different ones",
        remedy="Export labels as PNG or TIFF; what is not quite 0 counts as foreground",
        fix="snap" if len(label.values) > 2 else "",
        files=files,
    )


def _are_drawn(surveyed: Survey) -> bool:
    """Whether all labels are outlines, of which the files say the numbers."""
    return all(is_annotation(pair.required_label) for pair in surveyed.pairs)


def _some(values: Sequence[int], most: int = _LISTED) -> str:
    return first_of_many(values, most)
