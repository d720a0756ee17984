"""Outlines of LabelMe: one JSON file an image, coordinates x, y in pixels from the image's corner."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import imageio.v3 as imageio
import numpy as np

from nbtrainer.errors import DataError
from nbtrainer.io.annotations.entries import read_entries
from nbtrainer.io.annotations.outline import Outline, ellipse, from_corner, pairs_of_numbers, rectangle, written_path


def is_labelme(content: Any) -> bool:
    """Whether parsed JSON is LabelMe's."""
    return isinstance(content, dict) and isinstance(content.get("shapes"), list) and "imagePath" in content


def labelme_image(content: Any) -> str:
    """The path of the image that it was drawn on, as the file writes it; empty if it does not."""
    return written_path(content.get("imagePath"))


def labelme_shape(content: Any) -> tuple[int, int] | None:
    """(Y, X) of the image, if the file says it."""
    size = content.get("imageHeight"), content.get("imageWidth")
    return (int(size[0]), int(size[1])) if all(size) else None


def read_labelme(path: Path, content: Any) -> list[Outline]:
    """Polygons, rectangles, circles and masks. A label that is a whole number is the class's number too; shapes with
    the same label and group are parts of one object."""
    image = labelme_image(content)
    groups: dict[tuple[str, Any], int] = {}

    def outlines(number: int, shape: dict[str, Any]) -> list[Outline]:
        label, group = str(shape["label"]), shape.get("group_id")
        kind = shape.get("shape_type") or "polygon"
        points = pairs_of_numbers(shape["points"])
        mask = None
        if kind == "circle" and len(points) == 2:
            radius = float(np.hypot(*(points[1] - points[0])))
            drawn = ellipse(left=points[0, 0] - radius, top=points[0, 1] - radius, width=2 * radius, height=2 * radius)
        elif kind == "rectangle" and len(points) == 2:
            (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
            drawn = rectangle(left=left, top=top, width=right - left, height=bottom - top)
        elif kind == "mask" and shape.get("mask"):
            mask = imageio.imread(base64.b64decode(shape["mask"]), extension=".png") > 0
            drawn = np.rint(points[:1, ::-1])
        elif kind in ("polygon", "rectangle", "rotation"):
            drawn = from_corner(points)
        else:
            raise DataError(
                str(path),
                f"{_describe(number, shape)} is of the kind {kind}, which encloses no area",
                "Delete it in LabelMe and save the file again",
            )
        return [
            Outline(
                points=drawn,
                kind={"circle": "ellipse", "rectangle": "rectangle", "mask": "mask"}.get(kind, "polygon"),  # type: ignore[arg-type]
                name=str(shape.get("description") or ""),
                class_name=label,
                label=int(label) if label.isascii() and label.isdigit() else None,
                image=image,
                part_of=None if group is None else groups.setdefault((label, group), len(groups)),
                mask=mask,
            )
        ]

    remedy = "Delete it in LabelMe and save the file again"
    return read_entries(path, content["shapes"], outlines, _describe, remedy)


def _describe(number: int, shape: dict[str, Any]) -> str:
    return f"shape {number + 1} ({str(shape['label'])!r})" if "label" in shape else f"shape {number + 1}"
