"""The check of how files are read: what their tags say of it, and where image and label lie in space."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from nbtrainer.checks.files import Checked
from nbtrainer.data.file_names import normal_form
from nbtrainer.data.pair import Pair
from nbtrainer.errors import Finding
from nbtrainer.io.annotations import is_annotation, read_contents
from nbtrainer.io.formats import ImageFile, difference, open_image, stem
from nbtrainer.io.read import open_label

# pixel sizes that differ by less are the same
_SAME_SPACING = 0.02


def check_reading(sound: Sequence[Checked]) -> Iterator[Finding]:
    """Findings about the files that can be read: what is not read as it is stored, and what lies elsewhere."""
    for known in sound:
        image = open_image(known.pair.image)
        label = None
        if known.pair.label is not None and not is_annotation(known.pair.label):
            label = open_label(known.pair.label, known.pair.image)
        yield from _notes(known.pair, image, label)
        if label is not None:
            yield from _place(known.pair, image, label)
    yield from _orientations(sound)
    yield from _drawn_on_others([known.pair for known in sound])


def _notes(pair: Pair, image: ImageFile, label: ImageFile | None) -> Iterator[Finding]:
    of_label = () if label is None else label.notes
    # what is true of both keeps them together
    for path, notes, others in ((pair.image, image.notes, of_label), (pair.label, of_label, image.notes)):
        for note in notes:
            if note not in others:
                yield Finding(
                    level="warning",
                    where=str(path),
                    wrong=note,
                    remedy="Look at the preview: does the label lie on what it shows?",
                    files=(str(path),),
                )


def _place(pair: Pair, image: ImageFile, label: ImageFile) -> Iterator[Finding]:
    """What image and label say of their place in space, where no turn of axes brings them together."""
    wrong = ""
    if image.orientation is not None and label.orientation is not None:
        lengths = {axis: image.shape[image.axes.index(axis)] for axis in image.orientation.steps if axis in image.axes}
        if lengths.keys() == label.orientation.steps.keys():
            wrong = difference(label.orientation, other=image.orientation, lengths=lengths)
    if not wrong:
        common = [axis for axis in "zyx" if axis in image.spacing and axis in label.spacing]
        own, theirs = ([spacing[axis] for axis in common] for spacing in (label.spacing, image.spacing))
        if not np.allclose(own, theirs, rtol=_SAME_SPACING):
            wrong = f"its pixels are {_sizes(own)} µm, those of its image {_sizes(theirs)} µm"
    if wrong:
        yield Finding(
            level="warning",
            where=str(pair.label),
            wrong=f"{wrong}; it is laid on the image pixel by pixel all the same",
            remedy="Look at the preview: does the label lie on what it shows? Else bring it to the grid of its image, "
            "for example with Resample in 3D Slicer, by nearest neighbour",
            files=(str(pair.label),),
        )


def _orientations(sound: Sequence[Checked]) -> Iterator[Finding]:
    """A set whose volumes are stored in several orientations."""
    first: dict[str, Checked] = {}
    for known in sound:
        orientation = open_image(known.pair.image).orientation_letters
        if orientation:
            first.setdefault(orientation, known)
    if len(first) > 1:
        listed = ", ".join(
            f"{known.pair.image.name} to {orientation}" for orientation, known in list(first.items())[:3]
        )
        yield Finding(
            level="warning",
            where="data.datasets",
            wrong=f"the axes of the images point in {len(first)} different ways: those of {listed}",
            remedy="The network sees them as they are stored, some mirrored or lying on their side: bring all to one "
            "orientation (in 3D Slicer: Orient scalar volume), or let augmentation turn and mirror them",
            files=tuple(str(known.pair.image) for known in first.values()),
        )


def _drawn_on_others(pairs: Sequence[Pair]) -> Iterator[Finding]:
    """Outlines that were drawn on an image of another name, and serve the one that is called like their file."""
    others: dict[Path, tuple[Path, str]] = {}
    for pair in pairs:
        if pair.label is not None and pair.annotated_as is None and is_annotation(pair.label):
            names = read_contents(pair.label).images
            if len(names) == 1 and _plain(PurePosixPath(names[0]).name) != _plain(pair.image.name):
                others[pair.label] = (pair.image, names[0])
    if others:
        label, (image, name) = next(iter(others.items()))
        more = f", and so on in {len(others)} files" if len(others) > 1 else ""
        yield Finding(
            level="warning",
            where=str(label),
            wrong=f"its outlines were drawn on {name}, and are used for {image.name}{more}",
            remedy="If the files were renamed together, all is well; else give this file the name of its own image",
            files=tuple(map(str, others)),
        )


def _plain(name: str) -> str:
    """A name without suffix, capitals and ways to write accents."""
    return normal_form(stem(Path(name))).casefold()


def _sizes(lengths: Sequence[float]) -> str:
    return " x ".join(f"{length:.4g}" for length in lengths)
