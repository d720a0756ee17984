"""What comes back of real and generated labels after encode and decode, without a network between.

`python -m benchmarks roundtrip contour`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fastremap
import numpy as np
from scipy.sparse import coo_matrix

from nbtrainer.io.read import read
from nbtrainer.labels.affinity import affinities, long_range_offsets, mutex_watershed, nearest_offsets
from nbtrainer.labels.clean import relabel_pieces
from nbtrainer.labels.contour import contour
from nbtrainer.labels.distance import relative_distance
from nbtrainer.labels.outlines import cells_from_channels, cells_from_outlines, outline_channels
from nbtrainer.labels.watershed import bc_watershed, bcd_watershed, by_slice

DATA = Path(os.environ.get("NBTRAINER_TEST_DATA") or Path(__file__).parents[1].parent / "shared" / "data")
INSTANCE_SETS = [
    "nuclei2d",
    "bacteria2d",
    "histology_rgb",
    "neurites3d",
    "nuclei3d",
    "nuclei3d_synthetic",
    "chloroplasts3d",
    "twochannel3d",
    "brain_macaque3d",
]
OUTLINE_SETS = ["epithelia2d"]


@dataclass(frozen=True)
class Result:
    """Of `objects` in a label, `possible` keep what the method needs; `iou` and `missed` are theirs, by id."""

    objects: int
    possible: np.ndarray
    iou: np.ndarray
    seconds: float

    def share(self, least: float) -> float:
        """Share of the possible objects that came back with at least this IoU."""
        return float((self.iou[self.possible] >= least).mean()) if self.possible.any() else 1.0

    def missed(self, least: float) -> np.ndarray:
        return np.flatnonzero(self.possible & (self.iou < least)) + 1


def best_iou(truth: np.ndarray, found: np.ndarray) -> np.ndarray:
    """The highest IoU of each object 1 ... of `truth` with any in `found`."""
    pairs = coo_matrix(
        (np.ones(truth.size, np.int64), (truth.ravel().astype(np.int64), found.ravel().astype(np.int64)))
    ).tocsr()
    pairs.sum_duplicates()
    pairs = pairs.tocoo()
    truth_sizes, found_sizes = np.bincount(truth.ravel()), np.bincount(found.ravel())
    iou = pairs.data / (truth_sizes[pairs.row] + found_sizes[pairs.col] - pairs.data)
    best = np.zeros(len(truth_sizes))
    wanted = (pairs.row > 0) & (pairs.col > 0)
    np.maximum.at(best, pairs.row[wanted], iou[wanted])
    return best[1:]


# PyTorch Connectomics' thresholds; objects and seeds of any size
_THRESHOLDS: dict[str, Any] = {"seed_threshold": 0.9, "contour_threshold": 0.8, "threshold": 0.85}
_ALL_SIZES: dict[str, Any] = {"smallest": 0, "small": "background"}


def by_contour(labels: np.ndarray, width: int, keep_unseeded: bool, contours_in_plane: bool = True) -> np.ndarray:
    return bc_watershed(
        (labels > 0).astype(np.float32),
        contour=contour(labels, width=width, with_background=True, contours_in_plane=contours_in_plane).astype(
            np.float32
        ),
        **_THRESHOLDS,
        **_ALL_SIZES,
        min_seed_size=0,
        keep_unseeded=keep_unseeded,
    )


def by_distance(labels: np.ndarray) -> np.ndarray:
    return bcd_watershed(
        (labels > 0).astype(np.float32),
        contour=contour(labels, width=1, with_background=True, contours_in_plane=True).astype(np.float32),
        distance=relative_distance(labels),
        **_THRESHOLDS,
        **_ALL_SIZES,
        seed_distance=0.5,
        mask_distance=0.0,
        min_seed_size=0,
        keep_unseeded=False,
    )


def by_affinities(labels: np.ndarray, long_range: bool) -> np.ndarray:
    offsets = nearest_offsets(labels.ndim) + (long_range_offsets(labels.ndim) if long_range else ())
    return mutex_watershed(affinities(labels, offsets), offsets, labels > 0, threshold=0.5, **_ALL_SIZES)


def _in_slices(labels: np.ndarray) -> np.ndarray:
    """`labels` with an id for each object of each slice: outlines take a stack as images."""
    return by_slice(pieces, labels).astype(np.uint32) if labels.ndim == 3 else labels


def by_outlines(labels: np.ndarray) -> np.ndarray:
    return cells_from_channels(
        outline_channels(labels),
        outline_threshold=0.5,
        seed_threshold=0.5,
        keep_unseeded=False,
        smallest=0,
        smallest_share=0.0,
        touching_border=True,
    )


METHODS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "contour 1": lambda labels: by_contour(labels, 1, False),
    "contour 1, cubes": lambda labels: by_contour(labels, 1, False, contours_in_plane=False),
    "contour 1, unseeded kept": lambda labels: by_contour(labels, 1, True),
    "contour 2": lambda labels: by_contour(labels, 2, False),
    "contour 1, distance": by_distance,
    "affinities": lambda labels: by_affinities(labels, False),
    "affinities, long range": lambda labels: by_affinities(labels, True),
    "outlines": by_outlines,
}


def roundtrip(labels: np.ndarray, method: str) -> Result:
    """`labels` (consecutive ids, each one piece) through `method`, size filters off."""
    labels = _in_slices(labels) if method == "outlines" else labels
    count = int(labels.max())
    possible = np.ones(count, bool)
    if method.startswith("contour"):
        width, contours_in_plane = 2 if method.startswith("contour 2") else 1, not method.endswith("cubes")
        inside = labels[~contour(labels, width=width, with_background=True, contours_in_plane=contours_in_plane)]
        possible = np.bincount(inside, minlength=count + 1)[1:] > 0
    began = time.perf_counter()
    found = METHODS[method](labels)
    return Result(count, possible, best_iou(labels, found), time.perf_counter() - began)


def pieces(labels: np.ndarray) -> np.ndarray:
    """`labels` with an id 1, 2, 3 ... for each connected piece of each object; of a stack of outlines, in each slice."""
    return fastremap.renumber(relabel_pieces(labels), preserve_zero=True)[0].astype(np.uint32)


def real_labels(name: str, data: Path = DATA) -> Iterator[tuple[str, np.ndarray]]:
    """The label images of a set, each with its file's name."""
    for path in sorted((data / name / "labels").iterdir()):
        yield path.name, np.asarray(read(path))


def contour_round_trips(data: Path, names: list[str] | None = None) -> Iterator[dict[str, Any]]:
    """A row for each set and way: objects, those that can come back, and the shares of these that do; who did not."""
    for name in names or INSTANCE_SETS + OUTLINE_SETS:
        if not (data / name).is_dir():
            continue
        images = [
            (file, pieces(cells_from_outlines(label) if name in OUTLINE_SETS else label))
            for file, label in real_labels(name, data)
        ]
        for method in METHODS:
            results = [roundtrip(labels, method) for _, labels in images]
            iou = np.concatenate([result.iou[result.possible] for result in results])
            missed = []
            for (file, labels), result in zip(images, results, strict=True):
                sizes = np.bincount((_in_slices(labels) if method == "outlines" else labels).ravel())
                missed += [
                    {"file": str(file), "id": int(number), "pixels": int(sizes[number])}
                    for number in result.missed(0.9)
                ]
            yield {
                "set": name,
                "method": method,
                "objects": sum(result.objects for result in results),
                "possible": len(iou),
                "IoU 0.5": round(float((iou >= 0.5).mean()), 4),
                "IoU 0.9": round(float((iou >= 0.9).mean()), 4),
                "seconds": round(sum(result.seconds for result in results), 1),
                "missed": missed[:20],
            }
