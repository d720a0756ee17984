"""The regions of images that a data set uses or leaves out: from its settings and from files of outlines."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from nbtrainer.config import Config
from nbtrainer.config.dataset import Dataset
from nbtrainer.data.file_names import is_meant, normal_form
from nbtrainer.data.pair import Crop, Pair
from nbtrainer.data.preparation import Preparation
from nbtrainer.data.roi import RegionOfInterest, random_region
from nbtrainer.disk import exists, list_folder
from nbtrainer.errors import DataError, SettingError, UserError
from nbtrainer.io.annotations import Outline, is_annotation, read_outlines
from nbtrainer.io.formats import is_image, open_image, stem


def regions_of(config: Config, index: int, name: str, shape: tuple[int, ...]) -> tuple[RegionOfInterest, ...]:
    """The regions of the image called `name`, of spatial `shape`, in dataset `index`: typed, from files, random."""
    dataset = config.data.datasets[index]
    own = [region for region in dataset.regions if not region.image or is_meant(Path(name), region.image)]
    regions = []
    for region in own:
        enough = 2 if region.shape == "rectangle" else 3
        if len(region.points) < enough or (region.shape == "rectangle" and len(region.points) != 2):
            raise SettingError(
                f"data.datasets[{index}].regions",
                f"the {region.shape} {region.name or 'without a name'} has {len(region.points)} corners",
                f"Give {'two, opposite each other' if enough == 2 else 'three or more'}",
            )
        corners = tuple((point[0], point[1]) for point in region.points)
        regions.append(RegionOfInterest(corners=corners, use=region.use, name=region.name).within(shape))
    regions += _from_files(config, index, dataset, name)
    if dataset.random_region:
        if len(dataset.random_region) != 2:
            raise SettingError(
                f"data.datasets[{index}].random_region", "this is no height and width", "Give two numbers"
            )
        regions.append(random_region(dataset.random_region, shape=shape, seed=config.training.seed, name=name))
    return tuple(regions)


def shape_in_file(pair: Pair, preparation: Preparation) -> tuple[int, ...]:
    return preparation.layout(pair).shape(open_image(pair.image).shape)


def pair_regions(config: Config, pair: Pair, preparation: Preparation) -> tuple[RegionOfInterest, ...]:
    dataset = config.data.datasets[pair.dataset]
    if not (dataset.regions or dataset.region_files or dataset.random_region):
        return ()
    try:
        shape = shape_in_file(pair, preparation)
    except UserError:
        return ()  # the check of the file says why
    return regions_of(config, pair.dataset, pair.image.name, shape)


def _from_files(config: Config, index: int, dataset: Dataset, name: str) -> list[RegionOfInterest]:
    if not dataset.region_files:
        return []
    source = config.resolve(dataset.region_files)
    setting = f"data.datasets[{index}].region_files"
    if not exists(source, setting):
        raise DataError(setting, f"there is no {source}", "Check the path")
    files = [source]
    if source.is_dir() and not is_image(source):
        normalized = normal_form(stem(Path(name)))
        entries = [path for path in list_folder(source, setting) if is_annotation(path)]
        files = [path for path in entries if normal_form(path.name).startswith(normalized + ".")]
    regions = []
    for file in files:
        outlines = read_outlines(file)
        named = {outline.image for outline in outlines}
        # whoever gave both files one name knew; of one file for all images each takes its own
        is_own = len(files) == 1 and source.is_dir() and len(named) <= 1
        regions += [
            region
            for outline in outlines
            if is_own or not outline.image or is_meant(Path(outline.image), Path(name).name)
            for region in _as_regions(outline)
        ]
    return regions


def _as_regions(outline: Outline) -> list[RegionOfInterest]:
    """An outline as a polygon; one that is stored as a mask as the polygons around its parts."""
    if outline.mask is None:
        return [
            RegionOfInterest(
                corners=_corners(outline.points),
                use="use",
                name=outline.name,
                holes=tuple(map(_corners, outline.holes)),
            )
        ]
    from skimage.measure import find_contours

    # a frame, so that what touches the edge is closed
    around = find_contours(np.pad(outline.mask, 1).astype(float), 0.5)
    return [
        RegionOfInterest(corners=_corners(points - 1 + outline.points[0]), use="use", name=outline.name)
        for points in around
    ]


def _corners(points: np.ndarray) -> tuple[tuple[float, float], ...]:
    return tuple((float(y), float(x)) for y, x in points)


def parts_of(pair: Pair, regions: dict[tuple[int, Path], tuple[RegionOfInterest, ...]], shape_of: object) -> list[Pair]:
    """`pair`, or one pair for each region of it that is to be used: as large as the region."""
    own = regions.get((pair.dataset, pair.image), ())
    if not own:
        return [pair]
    shape = shape_of(pair)  # type: ignore[operator]
    ignored = tuple(region for region in own if region.use == "ignore")
    used = [region for region in own if region.use == "use"]
    if not used:
        return [dataclasses.replace(pair, regions=ignored)]
    parts = []
    for region in used:
        part = _common(region.box(shape), pair.crop, shape)
        if part is not None:
            polygon = () if region.is_rectangle else (region,)
            parts.append(dataclasses.replace(pair, crop=part, regions=(*polygon, *ignored)))
    return parts


def _common(
    box: tuple[tuple[int, int], tuple[int, int]] | None, part: Crop | None, shape: tuple[int, ...]
) -> Crop | None:
    """What a region's box (y, x) and a part of the image have in common; None if nothing."""
    if box is None:
        return None
    whole = part if part is not None else tuple((0, length) for length in shape)
    common = (*whole[:-2], *((max(a[0], b[0]), min(a[1], b[1])) for a, b in zip(whole[-2:], box, strict=True)))
    return common if all(start < stop for start, stop in common) else None
