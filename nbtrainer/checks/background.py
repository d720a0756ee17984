"""The check of what labels mean as a whole: is there a background, or is it numbered as if it were an object?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from nbtrainer.config import Config
from nbtrainer.data.file_stats import label_stats
from nbtrainer.datasets.survey import Survey
from nbtrainer.errors import Finding

# what lies around all objects touches at least this share of them, and fills at least this share of the label
_TOUCHED, _FILLED = 0.8, 0.2
# around one object alone there may be another
_FEW_OBJECTS = 2
# so many values are listed with their shares
_LISTED = 4


def check_background(config: Config, surveyed: Survey, values: Sequence[int], where: str) -> Iterator[Finding]:
    """Findings about labels of classes in which no pixel is 0; `values` are those of all labels."""
    if config.task.label_values == "classes" and 0 in values and not config.data.labels_of_interest:
        yield from _numbered_otherwise(surveyed)
    if 0 in values or len(values) < 2 or [value for value in config.data.labels_of_interest if value]:
        return
    shares = surveyed.label_frequencies([*surveyed.split.train, *surveyed.split.validation])
    listed = ", ".join(f"{value} ({shares.get(value, 0):.0%})" for value in values[:_LISTED])
    more = " ..." if len(values) > _LISTED else ""
    if config.task.label_values == "foreground":
        is_estimate = any(
            label_stats(pair.required_label).is_estimate for pair in surveyed.pairs if pair.label is not None
        )
        rarest = min(values, key=lambda value: shares.get(value, 0))
        yield Finding(
            level="warning" if is_estimate and not config.data.exact_statistics else "error",
            where=where,
            wrong=f"no pixel of any label is 0, the background: they hold {listed}{more}, and every pixel would be foreground",
            remedy=f"Name the value of what you look for in data.labels_of_interest, such as {rarest}; the others become "
            "background",
        )
    elif config.task.label_values == "classes":
        yield Finding(
            level="warning",
            where=where,
            wrong=f"no pixel of any label is 0, the background: each of {listed}{more} is learnt as a class",
            remedy="That is right if every pixel belongs to a class; else leave the value of the background out of "
            "data.labels_of_interest",
        )


def _numbered_otherwise(surveyed: Survey) -> Iterator[Finding]:
    """Labels without any 0 that hold a value which none with a 0 does: 1 to 4 among labels of 0 to 3."""
    stats = [(pair.label, label_stats(pair.required_label)) for pair in surveyed.pairs if pair.label is not None]
    usual = {value for _, each in stats if 0 in each.values for value in each.values}
    for label, each in stats:
        unusual = [value for value in each.values if value not in usual]
        if each.values and 0 not in each.values and unusual:
            yield Finding(
                level="warning",
                where=str(label),
                wrong=f"no pixel of it is 0, the background, and it holds {unusual[0]}, which no label with a background does",
                remedy="Were its classes numbered from 1? Export it again as the others, or leave the pair out",
            )


def surrounding_value(label: np.ndarray) -> int | None:
    """The value that lies around nearly all objects of `label` ([z,] y, x), as only background does; None if none does.

    It reaches all four sides of the image, fills a good part of it, and touches most of the others, at most with a thin
    line between.
    """
    values, counts = np.unique(label[label != 0], return_counts=True)
    if len(values) <= _FEW_OBJECTS:
        return None
    candidate = values[counts.argmax()]
    if counts.max() < _FILLED * label.size:
        return None
    here = label == candidate
    sides = [np.take(here, side, axis) for axis in (-2, -1) for side in (0, -1)]
    if not all(side.any() for side in sides):
        return None
    touched: set[int] = set()
    for axis in range(label.ndim):
        for step in (1, 2):
            one, other = _shifted(label, axis=axis, step=step)
            touched.update(np.unique(other[one == candidate]).tolist(), np.unique(one[other == candidate]).tolist())
    others = len(values) - 1
    return int(candidate) if len(touched - {0, int(candidate)}) >= _TOUCHED * others else None


def _shifted(array: np.ndarray, *, axis: int, step: int) -> tuple[np.ndarray, np.ndarray]:
    moved = np.moveaxis(array, axis, 0)
    return moved[:-step], moved[step:]
