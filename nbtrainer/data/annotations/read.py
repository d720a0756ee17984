"""Which files hold outlines, and the outlines in them, whatever program wrote them."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from nbtrainer.data.annotations.cellpose import is_cellpose, read_cellpose
from nbtrainer.data.annotations.coco import coco_shape, is_coco, read_coco
from nbtrainer.data.annotations.geojson import is_geojson, read_geojson
from nbtrainer.data.annotations.imagej import holds_rois, read_imagej
from nbtrainer.data.annotations.labelme import is_labelme, labelme_shape, read_labelme
from nbtrainer.data.annotations.outline import Outline
from nbtrainer.data.formats import version
from nbtrainer.errors import UserError

SUFFIXES = (".roi", ".zip", ".geojson", ".json", "_seg.npy")

# no image is larger; beyond, numbers come from a broken file
_FARTHEST = 10_000_000

_JSON_READERS: tuple[tuple[Callable[[Any], bool], Callable[[Path, Any], list[Outline]]], ...] = (
    (is_geojson, read_geojson),
    (is_labelme, read_labelme),
    (is_coco, read_coco),
)


def is_annotation(path: Path) -> bool:
    """Whether a file holds outlines, by its name, and by its content if that leaves a doubt (`.json`, `.zip`)."""
    suffix = path.suffix.lower()
    if suffix in (".roi", ".geojson") or is_cellpose(path):
        return path.is_file()
    return suffix in (".zip", ".json") and _holds_outlines(path, *version(path))


def read_outlines(path: Path, image: str = "") -> list[Outline]:
    """The outlines in an ImageJ `.roi` or `.zip`, QuPath GeoJSON, LabelMe or COCO JSON, or Cellpose `_seg.npy`.

    With `image`, the name of an image file, only those drawn on it and those of which the file does not say.
    Raises `UserError` if the file is broken, of another kind, or holds anything that encloses no area.
    """
    outlines = _checked_outlines(path, *version(path))
    return [outline for outline in outlines if not image or outline.image in ("", image)]


def label_shape(path: Path, image: str = "") -> tuple[int, int] | None:
    """(Y, X) of the image that the outlines were drawn on, if the file says it; COCO files with several images need
    the file name of one."""
    if path.suffix.lower() != ".json":
        return None
    content = _parsed(path, *version(path))
    try:
        if is_labelme(content):
            return labelme_shape(content)
        return coco_shape(content, image) if is_coco(content) else None
    except (TypeError, ValueError, KeyError):
        raise UserError(str(path), "the size of the image in this file is no number", "Export it again") from None


@lru_cache(maxsize=100_000)
def _holds_outlines(path: Path, modified: int, size: int) -> bool:
    if path.suffix.lower() == ".zip":
        return holds_rois(path)
    try:
        content = _parsed(path, modified, size)
    except UserError:
        return False
    return any(is_ours(content) for is_ours, _ in _JSON_READERS)


# a COCO file of many images is asked for one image after the other
@lru_cache(maxsize=2)
def _checked_outlines(path: Path, modified: int, size: int) -> tuple[Outline, ...]:
    try:
        outlines = _read(path)
    except UserError:
        raise
    except Exception as error:  # readers raise whatever a broken file makes them stumble over
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise UserError(
            str(path), f"the outlines in this file cannot be read ({reason})", "Export them again"
        ) from None
    for number, outline in enumerate(outlines, 1):
        _check(path, outline, number)
    return tuple(outlines)


def _read(path: Path) -> list[Outline]:
    suffix = path.suffix.lower()
    if not path.is_file():
        raise UserError(str(path), "there is no such file", "Check the path")
    if is_cellpose(path):
        return read_cellpose(path)
    if suffix in (".roi", ".zip"):
        if suffix == ".zip" and not holds_rois(path):
            raise UserError(str(path), "there are no ImageJ outlines (.roi) in it", "Save it from ImageJ's ROI Manager")
        return read_imagej(path)
    if suffix in (".json", ".geojson"):
        content = _parsed(path, *version(path))
        for is_ours, reader in _JSON_READERS:
            if is_ours(content):
                return reader(path, content)
    raise UserError(
        str(path),
        "this is no file with outlines that is known here",
        "Use ImageJ's .roi or .zip, QuPath's GeoJSON, LabelMe's or COCO's JSON, or Cellpose's _seg.npy",
    )


@lru_cache(maxsize=2)
def _parsed(path: Path, modified: int, size: int) -> Any:
    try:
        # -sig: Windows programs begin a file with a mark
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UserError(str(path), f"this file cannot be read ({error.strerror})", "Check the path") from None
    except (ValueError, RecursionError):
        raise UserError(str(path), "this is not a JSON file, or only a part of one", "Export it again") from None


def _check(path: Path, outline: Outline, number: int) -> None:
    name = f"outline {number}" + (f" ({outline.name})" if outline.name else "")
    for ring in (outline.points, *outline.holes):
        if not np.isfinite(ring).all() or (np.abs(ring) > _FARTHEST).any():
            raise UserError(str(path), f"{name} has points that are no numbers in an image", "Export it again")
        if outline.mask is None and len(ring) < 3:
            raise UserError(
                str(path),
                f"{name} has {len(ring)} points, which enclose no area",
                "Delete it in the program that made it, and export again",
            )
