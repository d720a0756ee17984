"""The images that regions are drawn on: each once, whole, as large as its file."""

from __future__ import annotations

from typing import Any

from nbtrainer.config import Config
from nbtrainer.ui.background import Pairs
from nbtrainer.ui.data_views.pair_table import name_of


def config_for_drawing(config: Config, dataset: int) -> Config:
    """A copy in which images of `dataset` are whole and as large as their files, without the regions drawn in the form."""
    copy = config.validated()
    copy.data.datasets[dataset].regions = []
    copy.update(data={"validation_fraction": 0.0, "folds": 0, "resize": [], "diameter": 0.0})
    return copy


def images_of(rows: Pairs, dataset: int) -> list[tuple[int, dict[str, Any]]]:
    """The images of a dataset with their numbers in the table, each once, however many parts of it are used."""
    by_source: dict[tuple[str, str], tuple[int, dict[str, Any]]] = {}
    for index, row in enumerate(rows):
        if row["dataset"] == dataset:
            by_source.setdefault((row["image"], name_of(row).partition(" (")[0]), (index, row))
    return list(by_source.values())


def full_shape(row: dict[str, Any], picture: tuple[int, ...], scale: float) -> tuple[int, int]:
    """Height and width of the image that a picture of the shape `picture` was made from."""
    plane = tuple(row.get("shape", ()))[-2:]
    estimated = (round(picture[0] * scale), round(picture[1] * scale))
    # a row may be about a part of the image
    fits = len(plane) == 2 and all(abs(a - b) <= max(scale, 1) for a, b in zip(plane, estimated, strict=True))
    return (int(plane[0]), int(plane[1])) if fits else estimated
