"""What is to be learned."""

from typing import ClassVar, Literal

from nbtrainer.catalog import TASKS
from nbtrainer.config.section import Section, field

_CONTOUR = ("instance_contour",)
_EPYSEG = ("epyseg",)
_UNSUPERVISED = ("unsupervised",)
_FLOW = ("instance_flow",)
_OBJECTS = (*_CONTOUR, *_FLOW, *_EPYSEG)


class Task(Section):
    """What is to be learned."""

    where: ClassVar[str] = "task"

    kind: str = field(
        "binary",
        title="Kind of segmentation",
        help="What the network tells apart.",
        choices=TASKS,
    )
    dim: Literal[2, 3] = field(
        2,
        title="Dimensions",
        help="2 for images, 3 for volumes.",
    )
    threshold: float = field(
        0.5,
        title="Foreground above",
        help="Probability above which a pixel counts as foreground. Lower it to find more, raise it to claim less.",
        gt=0,
        lt=1,
        advanced=True,
        kinds=("binary", *_CONTOUR, *_UNSUPERVISED),
    )
    class_names: list[str] = field(
        title="Names of classes",
        help="In the order of the labels of interest, else of the label values, without the background. Empty: their values.",
        default_factory=list,
        kinds=("semantic",),
    )
    class_colours: list[str] = field(
        title="Colours of classes",
        help="As #rrggbb, in the order of the names. Empty: colours that colour-blind people can tell apart.",
        default_factory=list,
        advanced=True,
        kinds=("semantic",),
    )
    class_weights: str = field(
        "none",
        title="Weights of classes",
        help="Whether rare classes count more in the loss. Raises what is found of them, and what is wrongly claimed.",
        choices={"none": "all the same", "auto": "from the data: rare classes count more"},
        advanced=True,
        kinds=("semantic",),
    )
    contour_width: int = field(
        1,
        title="Width of contours",
        help="On either side of an edge. Wider contours part touching objects better and lose thin ones.",
        unit="px",
        ge=1,
        le=15,
        kinds=_CONTOUR,
    )
    contour_with_background: bool = field(
        True,
        title="Contours at the background",
        help="Off: only where two objects touch.",
        advanced=True,
        kinds=_CONTOUR,
    )
    contours_in_plane: bool = field(
        True,
        title="Contours in slices only",
        old_names=("in_slices",),
        help="Of a volume: on for thick slices; off draws contours between slices too.",
        advanced=True,
        kinds=_CONTOUR,
    )
    with_distance: bool = field(
        False,
        title="Learn the distance",
        help="One more channel says how deep in its object a pixel lies; parts objects that touch widely.",
        kinds=_CONTOUR,
    )
    affinities: str = field(
        "none",
        title="Learn affinities",
        help="More channels say which pixels belong together; finds objects of any thinness, such as neurites. Slower.",
        choices={"none": "none", "nearest": "of neighbours", "long_range": "of neighbours and pixels farther apart"},
        kinds=_CONTOUR,
    )
    contour_weight: float = field(
        1.0,
        title="Weight of contours",
        help="How much contours count in the loss beside the foreground.",
        gt=0,
        le=1000,
        advanced=True,
        kinds=_CONTOUR,
    )
    distance_weight: float = field(
        1.0,
        title="Weight of the distance",
        help="How much the distance counts in the loss beside the foreground.",
        gt=0,
        le=1000,
        advanced=True,
        kinds=_CONTOUR,
    )
    affinity_weight: float = field(
        1.0,
        title="Weight of affinities",
        help="How much affinities count in the loss beside the foreground.",
        gt=0,
        le=1000,
        advanced=True,
        kinds=_CONTOUR,
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
        kinds=_CONTOUR,
    )
    tune_thresholds: bool = field(
        True,
        title="Tune thresholds",
        help="At the end, choose the thresholds that find most objects on the validation images, and keep them in the model.",
        kinds=_OBJECTS,
    )
    seed_threshold: float = field(
        0.5,
        title="Seeds above",
        help="Probability above which a pixel may be the seed of an object. Higher parts more objects and misses faint ones.",
        gt=0,
        lt=1,
        advanced=True,
        kinds=(*_CONTOUR, *_EPYSEG),
    )
    contour_threshold: float = field(
        0.5,
        title="Seeds where contours are below",
        help="Probability of contour below which a pixel may be a seed.",
        gt=0,
        lt=1,
        advanced=True,
        kinds=_CONTOUR,
    )
    seed_distance: float = field(
        0.5,
        title="Seeds where the distance is above",
        help="From -1 to 1; only where the distance is learned.",
        ge=-1,
        lt=1,
        advanced=True,
        kinds=_CONTOUR,
    )
    mask_distance: float = field(
        -1.0,
        title="Objects where the distance is above",
        help="From -1 to 1; only where the distance is learned.",
        ge=-1,
        lt=1,
        advanced=True,
        kinds=_CONTOUR,
    )
    affinity_threshold: float = field(
        0.5,
        title="Together above",
        help="Probability above which two neighbours belong together; only where affinities are learned.",
        gt=0,
        lt=1,
        advanced=True,
        kinds=_CONTOUR,
    )
    min_seed_size: int = field(
        4,
        title="Smallest seed",
        old_names=("smallest_seed",),
        help="Smaller ones are dropped.",
        unit="px",
        ge=0,
        advanced=True,
        kinds=_CONTOUR,
    )
    min_object_size: int = field(
        16,
        title="Smallest object",
        old_names=("smallest_object",),
        help="Smaller ones are dropped from predictions; 0 keeps all.",
        unit="px",
        ge=0,
        kinds=(*_OBJECTS, *_UNSUPERVISED),
    )
    small_objects: str = field(
        "background",
        title="Small objects become",
        help="What becomes of objects below the smallest size.",
        choices={"background": "background", "neighbour": "part of a neighbour", "none": "nothing: they stay"},
        advanced=True,
        kinds=_CONTOUR,
    )
    keep_unseeded: bool = field(
        False,
        title="Keep what has no seed",
        help="Whether foreground without a seed is an object, or background.",
        advanced=True,
        kinds=_CONTOUR,
    )
    slice_by_slice: bool = field(
        False,
        title="Find objects slice by slice",
        help="Treat each slice of a volume as an image of its own.",
        advanced=True,
        kinds=_CONTOUR,
    )
    with_boundary: bool = field(
        False,
        title="Learn the boundary",
        help="One more channel for the rim of objects (Omnipose's nclasses 3 instead of 2).",
        kinds=_FLOW,
    )
    size_model: bool = field(
        False,
        title="Learn the size of objects",
        help="At the end, learn to tell the diameter of objects from an image as a whole, so that predictions need none. "
        "Needs a network with style, 2D, and data.diameter.",
        advanced=True,
        kinds=_FLOW,
    )
    decode_by: str = field(
        "join",
        title="How pixels become objects",
        help="What turns fields into objects. The first suits all; the others are Omnipose's own.",
        choices={
            "join": "joined where the depth between them does not end",
            "points": "by where the flow leads them",
            "affinity": "by where neighbours are led alike",
        },
        advanced=True,
        kinds=_FLOW,
    )
    mask_threshold: float = field(
        0.0,
        title="Objects where the distance is above",
        help="Lower it to find more and larger objects, raise it to claim less.",
        unit="px",
        ge=-6,
        le=20,
        advanced=True,
        kinds=_FLOW,
    )
    min_border_depth: float = field(
        0.55,
        title="Least depth of a border within an object",
        old_names=("least_depth",),
        help="Raise it if objects are merged, lower it if they are split.",
        unit="px",
        ge=0,
        le=5,
        advanced=True,
        kinds=_FLOW,
    )
    flow_threshold: float = field(
        0.4,
        title="Drop objects whose flow is off by",
        help="Objects whose own flow differs more from the predicted one are dropped; 0 keeps all.",
        ge=0,
        le=3,
        advanced=True,
        kinds=_FLOW,
    )
    hole_size: float = field(
        3.0,
        title="Fill holes up to",
        help="Share of their object; 0 fills none.",
        unit="%",
        ge=0,
        le=100,
        advanced=True,
        kinds=_FLOW,
    )
    label_style: str = field(
        "auto",
        title="Labels show",
        old_names=("labels_show",),
        help="Cells, each with a value of its own, or the outlines between them; 'auto': outlines if there is just one value, and it fills less than half of the pixels.",
        choices={"auto": "auto", "cells": "cells", "outlines": "outlines"},
        kinds=_EPYSEG,
    )
    outline_threshold: float = field(
        0.5,
        title="Outlines above",
        help="Probability above which a pixel parts two cells.",
        gt=0,
        lt=1,
        advanced=True,
        kinds=_EPYSEG,
    )
    without_seed: str = field(
        "auto",
        title="Areas without a seed",
        help="Whether an area within outlines in which no seed was found is a cell.",
        choices={"auto": "auto", "background": "background", "cell": "cell"},
        advanced=True,
        kinds=_EPYSEG,
    )
    smallest_share: float = field(
        0.0,
        title="Smallest beside neighbours",
        help="Cells smaller than this share of their neighbours' median join the one they touch most; EPySeg's filter is 0.5.",
        ge=0,
        lt=1,
        advanced=True,
        kinds=_EPYSEG,
    )
    touching_border: bool = field(
        True,
        title="Keep cells at the border",
        help="Whether cells stay that the edge of the image cuts.",
        advanced=True,
        kinds=_EPYSEG,
    )
    number_of_classes: int = field(
        2,
        title="Number of classes",
        help="How many classes to tell apart without labels.",
        ge=2,
        le=16,
        kinds=_UNSUPERVISED,
    )
    foreground_class: int = field(
        -1,
        title="Class of the foreground",
        help="Counted from 0; -1: the brightest.",
        ge=-1,
        le=15,
        advanced=True,
        kinds=_UNSUPERVISED,
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
        kinds=_UNSUPERVISED,
    )
    surest_above: float = field(
        0.9,
        title="Surest above",
        help="Of the watershed: probability above which a pixel may be the seed of an object. Higher parts more objects.",
        gt=0,
        lt=1,
        advanced=True,
        kinds=_UNSUPERVISED,
    )
    spot_sigma: float = field(
        2.0,
        title="Spot sigma",
        help="Of Voronoi-Otsu: how smooth the probability is whose maxima are objects. Larger joins more.",
        unit="px",
        ge=0,
        le=100,
        advanced=True,
        kinds=_UNSUPERVISED,
    )
    outline_sigma: float = field(
        2.0,
        title="Outline sigma",
        help="Of Voronoi-Otsu: how smooth the probability is whose Otsu threshold bounds objects.",
        unit="px",
        ge=0,
        le=100,
        advanced=True,
        kinds=_UNSUPERVISED,
    )
    cuts_radius: int = field(
        2,
        title="Radius",
        help="Pixels no farther apart are compared by the normalized cuts.",
        unit="px",
        ge=1,
        le=5,
        advanced=True,
        kinds=_UNSUPERVISED,
    )
    cuts_sigma_spatial: float = field(
        4.0,
        title="Spatial sigma",
        help="How fast the weight of a pair falls with its distance.",
        unit="px",
        gt=0,
        advanced=True,
        kinds=_UNSUPERVISED,
    )
    cuts_sigma_intensity: float = field(
        1.0,
        title="Intensity sigma",
        help="How fast the weight of a pair falls with its difference in brightness, where a patch spans 0 to 100.",
        gt=0,
        advanced=True,
        kinds=_UNSUPERVISED,
    )
    cuts_weight: float = field(
        0.5,
        title="Weight of the cuts",
        help="In the loss.",
        ge=0,
        le=1000,
        advanced=True,
        kinds=_UNSUPERVISED,
    )
    reconstruction: str = field(
        "mse",
        title="Reconstruction loss",
        help="How the image that is painted again is compared with the image.",
        choices={"mse": "mean squared error", "bce": "binary cross-entropy"},
        advanced=True,
        kinds=_UNSUPERVISED,
    )
    reconstruction_weight: float = field(
        0.5,
        title="Weight of the reconstruction",
        help="In the loss.",
        ge=0,
        le=1000,
        advanced=True,
        kinds=_UNSUPERVISED,
    )
