"""The geometry of regions, without widgets: corners, hits, moves, drawing in progress, and corners as text."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np

from nbtrainer.config.dataset import Region
from nbtrainer.errors import SettingError

Point = tuple[float, float]  # y, x, in pixels; (0, 0) is the middle of the first
Shape = tuple[int, ...]  # height, width


def corners(points: Sequence[Sequence[float]], shape: Shape) -> list[Point]:
    """The outline's corners in order; two points are a rectangle, in which negative numbers count from the far edge."""
    if len(points) != 2:
        return [(float(y), float(x)) for y, x in points]
    (top, left), (bottom, right) = (_inside(point, shape) for point in points)
    return [(top, left), (top, right), (bottom, right), (bottom, left)]


def middle(outline: Sequence[Point]) -> Point:
    """Where an outline is taken to be moved as a whole: the mean of its corners."""
    return sum(y for y, _ in outline) / len(outline), sum(x for _, x in outline) / len(outline)


def area(outline: Sequence[Point]) -> float:
    """Area within an outline, in square pixels."""
    y, x = np.asarray(outline, dtype=float).reshape(-1, 2).T
    return abs(float(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1)))) / 2


def contains(outline: Sequence[Point], point: Point) -> bool:
    """Whether `point` lies within `outline` (even-odd rule)."""
    y, x = point
    is_within = False
    for (y0, x0), (y1, x1) in zip(outline, [*outline[1:], *outline[:1]], strict=True):
        if (y0 > y) != (y1 > y) and x < x0 + (y - y0) / (y1 - y0) * (x1 - x0):
            is_within = not is_within
    return is_within


def hit(outlines: Sequence[Sequence[Point]], point: Point) -> int | None:
    """The smallest outline that holds `point`, so that one within another can be taken; None if there is none."""
    held = [index for index, outline in enumerate(outlines) if len(outline) > 2 and contains(outline, point)]
    return min(held, key=lambda index: area(outlines[index]), default=None)


def rectangle(one: Point, other: Point, shape: Shape) -> list[list[float]] | None:
    """Two opposite corners as a region's points, upper left first, on whole pixels within the image; None if it is flat."""
    (y0, x0), (y1, x1) = (_on_pixel(point, shape) for point in (one, other))
    return [[min(y0, y1), min(x0, x1)], [max(y0, y1), max(x0, x1)]] if y0 != y1 and x0 != x1 else None


def polygon(points: Sequence[Point], shape: Shape) -> list[list[float]] | None:
    """A polygon's points on whole pixels within the image, none twice in a row; None if fewer than three are left."""
    corners: list[list[float]] = []
    for point in points:
        corner = list(_on_pixel(point, shape))
        if not corners or corners[-1] != corner:
            corners.append(corner)
    if len(corners) > 1 and corners[0] == corners[-1]:
        corners.pop()
    return corners if len(corners) > 2 and area([(y, x) for y, x in corners]) > 0 else None


def move_corner(region: Region, index: int, to: Point, shape: Shape) -> Region:
    """`region` with corner `index` of its outline moved to `to`; of a rectangle the opposite corner stays."""
    outline = corners(region.points, shape)
    if region.shape == "rectangle":
        points = rectangle(outline[(index + 2) % 4], to, shape)
    else:
        points = polygon([to if position == index else point for position, point in enumerate(outline)], shape)
    return region if points is None else region.model_copy(update={"points": points})


def move_region(region: Region, to: Point, shape: Shape) -> Region:
    """`region` with its middle at `to`, kept whole within the image."""
    outline = corners(region.points, shape)
    here = middle(outline)
    by = [
        max(-min(lengths), min(length - 1 - max(lengths), round(end - start)))
        for lengths, length, start, end in zip(zip(*outline, strict=True), shape, here, to, strict=True)
    ]
    # two opposite corners stand for a rectangle's four
    fixed_corners = [outline[0], outline[2]] if region.shape == "rectangle" else outline
    return region.model_copy(update={"points": [[y + by[0], x + by[1]] for y, x in fixed_corners]})


class Sketch:
    """A polygon in the making: corners come one after another, until one of them closes it."""

    def __init__(self) -> None:
        self.points: list[Point] = []

    def add(self, point: Point, reach: float) -> bool:
        """Add a corner; whether this closes the outline: a click within `reach` of the first or, a double click, the last."""
        if len(self.points) > 2 and math.dist(point, self.points[0]) <= reach:
            return True
        if self.points and math.dist(point, self.points[-1]) <= reach / 2:
            return len(self.points) > 2
        self.points.append(point)
        return False


def parse_points(words: str) -> list[list[float]]:
    """Corners written as `y x, y x`; raises `UserError` with a sentence."""
    points = []
    for part in re.split(r"[,;\n]+", words.strip("[](){} ")):
        numbers = part.replace("[", " ").replace("]", " ").split()
        try:
            pair = [float(number) for number in numbers]
        except ValueError:
            pair = []
        if len(pair) != 2 or not all(map(math.isfinite, pair)):
            raise SettingError("", f"{part.strip()!r} is not a corner", "Write y and x of each corner: 10 20, 110 220")
        points.append(pair)
    if len(points) < 2:
        raise SettingError(
            "", "one corner is no region", "Give two opposite corners of a rectangle, or three of a polygon"
        )
    return points


def written_points(points: Sequence[Sequence[float]]) -> str:
    """Corners as text; `parse_points` reads it back."""
    return ", ".join(" ".join(f"{number:.10g}" for number in point) for point in points)


def shape_of(points: Sequence[Sequence[float]]) -> str:
    """What typed corners mean: two are those of a rectangle, more a polygon."""
    return "rectangle" if len(points) == 2 else "polygon"


def close_outlines(outlines: Sequence[Sequence[Point]]) -> tuple[np.ndarray, np.ndarray]:
    """x and y of many closed outlines as two arrays (outline, corner), each filled up with its first corner."""
    longest = max((len(outline) for outline in outlines), default=0) + 1
    full = [[*outline, *[outline[0]] * (longest - len(outline))] for outline in outlines]
    points = np.asarray(full, dtype=float).reshape(len(outlines), longest, 2)
    return points[..., 1], points[..., 0]


def _inside(point: Sequence[float], shape: Shape) -> Point:
    y, x = (value + length if value < 0 else value for value, length in zip(point, shape, strict=True))
    return float(y), float(x)


def _on_pixel(point: Point, shape: Shape) -> Point:
    y, x = (float(min(max(round(value), 0), length - 1)) for value, length in zip(point, shape, strict=True))
    return y, x


def by_tone(
    regions: Sequence[tuple[int, Region]], chosen: int | None, shape: Shape
) -> tuple[dict[str, list[list[Point]]], list[tuple[Point, str]]]:
    """The outlines of numbered regions on an image of `shape`, by the tone they are drawn in, and where their names stand."""
    tones: dict[str, list[list[Point]]] = {"region": [], "left-out": [], "chosen": []}
    names = []
    for index, region in regions:
        around = corners(region.points, shape)
        if around:
            tone = "chosen" if index == chosen else "region" if region.use == "use" else "left-out"
            tones[tone].append(around)
            names.append((around[0], region.name))
    return tones, names
