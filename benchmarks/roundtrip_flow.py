"""Objects of the real sets encoded as fields and decoded again: how many come back, and which do not."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nbtrainer.io.read import read
from nbtrainer.labels import merge_links
from nbtrainer.labels.connected import label_components, plain
from nbtrainer.labels.flow.fields import flow_fields
from nbtrainer.labels.flow.masks import Method, masks_from_fields

# smaller ones are not counted: they are noise of labelling
_SMALLEST = 9
_IOU = 0.9
_BACKGROUND = -5.0


@dataclass(frozen=True)
class Set:
    """Where the objects of a set lie: which part of a label, and how its values become ids; `says` what they are."""

    says: str
    objects: Callable[[np.ndarray], np.ndarray] = lambda label: label


SETS = {
    "bacteria2d": Set("bacteria, touching"),
    "nuclei2d": Set("nuclei"),
    "histology_rgb": Set("nuclei in tissue"),
    "epithelia2d": Set("cells: what the outline leaves, by faces", lambda label: _pieces(label == 0)),
    "em_membranes": Set("cell interiors, by faces", lambda label: _pieces(label != 0)),
    "axonmyelin2d": Set("axons, by faces", lambda label: _pieces(label == 2)),
    "plate2d": Set("holes, by faces", lambda label: _pieces(label != 0)),
    "chloroplasts3d": Set("chloroplasts"),
    "nuclei3d": Set("nuclei, touching"),
    "nuclei3d_synthetic": Set("nuclei, touching"),
    "twochannel3d": Set("nuclei"),
    "mito3d": Set("mitochondria, by faces", lambda label: _pieces(label != 0)),
    "neurites3d": Set("neurites, without gaps"),
}


def flow_round_trips(
    data: Path, names: list[str] | None = None, largest: int | None = None, method: Method = "join"
) -> Iterator[dict[str, Any]]:
    """One row a set in folder `data`: objects, how many came back with an IoU of 0.9, and the sizes and IoU of the others.

    Labels with more than `largest` pixels are cut down along their first axis, and then the last.
    """
    for name in names or list(SETS):
        began = time.monotonic()
        rows = [
            flow_round_trip(_cut(SETS[name].objects(np.asarray(read(file))), largest), method)
            for file in sorted((data / name / "labels").iterdir())
        ]
        missed = [one for _, some in rows for one in some]
        count = sum(count for count, _ in rows)
        yield {
            "set": name,
            "objects": SETS[name].says,
            "count": count,
            "came back": count - len(missed),
            "percent": round(100 * (1 - len(missed) / max(count, 1)), 2),
            "missed (pixels, IoU)": sorted(missed),
            "seconds": round(time.monotonic() - began, 1),
        }


def flow_round_trip(
    labels: np.ndarray, method: Method = "join", links: list[tuple[int, int]] | None = None, smallest: int = _SMALLEST
) -> tuple[int, list[tuple[int, float]]]:
    """Number of objects of `smallest` and more pixels in `labels`, and the size and IoU of each that did not come back.

    Parts that do not touch count as objects apart; linked ids are one.
    """
    links = links or []
    truth, _ = label_components(plain(merge_links(labels, links)))
    fields = flow_fields(labels, links)
    distance = np.where(truth == 0, np.float32(_BACKGROUND), fields.distance)
    found = masks_from_fields(
        distance,
        flow=fields.flow,
        method=method,
        mask_threshold=0.0,
        min_border_depth=0.55,
        flow_threshold=0,
        hole_size=0,
        min_size=0,
    )
    sizes, iou = _overlaps(truth, found)
    counted = np.flatnonzero(sizes >= smallest)
    counted = counted[counted > 0]
    missed = [(int(sizes[one]), round(float(iou[one]), 2)) for one in counted if iou[one] < _IOU]
    return len(counted), missed


def _overlaps(truth: np.ndarray, found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Size of each true object, and the IoU with the found one that fits best."""
    width = int(found.max()) + 1
    keys, counts = np.unique(truth.ravel().astype(np.int64) * width + found.ravel(), return_counts=True)
    true, other = keys // width, keys % width
    sizes, others = np.bincount(true, counts), np.bincount(other, counts)
    both = (true > 0) & (other > 0)
    iou = np.zeros(len(sizes))
    np.maximum.at(iou, true[both], (counts / (sizes[true] + others[other] - counts))[both])
    return sizes, iou


def _pieces(mask: np.ndarray) -> np.ndarray:
    import cc3d

    return cc3d.connected_components(mask, connectivity=4 if mask.ndim == 2 else 6)


def _cut(labels: np.ndarray, largest: int | None) -> np.ndarray:
    if largest is None or labels.size <= largest:
        return labels
    if labels.ndim == 3:
        labels = labels[: max(8, largest * len(labels) // labels.size)]
    return labels[..., : max(8, largest * labels.shape[-1] // labels.size)] if labels.size > largest else labels
