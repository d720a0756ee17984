"""Which images the network learns from, and which it is judged by."""

from __future__ import annotations

from typing import ClassVar, Literal

from nbtrainer.config.section import PathText, Section, field


class Dataset(Section):
    """Images and their labels: two folders, files, wildcards or list files of equal length."""

    where: ClassVar[str] = "data.datasets"

    images: PathText = field(
        "",
        title="Images",
        help="Folder of the raw images; or one file, a wildcard such as raw/*.tif, or a .txt file with one path a line.",
        path="folder",
    )
    labels: PathText = field(
        "",
        title="Labels",
        help="Folder of the expected segmentations, with the same file names as the images.",
        path="folder",
    )
    use: Literal["auto", "train", "validation", "test"] = field(
        "auto",
        title="Use for",
        help="'auto' keeps the validation share apart by chance; the others take the whole set for one purpose.",
        choices={
            "auto": "training and validation",
            "train": "training",
            "validation": "validation",
            "test": "test, once at the end",
        },
        advanced=True,
    )


class Data(Section):
    """The images with their labels. Models carry along every bias that the data has."""

    where: ClassVar[str] = "data"

    datasets: list[Dataset] = field(
        title="Training datasets",
        help="Pairs of images and labels; + adds a set, - removes one. There must be as many images as labels.",
        default_factory=list,
    )
    validation_fraction: float = field(
        0.2,
        title="Validation share",
        help="Share of the images that is kept apart to judge the network, and never trains it. At least one image if above 0.",
        ge=0,
        lt=1,
    )
    labels_of_interest: list[int] = field(
        title="Labels of interest",
        help="Label values that count as foreground; the others become background. Empty: every value except 0.",
        default_factory=list,
        advanced=True,
    )
    channel_axis: int | None = field(
        None,
        title="Channel axis",
        help="Which axis holds the channels, counted from 0. Empty: none, or the last one if it has 3 or 4 entries (RGB).",
        advanced=True,
    )
