"""Which files hold outlines, and the outlines in them, whatever program wrote them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from nbtrainer.disk import parse_json, read_text
from nbtrainer.errors import DataError, UserError
from nbtrainer.io.annotations.cellpose import is_cellpose, read_cellpose
from nbtrainer.io.annotations.classes import ClassName
from nbtrainer.io.annotations.coco import coco_images, coco_shape, coco_shapes, is_coco, read_coco
from nbtrainer.io.annotations.entries import describe_error
from nbtrainer.io.annotations.geojson import is_geojson, read_geojson
from nbtrainer.io.annotations.imagej import holds_rois, read_imagej
from nbtrainer.io.annotations.labelme import is_labelme, labelme_image, labelme_shape, read_labelme
from nbtrainer.io.annotations.masks import is_mask_folder, mask_folder_shape, read_mask_folder
from nbtrainer.io.annotations.outline import Outline, is_same_image
from nbtrainer.io.formats import version

SUFFIXES = (".roi", ".zip", ".geojson", ".json", "_seg.npy")

# no image is larger; beyond, numbers come from a broken file
_MOST_BYTES = 2**31
_FARTHEST = 10_000_000

_JSON_READERS: tuple[tuple[Callable[[Any], bool], Callable[[Path, Any], list[Outline]]], ...] = (
    (is_geojson, read_geojson),
    (is_labelme, read_labelme),
    (is_coco, read_coco),
)


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What a file of outlines is about, without the outlines.

    images
        Every image that it names, as it writes them, also those on which nothing is drawn; empty: it names none.
    objects
        How many objects each image has, by its name; '' is the name where the file names none.
    classes
        The classes of each image, by its name.
    crowded
        Names of the images with areas in which nobody told the objects apart.
    says_slice
        Whether any outline says on which slice of a stack it lies.
    """

    images: tuple[str, ...] = ()
    objects: dict[str, int] = field(default_factory=dict)
    classes: dict[str, frozenset[ClassName]] = field(default_factory=dict)
    crowded: frozenset[str] = frozenset()
    says_slice: bool = False


def is_annotation(path: Path) -> bool:
    """Whether a file holds outlines, by its name, and by its content if that leaves a doubt (`.json`, `.zip`).

    A folder of masks, one file an object, counts too.
    """
    suffix = path.suffix.lower()
    if is_mask_folder(path):
        return True
    if suffix in (".roi", ".geojson") or is_cellpose(path):
        return path.is_file()
    return suffix in (".zip", ".json") and _holds_outlines(path, *version(path))


def read_outlines(path: Path, image: str = "") -> list[Outline]:
    """The outlines in an ImageJ `.roi` or `.zip`, QuPath GeoJSON, LabelMe or COCO JSON, or Cellpose `_seg.npy`.

    With `image`, the path of an image file as the file writes it (or the end of it), only those drawn on it and those
    of which the file does not say. A folder of masks has an outline for each. Raises `UserError` if the file is broken,
    of another kind, or holds anything that encloses no area.
    """
    outlines = _checked_outlines(path, *version(path))
    if not image:
        return list(outlines)
    by_image = _by_image(path, *version(path))
    if image in by_image:
        return [*by_image.get("", ()), *by_image[image]]
    return [outline for outline in outlines if not outline.image or is_same_image(outline.image, image=image)]


def read_contents(path: Path) -> Contents:
    """What the file at `path` is about; raises `UserError` as `read_outlines` does."""
    return _contents(path, *version(path))


def label_shape(path: Path, image: str = "") -> tuple[int, int] | None:
    """(Y, X) of the image that the outlines were drawn on, if the file says it; COCO files with several images need
    the file name of one."""
    if is_mask_folder(path):
        return mask_folder_shape(path)
    if path.suffix.lower() != ".json":
        return None
    try:
        shapes = _shapes(path, *version(path))
        if image in shapes or "" in shapes:
            return shapes.get(image, shapes.get(""))
        content = _parse(path, *version(path))
        return coco_shape(content, image) if is_coco(content) else None
    except (TypeError, ValueError, KeyError):
        raise DataError(str(path), "the size of the image in this file is no number", "Export it again") from None


@lru_cache(maxsize=100_000)
def _holds_outlines(path: Path, modified: int, size: int) -> bool:
    if path.suffix.lower() == ".zip":
        return holds_rois(path)
    try:
        content = _parse(path, modified, size)
    except UserError:
        return False
    return any(is_ours(content) for is_ours, _ in _JSON_READERS)


# '' stands for the only image
@lru_cache(maxsize=1000)
def _shapes(path: Path, modified: int, size: int) -> dict[str, tuple[int, int] | None]:
    content = _parse(path, modified, size)
    if is_labelme(content):
        return {"": labelme_shape(content)}
    return coco_shapes(content) if is_coco(content) else {}


# not looked through once an image: files have a million outlines
@lru_cache(maxsize=2)
def _by_image(path: Path, modified: int, size: int) -> dict[str, list[Outline]]:
    by_image: dict[str, list[Outline]] = {}
    for outline in _checked_outlines(path, modified, size):
        by_image.setdefault(outline.image, []).append(outline)
    return by_image


@lru_cache(maxsize=100_000)
def _contents(path: Path, modified: int, size: int) -> Contents:
    outlines = _checked_outlines(path, modified, size)
    objects: dict[str, set[object]] = {}
    classes: dict[str, set[ClassName]] = {}
    for number, outline in enumerate(outlines):
        objects.setdefault(outline.image, set()).add(number if outline.part_of is None else (outline.part_of,))
        classes.setdefault(outline.image, set()).add((outline.class_key, outline.label))
    named = dict.fromkeys(outline.image for outline in outlines if outline.image)
    if path.suffix.lower() == ".json":
        content = _parse(path, modified, size)
        if is_coco(content):
            named = dict.fromkeys(coco_images(content))
        elif is_labelme(content) and labelme_image(content):
            named = {labelme_image(content): None}
    return Contents(
        images=tuple(named),
        objects={image: len(own) for image, own in objects.items()},
        classes={image: frozenset(own) for image, own in classes.items()},
        crowded=frozenset(outline.image for outline in outlines if outline.is_crowd),
        says_slice=any(outline.z is not None for outline in outlines),
    )


# a COCO file of many images is asked for one image after the other
@lru_cache(maxsize=2)
def _checked_outlines(path: Path, modified: int, size: int) -> tuple[Outline, ...]:
    try:
        outlines = _read(path)
    except UserError:
        raise
    except Exception as error:  # readers raise whatever a broken file makes them stumble over
        wrong = f"the outlines in this file cannot be read: {describe_error(error)}"
        raise DataError(str(path), wrong, "Export them again") from None
    for number, outline in enumerate(outlines, 1):
        _check(path, outline, number)
    return tuple(outlines)


def _read(path: Path) -> list[Outline]:
    suffix = path.suffix.lower()
    if is_mask_folder(path):
        return read_mask_folder(path)
    if not path.is_file():
        raise DataError(str(path), "there is no such file", "Check the path")
    if is_cellpose(path):
        return read_cellpose(path)
    if suffix in (".roi", ".zip"):
        if suffix == ".zip" and not holds_rois(path):
            raise DataError(str(path), "there are no ImageJ outlines (.roi) in it", "Save it from ImageJ's ROI Manager")
        return read_imagej(path)
    if suffix in (".json", ".geojson"):
        content = _parse(path, *version(path))
        for is_ours, reader in _JSON_READERS:
            if is_ours(content):
                return reader(path, content)
    raise DataError(
        str(path),
        "this is no file with outlines that is known here",
        "Use ImageJ's .roi or .zip, QuPath's GeoJSON, LabelMe's or COCO's JSON, or Cellpose's _seg.npy",
    )


@lru_cache(maxsize=2)
def _parse(path: Path, modified: int, size: int) -> Any:
    try:
        return parse_json(read_text(path, most_bytes=_MOST_BYTES))
    except ValueError:
        raise DataError(str(path), "this is not a JSON file, or only a part of one", "Export it again") from None


def _check(path: Path, outline: Outline, number: int) -> None:
    name = f"outline {number}" + (f" ({outline.name})" if outline.name else "")
    for ring in (outline.points, *outline.holes):
        if not np.isfinite(ring).all() or (np.abs(ring) > _FARTHEST).any():
            raise DataError(str(path), f"{name} has points that are no numbers in an image", "Export it again")
        if outline.mask is None and len(ring) < 3:
            raise DataError(
                str(path),
                f"{name} has {len(ring)} points, which enclose no area",
                "Delete it in the program that made it, and export again",
            )
