"""Size, place, brightness and shape of every object of a label image, as rows of a table."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from skimage.measure import regionprops_table

from nbtrainer.disk import write_aside
from nbtrainer.labels.integers import bincount
from nbtrainer.labels.perimeter import perimeters

# scikit-image's names, and ours where theirs do not say what is meant
_PLANE = ("eccentricity", "axis_major_length", "axis_minor_length", "perimeter", "solidity")
_VOLUME = ("axis_major_length", "axis_minor_length")


def measurements(
    labels: np.ndarray, image: np.ndarray | None = None, spacing: Sequence[float] | None = None
) -> list[dict[str, Any]]:
    """One row for each value above 0.

    Parameters
    ----------
    labels
        ([Z,] Y, X) integers; 0 is background.
    image
        (C, [Z,] Y, X), for the mean intensity of each channel.
    spacing
        Micrometres per pixel along each axis of `labels`; None: pixels.

    Returns
    -------
    Rows with `label`, `area` or `volume` (of a plane or a volume, in the square or cube of the unit), `equivalent_diameter`,
    centroids in pixels, the bounding box, mean intensities, axis lengths; of planes `eccentricity`, `perimeter` and
    `solidity` too. `unit` says which unit lengths are in.

    >>> row = measurements(np.array([[0, 7, 7], [0, 7, 7]], np.uint8), spacing=(0.5, 0.5))[0]
    >>> int(row["label"]), float(row["area"]), row["unit"]
    (7, 1.0, 'um')
    """
    size = "area" if labels.ndim == 2 else "volume"
    step = tuple(float(length) for length in spacing) if spacing is not None else (1.0,) * labels.ndim
    # one after the other: libraries make room for every number up to the highest
    is_object = labels > 0
    values = np.unique(labels[is_object])
    if not len(values):
        return []
    compact = np.where(is_object, np.searchsorted(values, labels) + 1, 0)
    is_square = len(set(step)) == 1
    names = [*(_PLANE if labels.ndim == 2 else _VOLUME)]
    if not is_square and "perimeter" in names:
        names.remove("perimeter")
    table = _properties(compact, ["area", "equivalent_diameter_area", *names], step)
    if labels.ndim == 2 and not is_square:
        table["perimeter"] = perimeters(compact, step)
    places = regionprops_table(compact, properties=("centroid", "bbox"))
    columns: dict[str, np.ndarray] = {"label": values, size: table.pop("area")}
    columns["equivalent_diameter"] = table.pop("equivalent_diameter_area")
    axes = "zyx"[-labels.ndim :]
    columns |= {f"centroid_{axis}": places[f"centroid-{number}"] for number, axis in enumerate(axes)}
    columns |= {f"{axis}_min": places[f"bbox-{number}"] for number, axis in enumerate(axes)}
    columns |= {f"{axis}_max": places[f"bbox-{number + labels.ndim}"] - 1 for number, axis in enumerate(axes)}
    columns |= table
    if image is not None:
        ranks = compact.ravel()
        pixels = bincount(ranks, minlength=len(values) + 1)[1:]
        for number, channel in enumerate(image):
            weights = channel.ravel().astype(np.float64)
            sums = bincount(ranks, weights=weights, minlength=len(pixels) + 1)[1:]
            columns[f"mean_intensity_{number}"] = sums / pixels
    unit = "px" if spacing is None else "um"
    columns = {name: column.tolist() for name, column in columns.items()}
    rows = [dict(zip(columns, row, strict=True)) | {"unit": unit} for row in zip(*columns.values(), strict=True)]
    # what has no value for this object (how convex a line is) stays empty
    return [{name: value for name, value in row.items() if value == value} for row in rows]


def _properties(labels: np.ndarray, names: list[str], step: tuple[float, ...]) -> dict[str, np.ndarray]:
    """scikit-image's `names` of each object; without those that it cannot measure of these."""
    with warnings.catch_warnings():  # of objects that are a line or a point
        warnings.simplefilter("ignore")
        try:
            table: dict[str, np.ndarray] = regionprops_table(labels, properties=names, spacing=step)
        except Exception:  # its exceptions depend on the objects: one property that fails leaves the others
            if len(names) == 1:
                return {}
            table = {}
            for name in names:
                table |= _properties(labels, [name], step)
    return table


def write_table(rows: Iterable[dict[str, Any]], path: Path) -> Path:
    """Write `rows` as CSV; columns in the order in which they first appear. Nothing measured: an empty file with a header."""
    rows = list(rows)
    columns = list(dict.fromkeys(name for row in rows for name in row)) or ["label"]
    with write_aside(path) as aside, aside.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    return path
