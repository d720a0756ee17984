"""Outlines in COCO's JSON: one file for many images, polygons or run lengths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from nbtrainer.errors import DataError
from nbtrainer.io.annotations.entries import read_entries
from nbtrainer.io.annotations.outline import Outline, OutlineError, from_corner, is_same_image, written_path
from nbtrainer.io.formats.problems import check_room

_MOST_PIXELS = 2**31
# seven characters hold all numbers up to there
_MOST_BITS = 30


def is_coco(content: Any) -> bool:
    """Whether parsed JSON is COCO's: images with a file name, and annotations."""
    return (
        isinstance(content, dict)
        and isinstance(content.get("annotations"), list)
        and isinstance(content.get("images"), list)
        and all(isinstance(image, dict) and "file_name" in image for image in content["images"])
    )


def coco_images(content: Any) -> tuple[str, ...]:
    """The path of every image that the file lists, with and without annotations, as it writes them."""
    return tuple(dict.fromkeys(_file_name(entry) for entry in content["images"]))


def coco_shapes(content: Any) -> dict[str, tuple[int, int] | None]:
    """(Y, X) of every image, by its path as the file has it; None where the file does not say, or says several."""
    shapes: dict[str, tuple[int, int] | None] = {}
    for entry in content["images"]:
        name, given = _file_name(entry), (entry.get("height"), entry.get("width"))
        shape = (int(given[0]), int(given[1])) if all(given) else None
        shapes[name] = shape if shapes.get(name, shape) == shape else None
    return shapes


def coco_shape(content: Any, image: str = "") -> tuple[int, int] | None:
    """(Y, X) of the image that the file calls so, or of the only image."""
    entries = [entry for entry in content["images"] if not image or is_same_image(_file_name(entry), image=image)]
    if len(entries) > 1:
        entries = [entry for entry in entries if _file_name(entry) == image]
    if len(entries) != 1 or not (entries[0].get("height") and entries[0].get("width")):
        return None
    return int(entries[0]["height"]), int(entries[0]["width"])


def read_coco(path: Path, content: Any) -> list[Outline]:
    """Every annotation of every image; the polygons of an annotation are parts of one object, or of a crowd.

    `label` is the number of the category; one more if categories are counted from 0, since 0 is background.
    """
    images, sizes = _read_images(path, content["images"])
    names = {entry["id"]: str(entry.get("name", "")) for entry in content.get("categories") or [] if "id" in entry}
    used = set(names) | {_category(annotation) for annotation in content["annotations"]}
    first = 1 if 0 in used else 0

    def outlines(number: int, annotation: dict[str, Any]) -> list[Outline]:
        segmentation = annotation.get("segmentation")
        if not segmentation:
            raise DataError(
                str(path),
                f"{_describe(number, annotation)} has no outline (segmentation), a box at most",
                "Export the outlines too, or take the annotation out",
            )
        image = annotation["image_id"]
        if image not in images:
            raise OutlineError(f"it is of image {image}, which the file does not list")
        category = _category(annotation)
        if category is None and annotation.get("category_id") is not None:
            raise OutlineError(f"its category is {annotation['category_id']!r}, which is no whole number")
        about: dict[str, Any] = {
            "name": str(annotation.get("id", number + 1)),
            "class_name": "" if category is None else names.get(category, ""),
            "label": None if category is None else category + first,
            "image": images[image],
            "part_of": number,
            "is_crowd": bool(annotation.get("iscrowd")),
        }
        if isinstance(segmentation, dict):
            corner, mask = decode_cropped(segmentation, path, sizes.get(image))
            return [Outline(points=np.array([corner], float), kind="mask", mask=mask, **about)]
        return [Outline(points=from_corner(_points(ring)), **about) for ring in segmentation]

    remedy = "Mend it in the program that made it, or take the annotation out of the file"
    return read_entries(path, content["annotations"], outlines, _describe, remedy)


def decode_runs(segmentation: dict[str, Any]) -> np.ndarray:
    """(Y, X) bool of COCO's run lengths: `size` [Y, X] and `counts`, a list of numbers or COCO's text.

    Runs go down the columns, background first.
    """
    (top, left), inside = decode_cropped(segmentation)
    height, width = (int(length) for length in segmentation["size"])
    mask = np.zeros((height, width), bool)
    mask[top : top + inside.shape[0], left : left + inside.shape[1]] = inside
    return mask


def decode_cropped(
    segmentation: dict[str, Any], path: Path = Path(), stated: tuple[int, int] | None = None
) -> tuple[tuple[int, int], np.ndarray]:
    """As `decode_runs`, no more than the part that holds the object: (y, x) of its corner, and its mask.

    `stated` is the size of the image, where the file says it: the runs must fill that and no other. Raises `ValueError`
    if they do not, and `UserError` if the memory does not suffice for the mask.
    """
    height, width = (int(length) for length in segmentation["size"])
    counts = segmentation["counts"]
    runs = np.asarray(_numbers(counts) if isinstance(counts, (str, bytes)) else counts, np.int64)
    if not 0 <= height * width <= _MOST_PIXELS or (runs < 0).any() or runs.sum() != height * width:
        raise OutlineError(f"run lengths do not fill {height} x {width} pixels")
    if stated is not None and stated != (height, width):
        raise OutlineError(f"run lengths are of {height} x {width} pixels, but the image has {stated[0]} x {stated[1]}")
    ends = np.cumsum(runs)
    start, stop = ends[:-1:2], ends[1::2]
    start, stop = start[stop > start], stop[stop > start]
    if not len(start):
        return (0, 0), np.zeros((0, 0), bool)
    left, right = int(start[0] // height), int((stop[-1] - 1) // height) + 1
    top, bottom = 0, height
    if np.array_equal(start // height, (stop - 1) // height):  # no run goes on in the next column
        top, bottom = int((start % height).min()), int(((stop - 1) % height).max()) + 1
    rows = bottom - top
    check_room(path, 3 * rows * (right - left), "drawing one of its outlines")
    # +1 where the object begins in a column of the part, -1 where it ends
    steps = np.zeros(rows * (right - left) + 1, np.int8)
    np.add.at(steps, (start // height - left) * rows + start % height - top, 1)
    np.add.at(steps, ((stop - 1) // height - left) * rows + (stop - 1) % height - top + 1, -1)
    inside = np.cumsum(steps[:-1], dtype=np.int8) > 0
    return (top, left), inside.reshape(right - left, rows).T


def _read_images(path: Path, entries: list[Any]) -> tuple[dict[Any, str], dict[Any, tuple[int, int]]]:
    """The file and, where it is said, the size (Y, X) of each image that a COCO file lists, by its id."""
    images: dict[Any, str] = {}
    sizes: dict[Any, tuple[int, int]] = {}
    for entry in entries:
        if "id" not in entry:
            raise DataError(str(path), f"the image {entry['file_name']} has no id in this file", "Export it again")
        own, name = entry["id"], _file_name(entry)
        if images.get(own, name) != name:
            wrong = f"the images {images[own]} and {name} have the same id, {own}: whose annotations are whose is open"
            raise DataError(str(path), wrong, "Give each image an id of its own, or export it again")
        images[own] = name
        if entry.get("height") and entry.get("width"):
            try:
                sizes[own] = (int(entry["height"]), int(entry["width"]))
            except (TypeError, ValueError):
                raise DataError(str(path), f"the size of the image {name} is no number", "Export it again") from None
    return images, sizes


def _category(annotation: Any) -> int | None:
    try:
        return int(annotation["category_id"])
    except (KeyError, TypeError, ValueError):
        return None


def _describe(number: int, annotation: dict[str, Any]) -> str:
    return f"annotation {annotation.get('id', number + 1)}"


def _points(ring: Any) -> Any:
    if not isinstance(ring, list) or len(ring) % 2:
        raise OutlineError("a polygon of it is no list of pairs of numbers (x, y)")
    return np.reshape(ring, (-1, 2)) if not any(isinstance(value, list) for value in ring) else ring


def _numbers(text: str | bytes) -> list[int]:
    """COCO's text: 5 bits a character, least first, bit 6 says that more follow; from the third number on they are
    differences to the number before last (pycocotools, rleFrString)."""
    numbers: list[int] = []
    value = shift = 0
    for code in text.encode("ascii") if isinstance(text, str) else text:
        bits = code - 48
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            if shift > _MOST_BITS:
                raise OutlineError("run lengths hold a number that never ends")
            continue
        if bits & 16:
            value -= 1 << shift
        numbers.append(value + (numbers[-2] if len(numbers) > 2 else 0))
        value = shift = 0
    return numbers


def _file_name(image: dict[str, Any]) -> str:
    return written_path(image["file_name"])
