"""Examples of augmentation: one patch as it is, and eleven times as training may see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as w
import numpy as np

from nbtrainer.config import Config
from nbtrainer.data.overlay import OUTLINE, grey, limits, mark_boundaries
from nbtrainer.data.resampled_views import ResampledView
from nbtrainer.data.views import ArrayView, whole
from nbtrainer.ui import style
from nbtrainer.ui.background import Api, RunInBackground, png
from nbtrainer.ui.disclosure import Disclosure, Words
from nbtrainer.ui.widgets import Guard, create, set_trait, text

COUNT = 12
_COLUMNS = 4
_WIDTH = 640
_GAP = 6
_FRAME = 3
_WORDS = Words(
    "Show examples", "Hide examples", "th", "One patch as it is, and as these settings may change it, before training"
)


class AugmentationPreview:
    """A button, and the examples once it was pressed."""

    def __init__(self, config: Callable[[], Config], api: Api, work: RunInBackground, guard: Guard) -> None:
        self._config, self.api = config, api
        self._number, self._first = 0, 1
        another = create(
            w.Button,
            description="Another patch",
            icon="step-forward",
            tooltip="The next patch that training would draw",
        )
        another.on_click(guard(lambda _: self._go_on()))
        self.next_button = another
        self.image = create(w.Image, format="png")
        self.caption = create(w.HTML)
        self.disclosure = Disclosure(
            _WORDS, [another], children=[self.image, self.caption], read=self.read, work=work, guard=guard
        )
        self.box = self.disclosure.box

    def read(self) -> None:
        """Draw the examples of the patch that is looked at, with the settings as they are."""
        config, number, first = self._config().validated(), self._number, self._first
        self._first += COUNT - 1  # other changes the next time

        def show(picture: bytes) -> None:
            set_trait(self.image, "value", picture)
            set_trait(
                self.caption, "value", text(caption(number, bool(config.augmentation.steps)), "nbt-muted", "nbt-small")
            )

        self.disclosure.start(
            "drawing examples", lambda: png(gallery(self.api.augmented_examples(config, COUNT, number, first))), show
        )

    def mark_stale(self) -> None:
        """Settings have changed."""
        self.disclosure.mark_stale()

    def forget(self) -> None:
        """Other data: close, and begin with the first patch."""
        self._number, self._first = 0, 1
        self.disclosure.forget()

    def _go_on(self) -> None:
        self._number += 1
        self.read()


def caption(number: int, changes: bool) -> str:
    """What is seen in the gallery of patch `number`."""
    if not changes:
        return f"Patch {number + 1:,}. No changes are set, so all of them are alike."
    others = f"the other {COUNT - 1} are changed by chance, as in training"
    return f"Patch {number + 1:,}. The framed one is as it is; {others}. Orange: outlines of the label."


def gallery(examples: Sequence[tuple[Any, Any]]) -> np.ndarray:
    """Images (C, [Z,] Y, X) with their labels' outlines in rows of four, uint8 (Y, X, 4), gaps transparent, the first framed.

    Grey spans the percentiles of the first, so that brighter ones look brighter; volumes show their middle slice.
    """
    planes = [(_plane(image, 3), _plane(label, 2)) for image, label in examples]
    between = limits(planes[0][0])
    cells = [_cell(image, label, between) for image, label in planes]
    height, width = cells[0].shape[:2]
    rows = -(-len(cells) // _COLUMNS)
    canvas = np.zeros((rows * (height + _GAP) - _GAP, _COLUMNS * (width + _GAP) - _GAP, 4), np.uint8)
    for number, cell in enumerate(cells):
        row, column = divmod(number, _COLUMNS)
        top, left = row * (height + _GAP), column * (width + _GAP)
        canvas[top : top + height, left : left + width, :3] = cell
        canvas[top : top + height, left : left + width, 3] = 255
    inside = canvas[_FRAME : height - _FRAME, _FRAME : width - _FRAME, :3].copy()
    canvas[:height, :width, :3] = style.with_colors("region")
    canvas[_FRAME : height - _FRAME, _FRAME : width - _FRAME, :3] = inside
    return canvas


def _plane(array: Any, axes: int) -> np.ndarray:
    """`array`, of a volume its middle slice."""
    array = np.asarray(array)
    return array if array.ndim == axes else array[..., array.shape[-3] // 2, :, :]


def _cell(image: np.ndarray, label: np.ndarray, between: tuple[float, float]) -> np.ndarray:
    side = (_WIDTH + _GAP) // _COLUMNS - _GAP
    shape = tuple(max(1, round(length * side / max(label.shape))) for length in label.shape)
    pixels = grey(whole(ResampledView(ArrayView(image), shape)), between)
    mark_boundaries(pixels, label=whole(ResampledView(ArrayView(label, is_label=True), shape)), colour=OUTLINE)
    return pixels.astype(np.uint8)
