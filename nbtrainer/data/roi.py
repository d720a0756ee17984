"""Regions of interest: what of an image is used, and what is left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

# stands in labels where nothing is known: outside regions, and where the user's own ignore value stands
IGNORED = 2**32 - 1


@dataclass(frozen=True, kw_only=True)
class RegionOfInterest:
    """A polygon of `corners` (y, x) in pixels (a rectangle has two, opposite each other); (0, 0) is the middle of the
    first pixel. What lies on its edge belongs to it. `holes` are polygons cut out of it."""

    corners: tuple[tuple[float, float], ...]
    use: Literal["use", "ignore"]
    name: str = ""
    holes: tuple[tuple[tuple[float, float], ...], ...] = ()

    @property
    def is_rectangle(self) -> bool:
        """Whether it is a rectangle along the axes."""
        return len(self.corners) == 2 and not self.holes

    def within(self, shape: Sequence[int]) -> RegionOfInterest:
        """The same in an image of `shape` (y, x): negative numbers counted from the far edge, for rectangles."""
        if not self.is_rectangle:
            return self
        height, width = shape[-2:]
        corners = tuple((y + height if y < 0 else y, x + width if x < 0 else x) for y, x in self.corners)
        return replace(self, corners=corners)

    def box(self, shape: Sequence[int]) -> tuple[tuple[int, int], tuple[int, int]] | None:
        """From and to (exclusive) along y and x of what lies in an image of `shape`; None if nothing does."""
        bounds = []
        for axis, full in enumerate(shape[-2:]):
            along = [corner[axis] for corner in self.corners]
            start, stop = max(0, int(np.ceil(min(along)))), min(full, int(np.floor(max(along))) + 1)
            if start >= stop:
                return None
            bounds.append((start, stop))
        return bounds[0], bounds[1]

    def holds(self, rows: slice, columns: slice) -> np.ndarray:
        """Which pixels of a part of the image lie in it: boolean (y, x)."""
        shape = (rows.stop - rows.start, columns.stop - columns.start)
        if self.is_rectangle:
            (top, left), (bottom, right) = self.corners
            y = np.arange(rows.start, rows.stop)[:, None]
            x = np.arange(columns.start, columns.stop)[None]
            return (y >= min(top, bottom)) & (y <= max(top, bottom)) & (x >= min(left, right)) & (x <= max(left, right))
        inside = _fill_polygon(self.corners, rows, columns, shape)
        for hole in self.holes:
            inside &= ~_fill_polygon(hole, rows, columns, shape)
        return inside


def keep_mask(regions: Sequence[RegionOfInterest], rows: slice, columns: slice) -> np.ndarray:
    """Which pixels of a part of the image count: those in a region to use, if there are such, and in none to ignore."""
    used = [region for region in regions if region.use == "use"]
    shape = (rows.stop - rows.start, columns.stop - columns.start)
    inside = np.zeros(shape, bool) if used else np.ones(shape, bool)
    for region in used:
        inside |= region.holds(rows, columns)
    for region in regions:
        if region.use == "ignore":
            inside &= ~region.holds(rows, columns)
    return inside


def random_region(size: Sequence[int], *, shape: Sequence[int], seed: int, name: str) -> RegionOfInterest:
    """A rectangle of `size` (y, x) in an image of `shape`, where the seed and the image's name place it."""
    rng = np.random.default_rng([seed, *name.encode()])
    corner = [int(rng.integers(max(1, full - length + 1))) for length, full in zip(size, shape[-2:], strict=True)]
    return RegionOfInterest(
        corners=((corner[0], corner[1]), (corner[0] + size[0] - 1, corner[1] + size[1] - 1)), use="use", name="random"
    )


def drop_outside(
    label: np.ndarray, corner: tuple[int, ...], regions: Sequence[RegionOfInterest], fill: int = IGNORED
) -> np.ndarray:
    """`label` ([z,] y, x), whose first pixel lies at `corner` of the image, with `fill` where nothing counts: uint32."""
    rows, columns = (slice(start, start + length) for start, length in zip(corner[-2:], label.shape[-2:], strict=True))
    return np.where(keep_mask(regions, rows, columns), label.astype(np.uint32, copy=False), np.uint32(fill))


def _fill_polygon(
    corners: Sequence[tuple[float, float]], rows: slice, columns: slice, shape: tuple[int, int]
) -> np.ndarray:
    from skimage.draw import polygon

    inside = np.zeros(shape, bool)
    y = [corner[0] - rows.start for corner in corners]
    x = [corner[1] - columns.start for corner in corners]
    inside[polygon(y, x, shape)] = True
    return inside
