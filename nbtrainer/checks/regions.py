"""The check of the regions of interest: do they lie in the images, and are they areas at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nbtrainer.config import Config
from nbtrainer.data.pair import Pair
from nbtrainer.data.roi import RegionOfInterest
from nbtrainer.datasets.survey import Survey
from nbtrainer.datasets.survey_regions import regions_of
from nbtrainer.errors import Finding, UserError
from nbtrainer.io.axes import format_shape
from nbtrainer.io.formats import open_image, stem

# an outline with more corners was traced by hand or program; comparing all of its edges would take long
_MOST_CORNERS = 200


def check_regions(config: Config, surveyed: Survey) -> Iterator[Finding]:
    """Findings about regions of every dataset. Regions that cannot be read at all are problems of the survey."""
    seen: set[tuple[int, object]] = set()
    for pair in surveyed.listed:
        dataset = config.data.datasets[pair.dataset]
        if (pair.dataset, pair.image) in seen or not (dataset.regions or dataset.region_files or dataset.random_region):
            continue
        seen.add((pair.dataset, pair.image))
        try:
            shape = surveyed.preparation.layout(pair).shape(open_image(pair.image).shape)
            regions = regions_of(config, pair.dataset, pair.image.name, shape)
        except UserError:
            continue
        yield from _of_image(config, pair, shape, regions)
    yield from _of_nothing(config, surveyed)


def _of_image(
    config: Config, pair: Pair, shape: tuple[int, ...], regions: Sequence[RegionOfInterest]
) -> Iterator[Finding]:
    where = f"data.datasets[{pair.dataset}].regions"
    size = config.data.datasets[pair.dataset].random_region
    if len(size) == 2 and any(length > full for length, full in zip(size, shape[-2:], strict=True)):
        yield Finding(
            level="warning",
            where=f"data.datasets[{pair.dataset}].random_region",
            wrong=f"{format_shape(size)} is larger than {pair.image.name} ({format_shape(shape[-2:])})",
            remedy="Its whole height or width is used there; choose a smaller region",
            files=(str(pair.image),),
        )
    for region in regions:
        name = region.name or "without a name"
        if region.box(shape) is None:
            yield Finding(
                level="warning",
                where=where,
                wrong=f"the region {name} lies outside of {pair.image.name} ({format_shape(shape[-2:])})",
                remedy="Corners are y before x, in pixels; draw it again",
                files=(str(pair.image),),
            )
        elif _crosses_itself(region.corners):
            yield Finding(
                level="warning",
                where=where,
                wrong=f"the outline of the region {name} crosses itself",
                remedy="Give its corners in the order in which they are met going around it",
                files=(str(pair.image),),
            )
    used = [region for region in regions if region.use == "use"]
    if used and all(region.box(shape) is None for region in used):
        yield Finding(
            where=where,
            wrong=f"nothing of {pair.image.name} is left to use: no region lies in it",
            remedy="Draw the regions again, or leave the image out",
            fix="exclude",
            files=(str(pair.image),),
        )


def _of_nothing(config: Config, surveyed: Survey) -> Iterator[Finding]:
    """Regions that name an image that is not there, or that would come from files that are not there."""
    for index, dataset in enumerate(config.data.datasets):
        pairs = [pair for pair in surveyed.listed if pair.dataset == index]
        names = {name for pair in pairs for name in (pair.image.name, stem(pair.image))}
        for region in dataset.regions:
            if pairs and region.image and region.image not in names:
                yield Finding(
                    level="warning",
                    where=f"data.datasets[{index}].regions",
                    wrong=f"the region {region.name or 'without a name'} belongs to {region.image}, which is not here",
                    remedy="Give the file name of one of the images, or none for all of them",
                )
        if pairs and dataset.region_files and not any(_has_regions(config, pair, surveyed) for pair in pairs):
            yield Finding(
                level="warning",
                where=f"data.datasets[{index}].region_files",
                wrong=f"no region in {config.resolve(dataset.region_files).name} belongs to any of the images",
                remedy="Files in a folder need the names of their images",
            )


def _has_regions(config: Config, pair: Pair, surveyed: Survey) -> bool:
    try:
        shape = surveyed.preparation.layout(pair).shape(open_image(pair.image).shape)
        return bool(regions_of(config, pair.dataset, pair.image.name, shape))
    except UserError:
        return True  # which the survey tells


def _crosses_itself(corners: Sequence[tuple[float, float]]) -> bool:
    count = len(corners)
    if not 4 <= count <= _MOST_CORNERS:
        return False
    edges = [(corners[number], corners[(number + 1) % count]) for number in range(count)]
    return any(
        _cross(*edges[one], *edges[other])
        for one in range(count)
        for other in range(one + 2, count)
        if (other + 1) % count != one
    )


def _cross(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float], d: tuple[float, float]) -> bool:
    def side(p: tuple[float, float], q: tuple[float, float], r: tuple[float, float]) -> float:
        return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])

    return side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0
