"""Single objects by foreground and contour."""

from typing import ClassVar

from nbtrainer.config.section import Decoding, field
from nbtrainer.config.task.settings import DECODING, LOSS, LabelValues
from nbtrainer.config.task.shared import (
    PROBABILITIES,
    SEEDED_DECODERS,
    ForegroundSettings,
    ObjectSettings,
    SeededSettings,
    TunedSettings,
)


class InstanceContourSettings(ObjectSettings, SeededSettings, ForegroundSettings, TunedSettings):
    """What the network learns of each object, and how objects are found in what it predicts."""

    label_values: ClassVar[LabelValues] = "objects"
    decoder_setting: ClassVar[str] = "decoder"

    contour_width: int = field(
        1,
        title="Width of contours",
        help="On either side of an edge. Wider contours part touching objects better and lose thin ones.",
        unit="px",
        ge=1,
        le=15,
    )
    contour_with_background: bool = field(
        True,
        title="Contours at the background",
        help="Off: only where two objects touch.",
        advanced=True,
    )
    contours_in_plane: bool = field(
        True,
        title="Contours in slices only",
        old_names=("in_slices",),
        help="Of a volume: on for thick slices; off draws contours between slices too.",
        advanced=True,
    )
    with_distance: bool = field(
        False,
        title="Learn the distance",
        help="One more channel says how deep in its object a pixel lies; parts objects that touch widely.",
    )
    affinities: str = field(
        "none",
        title="Learn affinities",
        help="More channels say which pixels belong together; finds objects of any thinness, such as neurites. Slower.",
        choices={"none": "none", "nearest": "of neighbours", "long_range": "of neighbours and pixels farther apart"},
    )
    contour_weight: float = field(
        1.0,
        title="Weight of contours",
        help="How much contours count in the loss beside the foreground.",
        gt=0,
        le=1000,
        advanced=True,
        group=LOSS,
    )
    distance_weight: float = field(
        1.0,
        title="Weight of the distance",
        help="How much the distance counts in the loss beside the foreground.",
        gt=0,
        le=1000,
        advanced=True,
        group=LOSS,
    )
    affinity_weight: float = field(
        1.0,
        title="Weight of affinities",
        help="How much affinities count in the loss beside the foreground.",
        gt=0,
        le=1000,
        advanced=True,
        group=LOSS,
    )
    decoder: str = field(
        "auto",
        title="How objects are found",
        help="'auto' uses everything that is learned.",
        choices={
            "auto": "auto",
            "binary_connected": "connected foreground",
            "binary_watershed": "watershed of the foreground",
            "bc_watershed": "watershed of foreground and contour",
            "bcd_watershed": "watershed of foreground, contour and distance",
            "mutex_watershed": "mutex watershed of affinities",
        },
        advanced=True,
        group=DECODING,
        decoding=Decoding(),
    )
    contour_threshold: float = field(
        0.5,
        title="Seeds where contours are below",
        help="Probability of contour below which a pixel may be a seed.",
        gt=0,
        lt=1,
        advanced=True,
        group=DECODING,
        decoding=Decoding(PROBABILITIES, ("bc_watershed", "bcd_watershed")),
    )
    seed_distance: float = field(
        0.5,
        title="Seeds where the distance is above",
        help="From -1 to 1; only where the distance is learned.",
        ge=-1,
        lt=1,
        advanced=True,
        group=DECODING,
        decoding=Decoding((0.5, 0.3, 0.1, 0.0, 0.7), ("bcd_watershed",)),
    )
    mask_distance: float = field(
        -1.0,
        title="Objects where the distance is above",
        help="From -1 to 1; only where the distance is learned.",
        ge=-1,
        lt=1,
        advanced=True,
        group=DECODING,
        decoding=Decoding((-1.0, -0.5, 0.0), ("bcd_watershed",)),
    )
    affinity_threshold: float = field(
        0.5,
        title="Together above",
        help="Probability above which two neighbours belong together; only where affinities are learned.",
        gt=0,
        lt=1,
        advanced=True,
        group=DECODING,
        decoding=Decoding(PROBABILITIES, ("mutex_watershed",)),
    )
    min_seed_size: int = field(
        4,
        title="Smallest seed",
        old_names=("smallest_seed",),
        help="Smaller ones are dropped.",
        unit="px",
        ge=0,
        advanced=True,
        group=DECODING,
        decoding=Decoding(decoders=SEEDED_DECODERS),
    )
    small_objects: str = field(
        "background",
        title="Small objects become",
        help="What becomes of objects below the smallest size.",
        choices={"background": "background", "neighbour": "part of a neighbour", "none": "nothing: they stay"},
        advanced=True,
        group=DECODING,
        decoding=Decoding(),
    )
    keep_unseeded: bool = field(
        False,
        title="Keep what has no seed",
        help="Whether foreground without a seed is an object, or background.",
        advanced=True,
        group=DECODING,
        decoding=Decoding(decoders=SEEDED_DECODERS),
    )
    slice_by_slice: bool = field(
        False,
        title="Find objects slice by slice",
        help="Treat each slice of a volume as an image of its own.",
        advanced=True,
        group=DECODING,
    )

    @property
    def has_objects(self) -> bool:
        return True
