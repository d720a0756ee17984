"""Outlines of ImageJ: a `.roi` file, or a `.zip` of them as the ROI Manager saves it."""

from __future__ import annotations

import zipfile
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from roifile import ROI_SUBTYPE, ROI_TYPE, ImagejRoi

from nbtrainer.errors import DataError
from nbtrainer.io.annotations.entries import read_entries
from nbtrainer.io.annotations.outline import Outline, ellipse, from_corner, rectangle

# an outline of a million points has 8 MB
_MOST_BYTES = 64 * 2**20
_AREAS = {ROI_TYPE.POLYGON, ROI_TYPE.FREEHAND, ROI_TYPE.TRACED}
_CURVE_STEPS = np.linspace(0, 1, 17)[1:, None]
# numbers that follow each kind of segment in a composite outline: move, line, quadratic, cubic, close
_SEGMENT_LENGTHS = {0: 2, 1: 2, 2: 4, 3: 6, 4: 0}


def holds_rois(path: Path) -> bool:
    """Whether a `.zip` has ImageJ's outlines in it."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any(_is_roi(name) for name in archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def read_imagej(path: Path) -> list[Outline]:
    """The areas in a `.roi` or `.zip`; their group, if any, is the class. Corners of rectangles are not rounded."""
    if path.suffix.lower() == ".roi":
        _check_size(path, path.name, path.stat().st_size)
        return [_outline(path, path.stem, path.read_bytes())]
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if _is_roi(name)]
        for name in names:  # some kilobytes can become gigabytes
            _check_size(path, name, archive.getinfo(name).file_size)
        return read_entries(
            path,
            names,
            lambda _, name: [_outline(path, PurePosixPath(name).stem, archive.read(name))],
            lambda _, name: name,
            "Delete it in ImageJ's ROI Manager and save the set again",
        )


def _check_size(path: Path, name: str, size: int) -> None:
    if size > _MOST_BYTES:
        raise DataError(str(path), f"{name} has {size / 1e6:,.0f} MB, which no outline has", "Export it again")


def _is_roi(name: str) -> bool:
    return name.lower().endswith(".roi") and not name.startswith("__MACOSX/")


def _outline(path: Path, name: str, content: bytes) -> Outline:
    roi = ImagejRoi.frombytes(content)
    name = roi.name or name
    about: dict[str, Any] = {"label": roi.group or None, **_position(roi)}
    if roi.composite:
        first, *others = _rings(roi.multi_coordinates)
        return Outline(points=first, kind="polygon", name=name, **about, holes=tuple(others))
    left, top, width, height = roi.left, roi.top, roi.right - roi.left, roi.bottom - roi.top
    if roi.subpixelrect:
        left, top, width, height = roi.xd, roi.yd, roi.widthd, roi.heightd
    if roi.roitype == ROI_TYPE.OVAL:
        return Outline(
            points=ellipse(left=left, top=top, width=width, height=height), kind="ellipse", name=name, **about
        )
    if roi.roitype == ROI_TYPE.RECT and roi.subtype == ROI_SUBTYPE.UNDEFINED:
        return Outline(
            points=rectangle(left=left, top=top, width=width, height=height), kind="rectangle", name=name, **about
        )
    if roi.roitype in _AREAS:
        return Outline(points=from_corner(roi.coordinates()), kind="polygon", name=name, **about)
    kind = roi.subtype if roi.subtype != ROI_SUBTYPE.UNDEFINED else roi.roitype
    raise DataError(
        str(path),
        f"{name!r} is of the kind {kind.name.lower()}, which encloses no area",
        "Delete it in ImageJ's ROI Manager and save the set again",
    )


def _position(roi: ImagejRoi) -> dict[str, int | None]:
    """Where in a stack it was drawn, counted from 0: `c`, `z` and `t` of a hyperstack, or the `plane` of another stack."""
    if not (roi.c_position or roi.z_position or roi.t_position):
        plane = roi.position - 1 if roi.position > 0 else None
        return {"z": plane, "plane": plane}
    c, z, t = (number - 1 if number > 0 else None for number in (roi.c_position, roi.z_position, roi.t_position))
    return {"c": c, "z": z, "t": t}


def _rings(path: np.ndarray) -> list[np.ndarray]:
    """The closed rings of a composite outline, curves as 16 straight lines each."""
    numbers = path.astype(np.float64)
    rings: list[list[np.ndarray]] = []
    at = 0
    while at < len(numbers):
        kind = int(numbers[at])
        length = _SEGMENT_LENGTHS[kind]
        ends = numbers[at + 1 : at + 1 + length].reshape(-1, 2)
        at += 1 + length
        if kind == 0:
            rings.append([ends])
        elif ends.size:
            rings[-1].append(_curve(np.concatenate([rings[-1][-1][-1:], ends])))
    return [ring for ring in (from_corner(np.concatenate(pieces)) for pieces in rings) if len(ring) > 1]


def _curve(points: np.ndarray) -> np.ndarray:
    """Points on the Bézier curve of 2, 3 or 4 given points, without the first."""
    if len(points) == 2:
        return points[1:]
    curve = [np.broadcast_to(point, (len(_CURVE_STEPS), 2)) for point in points]
    while len(curve) > 1:  # de Casteljau
        curve = [a + (b - a) * _CURVE_STEPS for a, b in pairwise(curve)]
    return curve[0]
