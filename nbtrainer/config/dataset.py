"""One data set: where its images and labels are, and what of them is used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from nbtrainer.config.section import PathText, Section, field

if TYPE_CHECKING:
    from nbtrainer.data.pair import Naming

Count = Annotated[int, Field(ge=0)]


Length = Annotated[int, Field(ge=1, le=1_000_000)]


Positive = Annotated[float, Field(gt=0)]


class Region(Section):
    """A part of an image, drawn or typed: corners in pixels, y before x, (0, 0) is the middle of the first pixel."""

    where: ClassVar[str] = "data.datasets"

    shape: Literal["rectangle", "polygon"] = field(
        "rectangle",
        title="Shape",
        help="A rectangle is given by two opposite corners, a polygon by all of them.",
        choices={"rectangle": "rectangle", "polygon": "polygon"},
    )
    points: list[list[float]] = field(
        title="Corners",
        help="Pairs of y and x; a negative number counts from the far edge.",
        unit="pixels",
        default_factory=list,
    )
    name: str = field("", title="Name", help="What you call it.")
    image: str = field(
        "", title="Image", help="File name of the image that it belongs to. Empty: every image of the set."
    )
    use: Literal["use", "ignore"] = field(
        "use",
        title="Meaning",
        help="'use': only what lies in such regions is used. 'ignore': what lies in it is left out, for instance because it is not annotated.",
        choices={"use": "use only this", "ignore": "leave this out"},
    )

    @field_validator("points")
    @classmethod
    def _are_pairs(cls, points: list[list[float]]) -> list[list[float]]:
        if any(len(point) != 2 for point in points):
            raise PydanticCustomError(
                "not_pairs", "{wrong}", {"wrong": "a corner is not two numbers", "remedy": "Give [y, x] for each"}
            )
        return points


class Dataset(Section):
    """Images and their labels: folders, files, wildcards or list files, paired by name or in sorted order."""

    where: ClassVar[str] = "data.datasets"

    images: PathText = field(
        "",
        title="Images",
        help="Folder of the raw images; or one file, a stack, a wildcard such as raw/*.tif, a .txt file with one path a "
        "line, or a folder that holds train, val and test.",
        path="folder",
    )
    labels: PathText = field(
        "",
        title="Labels",
        help="Folder (or file ...) of the expected segmentations, with the same file names as the images; outlines from "
        "ImageJ, QuPath, LabelMe or COCO too. Empty if they lie beside the images, or if there are none and the kind of "
        "segmentation needs none (unsupervised).",
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
    pair_by: Literal["auto", "order"] = field(
        "auto",
        title="Pair by",
        help="'auto' pairs by name where all names agree, else in sorted order; the pair table shows which it was.",
        choices={"auto": "name, else order", "order": "sorted order"},
        advanced=True,
    )
    img_filter: str = field(
        "",
        title="Image filter",
        help="Only images whose name ends with this (before the suffix), as in cell_01_img.tif. Empty: all.",
        advanced=True,
    )
    mask_filter: str = field(
        "_masks",
        title="Label filter",
        help="Where images and labels share a folder: what the name of a label has at its end, as in cell_01_masks.tif.",
        advanced=True,
    )
    look_one_level_down: bool = field(
        False,
        title="Look one level down",
        help="Also take the files in the folders inside this folder.",
        advanced=True,
    )
    exclude: list[str] = field(
        title="Leave out",
        help="Names of images that are not used, separated by commas.",
        default_factory=list,
        advanced=True,
    )
    regions: list[Region] = field(
        title="Regions of interest",
        help="Only what lies inside is used, in training and in validation; drawn on the preview, or typed.",
        default_factory=list,
    )
    region_files: PathText = field(
        "",
        title="Regions from file",
        help="An ImageJ .roi or .zip, a QuPath .geojson, or a folder of such files named like their images.",
        path="file",
        advanced=True,
    )
    random_region: list[Length] = field(
        title="Random region",
        help="Height and width of one region a image, placed by chance (the same in every run with the same seed). Empty: none.",
        unit="pixels",
        default_factory=list,
        max_length=2,
        advanced=True,
    )

    def naming(self) -> Naming:
        """How its files are told apart and paired."""
        from nbtrainer.data.pair import Naming  # the form appears before the libraries that read images are loaded

        return Naming(
            img_filter=self.img_filter,
            mask_filter=self.mask_filter,
            look_one_level_down=self.look_one_level_down,
            pair_by=self.pair_by,
            exclude=tuple(self.exclude),
        )
