"""A prediction as people look at it: outlines on the image, counts, scores and a legend. Nothing here is a widget."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nbtrainer.data.overlay import grey, limits, mark_boundaries
from nbtrainer.data.resampled_views import ResampledView
from nbtrainer.data.views import ArrayView, whole
from nbtrainer.runs.sentences import readable_score, score_name
from nbtrainer.ui import style
from nbtrainer.ui.background import png

if TYPE_CHECKING:
    from nbtrainer.inference.preview import PredictionPreview

# longest side of the picture
SIDE = 480
# names of the colours of what is predicted, where there are no classes, and of the label
_PREDICTION, _TRUTH = "chosen", "truth"


class ImageWindow(NamedTuple):
    """Which part of an image is seen: slice `place` of a volume; `zoom` times larger than all of it, `down` and `across`
    from 0 (the edge above, to the left) to 100."""

    place: int = 0
    zoom: int = 1
    down: int = 50
    across: int = 50

    def of(self, plane: np.ndarray) -> np.ndarray:
        """The part of ([Z,] Y, X) or, of an image, (C, [Z,] Y, X) that is seen; the slice was taken before."""
        sides = []
        for length, share in zip(plane.shape[-2:], (self.down, self.across), strict=True):
            size = max(1, length // self.zoom)
            start = round((length - size) * share / 100)
            sides.append(slice(start, start + size))
        return plane[..., sides[0], sides[1]]


class Rendering(NamedTuple):
    """What is seen with certain thresholds: the picture as PNG, and labels, how much there is, and scores."""

    picture: bytes
    labels: np.ndarray
    counts: dict[str, int]
    scores: dict[str, float]
    in_use: tuple[str, ...]


def render(
    preview: PredictionPreview,
    thresholds: Mapping[str, Any],
    window: ImageWindow,
    shows_truth: bool,
    previous: Rendering | None = None,
) -> Rendering:
    """What is seen with these thresholds in `window`; `previous`: what was seen with the same ones before."""
    if previous is None:
        labels = preview.labels(**thresholds)
        counts, scores, in_use = preview.counts(labels), preview.scores(labels), preview.in_use(**thresholds)
    else:
        labels, counts, scores, in_use = previous.labels, previous.counts, previous.scores, previous.in_use
    drawn = draw_prediction(preview, labels, window, shows_truth)
    return Rendering(png(drawn), labels, counts, scores, in_use)


def draw_prediction(
    preview: PredictionPreview, labels: np.ndarray, window: ImageWindow, shows_truth: bool
) -> np.ndarray:
    """The image in `window` with outlines of what was predicted, uint8 (Y, X, 3), at most `SIDE` large."""
    image = preview.image if preview.image.ndim == 3 else preview.image[:, window.place]
    between = limits(image)
    image = window.of(image)
    shape = _size(image.shape[-2:])
    pixels = grey(whole(ResampledView(ArrayView(image.astype(np.float32)), shape)), between)
    # several classes are told apart by colour, one object from the other by its outline
    classes, colours = preview.task.classes, preview.task.colours
    for is_truth, array in ((True, preview.truth), (False, labels)):
        if array is None or (is_truth and not shows_truth):
            continue
        plane = array if array.ndim == 2 else array[window.place]
        plane = window.of(_label_areas(preview, plane) if is_truth else plane)
        small = whole(ResampledView(ArrayView(np.ascontiguousarray(plane), is_label=True), shape))
        if is_truth or not classes:
            mark_boundaries(pixels, label=small, colour=style.with_colors(_TRUTH if is_truth else _PREDICTION))
            continue
        number = preview.task.predicted_class_of(small)
        for index in range(1, len(classes) + 1):
            mark_boundaries(
                pixels, label=np.where(number == index, small, 0), colour=colours[(index - 1) % len(colours)]
            )
    return pixels.astype(np.uint8)


def scores_html(preview: PredictionPreview, rendering: Rendering, model_scores: Mapping[str, float]) -> str:
    """How much was found, and scores beside those of the model's own thresholds, as HTML."""
    rows = []
    pixels = rendering.labels.size
    for name, count in rendering.counts.items():
        if name == "objects":
            rows.append(f'<div><b class="nbt-count">{count:,}</b> {"object" if count == 1 else "objects"}</div>')
        else:
            share = f"{100 * count / max(pixels, 1):.1f} %"
            rows.append(f"<div><b>{count:,}</b> px {html.escape(name)} <span>{share}</span></div>")
    for name, value in rendering.scores.items():
        before = model_scores.get(name)
        differs = before is not None and abs(before - value) > 1e-9
        beside = f" <span>in the model {readable_score(name, before)}</span>" if differs and before is not None else ""
        title = score_name(name)
        rows.append(
            f"<div>{html.escape(title[:1].upper() + title[1:])} <b>{readable_score(name, value)}</b>{beside}</div>"
        )
    return f'<div class="nbt-numbers">{"".join(rows)}</div>'


def caption(preview: PredictionPreview, shows_truth: bool) -> str:
    """What the colours of the outlines mean, as HTML."""
    classes, colours = preview.task.classes, preview.task.colours
    named = [(colours[index % len(colours)], name) for index, name in enumerate(classes)]
    named = named or [(style.with_colors(_PREDICTION), "prediction")]
    named += [(style.with_colors(_TRUTH), "label")] if shows_truth and preview.truth is not None else []
    marks = " ".join(f"<span {style.mark(colour)}>{html.escape(name)}</span>" for colour, name in named)
    return f'<span class="nbt-small">{html.escape(preview.name)}: {marks}</span>'


def progress(done: int, of: int) -> str:
    """Bar and words, as HTML."""
    percent = 100 * done / of if of else 0
    words = f"predicting, {done:,} of {of:,} tiles …" if of else "opening the model and the image …"
    bar = f'<div class="nbt-bar"><div style="width: {percent:.0f}%"></div></div>'
    return f'<div class="nbt-predicting">{bar}<span class="nbt-small nbt-muted">{words}</span></div>'


def _label_areas(preview: PredictionPreview, plane: np.ndarray) -> np.ndarray:
    """What of a label is outlined: its objects, else its classes."""
    objects = preview.task.objects(plane, preview.links)
    return preview.task.class_of(plane) if objects is None else objects


def _size(shape: Sequence[int]) -> tuple[int, ...]:
    by = SIDE / max(shape)
    return tuple(max(1, round(length * by)) for length in shape)
