"""Classes learned from images alone."""

from typing import ClassVar

from nbtrainer.config.section import Decoding, field
from nbtrainer.config.task.settings import DECODING, LOSS, LabelValues
from nbtrainer.config.task.shared import ForegroundSettings, ObjectSettings


class UnsupervisedSettings(ObjectSettings, ForegroundSettings):
    """How many classes are learned, which is foreground, and how it is separated into objects."""

    label_values: ClassVar[LabelValues] = "not_needed"
    decoder_setting: ClassVar[str] = "post_processing"

    number_of_classes: int = field(
        2,
        title="Number of classes",
        help="How many classes to tell apart without labels.",
        ge=2,
        le=16,
    )
    foreground_class: int = field(
        -1,
        title="Class of the foreground",
        help="Counted from 0; -1: the brightest.",
        ge=-1,
        le=15,
        advanced=True,
        group=DECODING,
        decoding=Decoding(),
    )
    post_processing: str = field(
        "none",
        title="Single objects",
        help="How the foreground is parted into objects, after the network: labels are object ids then.",
        choices={
            "none": "no: foreground only",
            "connected": "connected parts",
            "watershed": "watershed from where it is surest",
            "voronoi_otsu": "one around each local maximum (Voronoi-Otsu)",
        },
        decoding=Decoding(),
    )
    seed_threshold: float = field(
        0.9,
        title="Surest above",
        old_names=("surest_above",),
        help="Of the watershed: probability above which a pixel may be the seed of an object. Higher parts more objects.",
        gt=0,
        lt=1,
        advanced=True,
        decoding=Decoding(decoders=("watershed",)),
    )
    spot_sigma: float = field(
        2.0,
        title="Spot sigma",
        help="Of Voronoi-Otsu: how smooth the probability is whose maxima are objects. Larger joins more.",
        unit="px",
        ge=0,
        le=100,
        advanced=True,
        decoding=Decoding(decoders=("voronoi_otsu",)),
    )
    outline_sigma: float = field(
        2.0,
        title="Outline sigma",
        help="Of Voronoi-Otsu: how smooth the probability is whose Otsu threshold bounds objects.",
        unit="px",
        ge=0,
        le=100,
        advanced=True,
        decoding=Decoding(decoders=("voronoi_otsu",)),
    )
    cuts_radius: int = field(
        2,
        title="Radius",
        help="Pixels no farther apart are compared by the normalized cuts.",
        unit="px",
        ge=1,
        le=5,
        advanced=True,
        group=LOSS,
    )
    cuts_sigma_spatial: float = field(
        4.0,
        title="Spatial sigma",
        help="How fast the weight of a pair falls with its distance.",
        unit="px",
        gt=0,
        advanced=True,
        group=LOSS,
    )
    cuts_sigma_intensity: float = field(
        1.0,
        title="Intensity sigma",
        help="How fast the weight of a pair falls with its difference in brightness, where a patch spans 0 to 100.",
        gt=0,
        advanced=True,
        group=LOSS,
    )
    cuts_weight: float = field(
        0.5,
        title="Weight of the cuts",
        help="In the loss.",
        ge=0,
        le=1000,
        advanced=True,
        group=LOSS,
    )
    reconstruction: str = field(
        "mse",
        title="Reconstruction loss",
        help="How the image that is reconstructed is compared with the image.",
        choices={"mse": "mean squared error", "bce": "binary cross-entropy"},
        advanced=True,
        group=LOSS,
    )
    reconstruction_weight: float = field(
        0.5,
        title="Weight of the reconstruction",
        help="In the loss.",
        ge=0,
        le=1000,
        advanced=True,
        group=LOSS,
    )

    @property
    def has_objects(self) -> bool:
        return self.post_processing != "none"
