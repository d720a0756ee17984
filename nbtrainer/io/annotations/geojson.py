"""Outlines in GeoJSON as QuPath exports them: coordinates x, y in pixels from the image's corner."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbtrainer.errors import DataError
from nbtrainer.io.annotations.entries import read_entries
from nbtrainer.io.annotations.outline import Outline, OutlineError, from_corner


def is_geojson(content: Any) -> bool:
    """Whether parsed JSON is a feature, a collection of features, or a list of them."""
    if isinstance(content, list):
        return bool(content) and all(isinstance(entry, dict) and entry.get("type") == "Feature" for entry in content)
    return isinstance(content, dict) and content.get("type") in ("FeatureCollection", "Feature")


def read_geojson(path: Path, content: Any) -> list[Outline]:
    """Every polygon with its holes; the polygons of a MultiPolygon are parts of one object. The outline of a cell is
    that of the cell, not of its nucleus."""
    features = content if isinstance(content, list) else content.get("features", [content])
    # QuPath leaves the plane out for the first slice, and writes c -1 where it means every channel
    first: dict[str, Any] = {"z": 0, "t": 0} if any(map(_plane, features)) else {}

    def outlines(number: int, feature: dict[str, Any]) -> list[Outline]:
        properties, plane = feature.get("properties") or {}, _plane(feature)
        geometry = feature.get("geometry") or {"type": "feature without geometry"}
        polygons = {"Polygon": lambda g: [g["coordinates"]], "MultiPolygon": lambda g: g["coordinates"]}
        if geometry["type"] not in polygons:
            raise DataError(
                str(path),
                f"{_describe(number, feature)} is a {geometry['type']}, which encloses no area",
                "Delete it in QuPath and export the objects again",
            )
        every = polygons[geometry["type"]](geometry)
        if not isinstance(every, list) or not all(isinstance(rings, list) and rings for rings in every):
            raise OutlineError("its coordinates are no lists of points")
        return [
            Outline(
                points=points,
                kind="ellipse" if geometry.get("isEllipse") else "polygon",
                name=_name(number, feature),
                class_name=_class_name(properties.get("classification")),
                holes=tuple(holes),
                part_of=number,
                **(_position(plane) if plane else first),
            )
            for points, *holes in (map(from_corner, rings) for rings in every)
        ]

    return read_entries(path, features, outlines, _describe, "Delete it in QuPath and export the objects again")


def _name(number: int, feature: dict[str, Any]) -> str:
    properties = feature.get("properties") or {}
    return str(properties.get("name") or feature.get("id") or f"feature {number + 1}")


def _describe(number: int, feature: dict[str, Any]) -> str:
    return repr(_name(number, feature))


def _plane(feature: Any) -> Any:
    geometry = feature.get("geometry") if isinstance(feature, dict) else None
    return geometry.get("plane") if isinstance(geometry, dict) else None


def _position(plane: dict[str, Any]) -> dict[str, Any]:
    c = int(plane.get("c", -1))
    return {"z": int(plane.get("z", 0)), "t": int(plane.get("t", 0)), "c": c if c >= 0 else None}


def _class_name(classification: Any) -> str:
    """QuPath writes {"name": "Tumor"}, or {"names": ["Tumor", "Positive"]} for a derived class; others plain text."""
    if isinstance(classification, dict):
        return str(classification.get("name") or ": ".join(classification.get("names", [])))
    return str(classification or "")
