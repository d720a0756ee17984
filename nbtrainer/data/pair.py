"""Which files belong together: the images of a source, each with its label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path

from nbtrainer.data.layouts import Use
from nbtrainer.data.listing import natural_order
from nbtrainer.data.roi import RegionOfInterest
from nbtrainer.io.formats import channel_files
from nbtrainer.wording import first_of_many

Crop = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Pair:
    """An image with its label.

    Attributes
    ----------
    label
        None: nothing is known of the image, which can train a network that needs no labels.
    slice
        Of a stack that is read as images of their own: which one.
    crop
        Where the image is split into blocks: from and to along each axis of this one.
    links
        The file that lists which labels belong to one object, if there is one.
    paired_by_order
        Whether image and label were paired by their order although their names differ.
    regions
        What of the image is used; empty: all of it.
    annotated_as
        What the label calls the image, if it holds outlines of several; None: all of them are this image's.
    has_crowd
        Whether the label has areas in which objects were not annotated one by one.
    """

    image: Path
    label: Path | None
    _: KW_ONLY
    use: Use
    dataset: int = 0
    slice: int | None = None
    crop: Crop | None = None
    links: Path | None = None
    paired_by_order: bool = False
    regions: tuple[RegionOfInterest, ...] = ()
    annotated_as: str | None = None
    has_crowd: bool = False

    @property
    def name(self) -> str:
        """What it is called: `stack.tif [12]`."""
        which = "" if self.slice is None else f" [{self.slice}]"
        part = "" if self.crop is None else f" ({', '.join(f'{start}-{stop}' for start, stop in self.crop)})"
        return f"{self.image.name}{which}{part}"

    @property
    def files(self) -> tuple[Path, ...]:
        """The image (each channel if these are files of their own), and the label if there is one."""
        images = channel_files(self.image) or [self.image]
        return (*images,) if self.label is None else (*images, self.label)

    @property
    def own_file(self) -> Path:
        """The file that stands for this pair alone: the label; the image if it has none, or shares it with others."""
        return self.image if self.label is None or self.annotated_as is not None else self.label

    @property
    def required_label(self) -> Path:
        """The label, of a pair that is known to have one."""
        assert self.label is not None, f"{self.image} has no label"
        return self.label


@dataclass(frozen=True, kw_only=True)
class Naming:
    """How files of a data set are told apart: see the settings of the same names."""

    img_filter: str
    mask_filter: str
    look_one_level_down: bool
    pair_by: str
    exclude: tuple[str, ...]


def describe_order(pairs: Sequence[Pair]) -> str:
    """A sentence about pairs that were made by order although their names differ; empty if there are none."""
    some = [pair for pair in pairs if pair.paired_by_order]
    if not some:
        return ""
    label_of = {pair.image: pair.required_label for pair in some}
    named = first_of_many(f"{image.name} with {label_of[image].name}" for image in natural_order(label_of))
    count = "1 pair is made" if len(some) == 1 else f"{len(some)} pairs are made"
    return f"{count} by order, because names differ: {named}. Give both the same name if they do not belong together"


def setting(where: str, *, name: str) -> str:
    """The setting `name` of `where`, or alone if there is nothing that it is of."""
    return f"{where}.{name}" if where else name
