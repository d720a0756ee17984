"""The check of what labels number as objects, for kinds of segmentation that tell objects apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from nbtrainer.checks.background import surrounding_value
from nbtrainer.config.task import TaskSettings
from nbtrainer.datasets.label_sample import Sample
from nbtrainer.errors import Finding
from nbtrainer.io.annotations import is_annotation
from nbtrainer.labels import ObjectMeasures, measure_objects, near_misses

# labels with at most this many values and far more parts are classes, or a mask
_MOST_CLASSES = 10
# parts for each value, from which on values are no objects
_PARTS_PER_VALUE = 3
# fragments have less of a typical object's pixels than this, and than this many pixels
_FRAGMENT_SHARE, _FRAGMENT_PIXELS = 0.05, 30
# so many gaps, also for each object, are true to life; more are the work of an export
_FEW_GAPS, _FEW_GAPS_SHARE = 2, 0.05
# fewer objects than this say little about what is typical
_FEW_OBJECTS = 5


def check_objects(task: TaskSettings, samples: Sequence[Sample]) -> Iterator[Finding]:
    """Findings about the objects in `samples`; none for kinds whose labels do not number objects."""
    if task.label_values != "objects":
        return
    for sample in samples:
        if sample.label.any():
            yield from _of_label(sample)


def _of_label(sample: Sample) -> Iterator[Finding]:
    around = surrounding_value(sample.label)
    if around is not None:
        yield _warning(
            sample,
            wrong=f"one object ({around}) lies around nearly all the others: it seems to be the background",
            remedy="Background must be 0, or the network learns it as an object",
            fix="surrounding",
        )
        return
    objects = measure_objects(sample.label)
    parts = int(objects.pieces.sum())
    if len(objects) <= _MOST_CLASSES and parts >= _PARTS_PER_VALUE * len(objects) and parts > _FEW_OBJECTS:
        yield _classes(sample, objects, parts)
        return
    if len(objects) == 1 and not sample.is_part and objects.sizes[0] > sample.label.size / 2:
        yield _warning(
            sample,
            wrong="one object fills most of it",
            remedy="Objects need a value each, and background 0; is this a mask?",
        )
        return
    yield from _pieces(sample, objects)
    yield from _fragments(sample, objects)
    yield from _holes(sample, objects)
    yield from _gaps(sample, len(objects))


def _classes(sample: Sample, objects: ObjectMeasures, parts: int) -> Finding:
    values = len(objects)
    wrong = f"it has {values} value{'s' if values > 1 else ''}, but {parts:,} separate parts: it tells "
    wrong += "foreground from background" if values == 1 else "classes apart"
    return _warning(
        sample,
        wrong=f"{wrong}, not objects",
        remedy="Here every object needs a value of its own, and all objects are of one kind: train each class by itself. "
        "Numbering the connected parts joins objects that touch",
        fix="pieces" if values == 1 else "",
    )


def _pieces(sample: Sample, objects: ObjectMeasures) -> Iterator[Finding]:
    is_cut = objects.pieces > 1
    cut, pieces = objects.ids[is_cut], objects.pieces[is_cut]
    if len(cut):
        yield _warning(
            sample,
            wrong=f"object {cut[0]} is in {pieces[0]} unconnected pieces"
            if len(cut) == 1
            else f"{len(cut):,} objects are in unconnected pieces: {_some(cut)}",
            remedy="Two objects may have the same number; a file of links says which pieces belong together",
            fix="" if sample.pair.links else "pieces",
        )


def _fragments(sample: Sample, objects: ObjectMeasures) -> Iterator[Finding]:
    if len(objects) < _FEW_OBJECTS:
        return
    smallest = min(_FRAGMENT_PIXELS, _FRAGMENT_SHARE * float(np.median(objects.sizes)))
    tiny = objects.ids[(objects.sizes < smallest) & ~objects.touches_border]
    if len(tiny):
        yield _warning(
            sample,
            wrong=f"object {tiny[0]} has fewer than {smallest:.0f} pixels"
            if len(tiny) == 1
            else f"{len(tiny):,} objects have fewer than {smallest:.0f} pixels: {_some(tiny)}",
            remedy=f"Crumbs of drawing? data.min_part_size = {int(np.ceil(smallest))} joins them with a neighbour or drops them",
        )


def _holes(sample: Sample, objects: ObjectMeasures) -> Iterator[Finding]:
    holed = objects.ids[objects.holes > 0]
    if len(holed):
        yield _warning(
            sample,
            wrong=f"object {holed[0]} has holes"
            if len(holed) == 1
            else f"{len(holed):,} objects have holes: {_some(holed)}",
            remedy="Fill them, unless there is really something else inside",
            fix="holes",
        )


def _gaps(sample: Sample, count: int) -> Iterator[Finding]:
    pairs = near_misses(sample.label)
    if len(pairs) > max(_FEW_GAPS, _FEW_GAPS_SHARE * count):
        first = f"objects {pairs[0][0]} and {pairs[0][1]}"
        yield _warning(
            sample,
            wrong=f"{_count(len(pairs), one='pair of objects leaves', many='pairs of objects leave')} a gap of one or two pixels "
            f"({first}{', ...' if len(pairs) > 1 else ''})",
            remedy="Objects that touch in the image should touch in the label; data.label_dilation = 1 closes such gaps",
        )


def _warning(sample: Sample, *, wrong: str, remedy: str, fix: str = "") -> Finding:
    where, about = str(sample.pair.label), (str(sample.pair.own_file),)
    if is_annotation(sample.pair.required_label):  # outlines are mended where they were drawn
        fix = ""
    return Finding(level="warning", where=where, wrong=wrong, remedy=remedy, fix=fix, files=about)


def _count(number: int, *, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _some(ids: np.ndarray) -> str:
    """`objects 3, 5 and 9`, or the first three and how many more."""
    first = ", ".join(map(str, ids[: 3 if len(ids) > 3 else len(ids) - 1]))
    return f"objects {first} and {f'{len(ids) - 3:,} more' if len(ids) > 3 else ids[-1]}"
