"""Size, place, brightness and shape of every object of a label image, as rows of a table."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from skimage.measure import regionprops_table

from nbtrainer.labels.integers import bincount

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
    """
    size = "area" if labels.ndim == 2 else "volume"
    if not labels.any():
        return []
    step = tuple(spacing) if spacing is not None else (1.0,) * labels.ndim
    names = ("label", "area", "equivalent_diameter_area", *(_PLANE if labels.ndim == 2 else _VOLUME))
    signed = labels.astype(np.int64)
    table = regionprops_table(signed, properties=names, spacing=step)
    places = regionprops_table(signed, properties=("centroid", "bbox"))
    found: dict[str, np.ndarray] = {"label": table.pop("label"), size: table.pop("area")}
    found["equivalent_diameter"] = table.pop("equivalent_diameter_area")
    axes = "zyx"[-labels.ndim :]
    found |= {f"centroid_{axis}": places[f"centroid-{number}"] for number, axis in enumerate(axes)}
    found |= {f"{axis}_min": places[f"bbox-{number}"] for number, axis in enumerate(axes)}
    found |= {f"{axis}_max": places[f"bbox-{number + labels.ndim}"] - 1 for number, axis in enumerate(axes)}
    found |= table
    if image is not None:
        ranks = _ranks(labels.ravel(), found["label"])
        pixels = bincount(ranks, minlength=len(found["label"]) + 1)[1:]
        for number, channel in enumerate(image):
            weights = channel.ravel().astype(np.float64)
            sums = bincount(ranks, weights=weights, minlength=len(pixels) + 1)[1:]
            found[f"mean_intensity_{number}"] = sums / pixels
    unit = "px" if spacing is None else "um"
    columns = {name: values.tolist() for name, values in found.items()}
    return [dict(zip(columns, values, strict=True)) | {"unit": unit} for values in zip(*columns.values(), strict=True)]


def write_table(rows: Iterable[dict[str, Any]], path: Path) -> Path:
    """Write `rows` as CSV; columns in the order in which they first appear. Nothing measured: an empty file with a header."""
    rows = list(rows)
    columns = list(dict.fromkeys(name for row in rows for name in row)) or ["label"]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    return path


def _ranks(flat: np.ndarray, values: np.ndarray) -> np.ndarray:
    """1 for the first of the sorted `values`, 2 for the second ...; 0 where `flat` is none of them."""
    place = np.minimum(np.searchsorted(values, flat), len(values) - 1)
    return np.where(values[place] == flat, place + 1, 0)
