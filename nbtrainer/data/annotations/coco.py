"""Outlines in COCO's JSON: one file for many images, polygons or run lengths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from nbtrainer.data.annotations.outline import Outline, from_corner, is_same_image, written_path
from nbtrainer.errors import UserError

_MOST_PIXELS = 2**31


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


def coco_shape(content: Any, image: str = "") -> tuple[int, int] | None:
    """(Y, X) of the image that the file calls so, or of the only image."""
    found = [entry for entry in content["images"] if not image or is_same_image(_file_name(entry), image)]
    if len(found) > 1:
        found = [entry for entry in found if _file_name(entry) == image]
    if len(found) != 1 or not (found[0].get("height") and found[0].get("width")):
        return None
    return int(found[0]["height"]), int(found[0]["width"])


def read_coco(path: Path, content: Any) -> list[Outline]:
    """Every annotation of every image; the polygons of an annotation are parts of one object, or of a crowd.

    `label` is the number of the category; one more if categories are counted from 0, since 0 is background.
    """
    images = {image["id"]: _file_name(image) for image in content["images"]}
    names = {entry["id"]: str(entry.get("name", "")) for entry in content.get("categories", [])}
    used = set(names) | {annotation.get("category_id") for annotation in content["annotations"]}
    first = 1 if 0 in used else 0
    outlines = []
    for number, annotation in enumerate(content["annotations"]):
        segmentation = annotation.get("segmentation")
        name = str(annotation.get("id", number + 1))
        if not segmentation:
            raise UserError(
                str(path),
                f"annotation {name} has no outline (segmentation), a box at most",
                "Export the outlines too, or take the annotation out",
            )
        category = annotation.get("category_id")
        about: dict[str, Any] = {
            "name": name,
            "class_name": names.get(category, ""),
            "label": None if category is None else int(category) + first,
            "image": images[annotation["image_id"]],
            "part_of": number,
            "is_crowd": bool(annotation.get("iscrowd")),
        }
        if isinstance(segmentation, dict):
            mask = decode_runs(segmentation)
            outlines.append(Outline(np.zeros((1, 2)), "mask", mask=mask, **about))
        else:
            outlines += [Outline(from_corner(np.reshape(ring, (-1, 2))), **about) for ring in segmentation]
    return outlines


def decode_runs(segmentation: dict[str, Any]) -> np.ndarray:
    """(Y, X) bool of COCO's run lengths: `size` [Y, X] and `counts`, a list of numbers or COCO's text.

    Runs go down the columns, background first.
    """
    height, width = (int(length) for length in segmentation["size"])
    counts = segmentation["counts"]
    runs = np.asarray(_numbers(counts) if isinstance(counts, (str, bytes)) else counts, np.int64)
    if not 0 <= height * width <= _MOST_PIXELS or (runs < 0).any() or runs.sum() != height * width:
        raise ValueError(f"run lengths do not fill {height} x {width} pixels")
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(width, height).T


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
            continue
        if bits & 16:
            value -= 1 << shift
        numbers.append(value + (numbers[-2] if len(numbers) > 2 else 0))
        value = shift = 0
    return numbers


def _file_name(image: dict[str, Any]) -> str:
    return written_path(image["file_name"])
