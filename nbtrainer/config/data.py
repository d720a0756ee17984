"""Which images the network learns from, which it is judged by, and how they are read and prepared."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from nbtrainer.config.dataset import Count, Dataset, Length, Positive
from nbtrainer.config.section import Section, field

# headings that the form shows settings of the data under
IMAGES, SPLIT, READ, PREPARED = "Images and labels", "Split", "How files are read", "Preparation"


class Data(Section):
    """The images with their labels. Models carry along every bias that the data has."""

    where: ClassVar[str] = "data"

    datasets: list[Dataset] = field(
        title="Training datasets",
        help="Pairs of images and labels; + adds a set, - removes one. There must be as many images as labels.",
        default_factory=list,
        guidance=(
            "Bias: a model carries along every bias of the images that it learned from. Take some of every animal, day, "
            "treatment, microscope and brightness that it will meet, and also images without objects; test it on images "
            "from a day that it never saw.",
            "Time: annotating takes about ten times as long as imaging. Few images with careful labels, drawn by one rule, "
            "teach more than many with sloppy ones. Images of about 512 x 512 pixels, densely packed with objects, are the "
            "easiest: divide large ones, and crop away empty background.",
            "Supplemental channels: where the image does not show where an object ends, record a channel that does, such as "
            "a membrane dye, with the same filter cube. Draw labels by it, and train without it.",
            "Labels: one number for each object, or one value for each class, and 0 for background. Leave out no object; "
            "reach to its edge; let neighbours touch where they do. Objects of several types need a model for each, or "
            "classes.",
        ),
        group=IMAGES,
    )
    validation_fraction: float = field(
        0.2,
        title="Validation share",
        help="Share of the images that is kept apart to judge the network, and never trains it. At least one image if "
        "above 0; of a single image or stack a separate block.",
        ge=0,
        lt=1,
        group=SPLIT,
    )
    folds: Annotated[int, Field(ge=0, le=100)] = field(
        0,
        title="Folds",
        help="Cross-validation: the images are divided into so many parts, by the seed, and one of them validates. Decides "
        "instead of the validation share. 0: no folds. `nbtrainer cross-validate` trains a model for each.",
        advanced=True,
        group=SPLIT,
    )
    fold: Annotated[int, Field(ge=1, le=100)] = field(
        1,
        title="Fold that validates",
        help="Which of the folds judges this run; the others train it. Without folds it means nothing.",
        advanced=True,
        group=SPLIT,
    )
    split_groups: str = field(
        "",
        title="Keep together",
        help="A regular expression on the image's name: images for which it finds the same text go the same way, such as "
        "mouse\\d+ for images of one animal. Empty: each image by itself.",
        advanced=True,
        group=SPLIT,
    )
    split_gap: Count = field(
        8,
        title="Gap between blocks",
        help="Where one image is split into blocks to train and to validate: what lies between them is not used. At most a twentieth of the axis.",
        unit="pixels",
        advanced=True,
        group=SPLIT,
    )
    labels_of_interest: list[int] = field(
        title="Labels of interest",
        help="Label values that count as foreground; the others become background. Empty: every value except 0.",
        default_factory=list,
        advanced=True,
        group=READ,
    )
    outline_classes: list[str] = field(
        title="Classes of outlines",
        help="Where labels are outlines with classes (ImageJ, QuPath, LabelMe, COCO): the classes that count, in the order "
        "of their numbers 1, 2, 3 ...; name=5 gives another number. Empty: all, numbered as the files do, else by name; "
        "the same in every image.",
        default_factory=list,
        advanced=True,
        group=READ,
    )
    ignore_value: int | None = field(
        None,
        title="Ignore value",
        help="Label value of pixels that nobody annotated: they enter no loss, no statistics and no score. Empty: none.",
        advanced=True,
        group=READ,
    )
    channel_axis: int | None = field(
        None,
        title="Channel axis",
        help="Which axis holds the channels, counted from 0, whatever the file says. Empty: what the file says, else the one "
        "that the label lacks, else the last one if it has 3 or 4 entries (RGB).",
        advanced=True,
        group=READ,
    )
    z_axis: int | None = field(
        None,
        title="Depth axis",
        help="Which axis holds the slices of a stack, counted from 0, whatever the file says. Empty: what the file says, else "
        "the first.",
        advanced=True,
        group=READ,
    )
    channels: list[Count] = field(
        title="Channels",
        help="Which channels the network sees, counted from 0, in this order. Empty: all.",
        default_factory=list,
        advanced=True,
        group=READ,
    )
    cellpose_channels: list[Annotated[int, Field(ge=0, le=3)]] = field(
        title="Cellpose channels",
        help="Channels as in Cellpose: the one to segment (0 grey, 1 red, 2 green, 3 blue), then the nuclear one (0 none). Empty: not used.",
        default_factory=list,
        max_length=2,
        advanced=True,
        group=READ,
    )
    channel_of_interest: Count = field(
        0,
        title="Channel of interest",
        help="Where images have more or fewer channels than the network: the one that is copied, counted from 0.",
        advanced=True,
        group=READ,
    )
    channel_rule: str = field(
        "refuse",
        title="Other numbers of channels",
        help="What to do with images whose number of channels is not that of the network.",
        choices={
            "refuse": "refuse them",
            "copy": "copy the channel of interest to all",
            "copy always": "the same even where the number fits",
            "remove": "remove those beyond, copy the channel of interest where some are missing",
            "empty": "remove those beyond, fill with empty channels where some are missing",
        },
        advanced=True,
        group=READ,
    )
    spacing: list[Positive] = field(
        title="Pixel size",
        help="Distance of neighbouring pixels along z (in 3D), y and x. Empty: what each file says.",
        default_factory=list,
        max_length=3,
        advanced=True,
        group=READ,
    )
    spacing_unit: Literal["nm", "um"] = field(
        "um",
        title="Unit of pixel size",
        help="Nanometres or micrometres.",
        choices={"nm": "nm", "um": "µm"},
        advanced=True,
        group=READ,
    )
    invert: bool = field(
        False,
        title="Invert images",
        help="Negative: dark becomes bright. For models that were trained the other way round.",
        advanced=True,
        group=PREPARED,
    )
    background_removal: str = field(
        "none",
        title="Remove background",
        help="Subtract what is wider than the radius below (top-hat).",
        choices={"none": "no", "dark": "dark background", "bright": "bright background"},
        advanced=True,
        group=PREPARED,
    )
    background_radius: Annotated[int, Field(ge=1, le=500)] = field(
        25,
        title="Background radius",
        help="Larger than the radius of the objects.",
        unit="pixels",
        advanced=True,
        group=PREPARED,
    )
    resize: list[Length] = field(
        title="Resize to",
        help="Size that every image and label is brought to, z (in 3D), y, x; multiples of 16 suit most networks. "
        "Predictions come back in the size of the image. Empty: as they are.",
        unit="pixels",
        default_factory=list,
        max_length=3,
        advanced=True,
        group=PREPARED,
    )
    resize_by: Literal["scale", "pad"] = field(
        "scale",
        title="Resize by",
        help="Scaling interpolates images and takes the nearest label; padding keeps the pixels, mirrors the edge and cuts off what is beyond.",
        choices={"scale": "scaling", "pad": "padding or cropping"},
        advanced=True,
        group=PREPARED,
    )
    diameter: Annotated[float, Field(ge=0)] = field(
        0.0,
        title="Object diameter",
        help="Every image is scaled so that its objects have this mean diameter. 0: no rescaling.",
        unit="pixels",
        advanced=True,
        group=PREPARED,
    )
    label_border: Annotated[int, Field(ge=0, le=100)] = field(
        0,
        title="Remove label border",
        help="Blank the label along the edge of the image.",
        unit="pixels",
        advanced=True,
        group=PREPARED,
    )
    label_dilation: Annotated[int, Field(ge=0, le=15)] = field(
        0,
        title="Dilate labels",
        help="Make labelled structures thicker, by one pixel each time; after the border is removed.",
        unit="times",
        advanced=True,
        group=PREPARED,
    )
    min_part_size: Count = field(
        0,
        title="Smallest part",
        old_names=("smallest_part",),
        help="Labelled parts with fewer pixels are combined with the neighbour that they touch most, or become background. 0: keep all.",
        unit="pixels",
        advanced=True,
        group=PREPARED,
    )
    exact_statistics: bool = field(
        False,
        title="Measure large images exactly",
        help="Of images above 1 GB, intensities and labels are measured in sampled blocks; exactly takes minutes.",
        advanced=True,
        group=READ,
    )

    @field_validator("split_groups")
    @classmethod
    def _is_expression(cls, value: Any) -> Any:
        try:
            re.compile(value)
        except (re.error, RecursionError, OverflowError, MemoryError) as error:
            raise PydanticCustomError(
                "not_an_expression",
                "{wrong}",
                {"wrong": f"{value!r} is no regular expression ({error})", "remedy": "Try something like mouse\\d+"},
            ) from None
        return value
