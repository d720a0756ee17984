"""A page about single images: their scores, and pictures of what was most wrong in each."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cc3d
import imageio.v3 as imageio
import numpy as np

from nbtrainer import metrics
from nbtrainer.data.overlay import GREEN, OUTLINE, as_data_url, enlarge, grey, limits, mark_boundaries
from nbtrainer.disk import write_text
from nbtrainer.labels.connected import regions_of
from nbtrainer.labels.error_regions import worst_objects
from nbtrainer.metrics import MetricState
from nbtrainer.tasks import Links, Task

_MARGIN_PX, _SHOWN_PX = 16, 160
_WORDS = {
    "missed": "missed",
    "invented": "not in the label",
    "split": "found in pieces",
    "merged": "several in one",
    "poor": "outline differs",
    "wrong": "another class",
}


@dataclass(frozen=True, kw_only=True)
class ErrorRegion:
    """Something that prediction and label disagree about. `box`: (start, stop) along each axis; `picture`: PNG."""

    kind: str
    box: tuple[tuple[int, int], ...]
    iou: float
    pixels: int
    picture: bytes


@dataclass(frozen=True, kw_only=True)
class ImageReport:
    """An image, its scores, and what is most wrong in it, worst first."""

    name: str
    tally: MetricState
    scores: dict[str, float]
    worst: list[ErrorRegion]

    def as_record(self) -> dict[str, Any]:
        """Plain values, without pictures."""
        worst = [{"kind": each.kind, "box": each.box, "iou": each.iou, "pixels": each.pixels} for each in self.worst]
        return {"image": self.name, **self.scores, "worst": worst}


def score_image(
    name: str,
    image: np.ndarray | None,
    predicted: np.ndarray,
    *,
    label: np.ndarray,
    task: Task,
    names: Sequence[str],
    most: int = 8,
    links: Links = (),
) -> ImageReport:
    """Compare a predicted label image with the true one; up to `most` mistakes are shown in `image` (C, [Z,] Y, X).

    Without an image there are scores alone.
    """
    tally = task.tally_labels(predicted, label, names, links)
    scores = metrics.scores(tally, names, classes=task.classes)
    if image is None:
        return ImageReport(name=name, tally=tally, scores=scores, worst=[])
    truth = task.objects(label, links)
    known = task.valid_mask(label)
    if truth is None:
        answers, truth = task.predicted_class_of(predicted), task.class_of(label)
        regions = _wrong_areas(answers, truth=truth, valid_mask=known, most=most)
    else:
        answers = predicted
        regions = [
            (mistake.kind, mistake.box, mistake.iou, int(mistake.wrong_pixels))
            for mistake in worst_objects(predicted, truth, count=most, valid_mask=known)
        ]
    display_range = limits(image[..., image.shape[-3] // 2, :, :] if image.ndim == 4 else image)
    worst = [
        ErrorRegion(
            kind=kind,
            box=box,
            iou=iou,
            pixels=pixels,
            picture=_picture(image, display_range, answers, truth, box),
        )
        for kind, box, iou, pixels in regions
    ]
    return ImageReport(name=name, tally=tally, scores=scores, worst=worst)


def write_report(
    path: Path, *, title: str, text: str, judged: Sequence[ImageReport], names: Sequence[str], before: str = ""
) -> Path:
    """Write a page (HTML, pictures inside) about images, the worst first; `text` introduces it, `before` (HTML) comes first.

    They are ordered by the first of the metrics `names`; without any, by how many pixels are wrong.
    """

    def goodness(each: ImageReport) -> float:
        if not names:
            return -float(sum(wrong.pixels for wrong in each.worst))
        score = each.scores.get(names[0], math.nan)
        # what could not be measured stands last
        return math.inf if math.isnan(score) else score if metrics.higher_is_better(names[0]) else -score

    ordered = sorted(judged, key=goodness)
    head = "".join(f"<th>{html.escape(name)}</th>" for name in names)
    parts = [_HEAD.format(title=html.escape(title), words=html.escape(text), head=head, before=before)]
    for each in ordered:
        cells = "".join(f"<td>{each.scores[name]:.3f}</td>" if name in each.scores else "<td></td>" for name in names)
        parts.append(f"<tr><th>{html.escape(each.name)}</th>{cells}</tr>")
        figures = "".join(_figure(wrong) for wrong in each.worst)
        parts.append(f'<tr><td class="worst" colspan="{len(names) + 1}">{figures}</td></tr>')
    return write_text(path, "".join(parts) + "</table></body></html>\n")


def _wrong_areas(
    answers: np.ndarray, *, truth: np.ndarray, valid_mask: np.ndarray, most: int
) -> list[tuple[str, tuple[tuple[int, int], ...], float, int]]:
    """The largest connected areas in which classes differ."""
    areas = regions_of((answers != truth) & valid_mask)
    if not areas.any():
        return []
    table = cc3d.statistics(areas)
    largest = np.argsort(-table["voxel_counts"][1:].astype(np.int64))[:most] + 1
    regions = []
    for number in largest:
        box = table["bounding_boxes"][number]
        own = areas[box] == number
        here, true = answers[box][own], truth[box][own]
        kind = "missed" if (here == 0).mean() > 0.5 else "invented" if (true == 0).mean() > 0.5 else "wrong"
        regions.append((kind, tuple((edge.start, edge.stop) for edge in box), 0.0, int(own.sum())))
    return regions


def _picture(
    image: np.ndarray,
    display_range: tuple[float, float],
    predicted: np.ndarray,
    truth: np.ndarray,
    box: tuple[tuple[int, int], ...],
) -> bytes:
    """The surroundings of `box` (of a volume its middle slice): outlines of the label, and of the prediction over them."""
    around: tuple[int | slice, ...] = tuple(
        slice(max(0, start - _MARGIN_PX), min(length, stop + _MARGIN_PX))
        for (start, stop), length in zip(box[-2:], truth.shape[-2:], strict=True)
    )
    if truth.ndim == 3:
        around = ((box[0][0] + box[0][1] - 1) // 2, *around)
    picture = grey(image[(slice(None), *around)], display_range)
    for labels, colour in ((truth[around], GREEN), (predicted[around], OUTLINE)):
        mark_boundaries(picture, label=labels, colour=colour)
    large = enlarge(picture, _SHOWN_PX)
    made: bytes = imageio.imwrite("<bytes>", large, extension=".png")
    return made


def _figure(wrong: ErrorRegion) -> str:
    place = ", ".join(f"{axis} {start}" for axis, (start, _) in zip("zyx"[-len(wrong.box) :], wrong.box, strict=True))
    words = f"{_WORDS[wrong.kind]}: {wrong.pixels:,} px at {place}"
    return f'<figure><img alt="{words}" src="{as_data_url(wrong.picture)}"><figcaption>{words}</figcaption></figure>'


_HEAD = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font-family: system-ui, sans-serif; margin: 2em; color: #222; }}
table {{ border-collapse: collapse; }} th, td {{ text-align: left; padding: .3em .8em; }}
tr {{ border-top: 1px solid #ddd; }} td.worst {{ border: 0; }}
figure {{ display: inline-block; margin: 0 .8em .8em 0; vertical-align: top; width: 160px; }}
img {{ max-width: 160px; image-rendering: pixelated; }} figcaption {{ font-size: .75em; color: #555; }}
.label {{ color: #009e73; }} .prediction {{ color: #b87600; }}
img.wide {{ max-width: 100%; }} td {{ overflow-wrap: anywhere; max-width: 60em; }}
</style></head><body>{before}<h1>{title}</h1><p>{words}</p>
<p>Outlines: <span class="label">label</span>, <span class="prediction">prediction</span>. Worst images first.</p>
<table><tr><th>image</th>{head}</tr>
"""
