"""Where the patches of an epoch fall, on a picture of each image, and how often images and classes are seen in them."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import ipywidgets as w
import numpy as np

from nbtrainer.config import Config
from nbtrainer.ui import style
from nbtrainer.ui.background import Api, LatestOnly, RunInBackground, png
from nbtrainer.ui.data_views.pair_table import name_of
from nbtrainer.ui.disclosure import Disclosure, Words
from nbtrainer.ui.widgets import Guard, create, set_trait, text

MOST_PATCHES = 500
MOST_BOXES = 200
# longest side of the picture
_SIDE = 560
# what no patch shows is dimmed to this
_DIMMED = 0.45
_MOST_NAMES = 5
# more lines than this are drawn paler, so that the image can be seen behind them
_FULL_LINES = 25
_PALEST = 0.55
_WORDS = Words(
    "Show where patches fall",
    "Hide where patches fall",
    "object-ungroup",
    "The patches of one epoch on each image, and how often each image and class is seen, before training",
)
Box = Sequence[Sequence[int]]


class Epoch(NamedTuple):
    """The patches of an epoch: names of the training images, `places` and `seen` as `api.patch_locations` has them, and how many
    patches the epoch has, which may be more than the places."""

    names: list[str]
    locations: list[dict[str, Any]]
    seen: dict[str, Any]
    per_epoch: int

    @property
    def counts(self) -> list[int]:
        """How many patches each image has."""
        counted = Counter(place["image"] for place in self.locations)
        return [counted[index] for index in range(len(self.names))]

    def boxes(self, index: int) -> list[Box]:
        """The patches that fall on image `index`."""
        return [place["box"] for place in self.locations if place["image"] == index]


class PatchMap:
    """A button, and once it was pressed a picture with patches, and what they show in numbers."""

    def __init__(self, config: Callable[[], Config], api: Api, work: RunInBackground, guard: Guard) -> None:
        self._config, self.api = config, api
        self._is_filling = False
        self._snapshot: Config | None = None
        self._epoch = Epoch([], [], {}, 0)
        self._lens = LatestOnly(work)
        self.image_menu = create(w.Dropdown, tooltip="Which image is looked at")
        self.image_menu.observe(guard(lambda _: None if self._is_filling else self._look()), "value")
        self.previous_button = create(w.Button, icon="chevron-left", tooltip="Previous image", classes=("nbt-icon",))
        self.next_button = create(w.Button, icon="chevron-right", tooltip="Next image", classes=("nbt-icon",))
        self.previous_button.on_click(guard(lambda _: self._turn(-1)))
        self.next_button.on_click(guard(lambda _: self._turn(1)))
        self.image = create(w.Image, format="png")
        self.caption, self.summary = create(w.HTML), create(w.HTML)
        children = [self.image, self.caption, self._lens.words, self.summary]
        tools = [self.previous_button, self.image_menu, self.next_button]
        self.disclosure = Disclosure(_WORDS, tools, children=children, read=self.read, work=work, guard=guard)
        self.box = self.disclosure.box

    def read(self) -> None:
        """Draw the patches of an epoch with the settings as they are."""
        config, number = self._config().validated(), self.image_menu.value or 0

        def draw() -> tuple[Epoch, int, bytes]:
            names = [name_of(row) for row in self.api.pairs(config) if row["split"] == "train"]
            per_epoch = self.api.patch_locations(config, 0)["per_epoch"]
            drawn = self.api.patch_locations(config, min(per_epoch, MOST_PATCHES))
            epoch = Epoch(names, drawn["places"], drawn["seen"], per_epoch)
            index = number if number < len(names) else 0
            return epoch, index, self._picture(config, epoch, index)

        def show(drawn: tuple[Epoch, int, bytes]) -> None:
            self._snapshot, (self._epoch, index, picture) = config, drawn
            self._lens.forget()
            self._fill(index)
            self._show(index, picture)
            set_trait(self.summary, "value", numbers(self._epoch))

        self.disclosure.start("drawing the patches of an epoch", draw, show)

    def mark_stale(self) -> None:
        """Settings have changed."""
        self.disclosure.mark_stale()

    def forget(self) -> None:
        """Other data: close."""
        self._lens.forget()
        self._snapshot = None
        self.disclosure.forget()

    def _turn(self, by: int) -> None:
        index = (self.image_menu.value or 0) + by
        if 0 <= index < len(self._epoch.names):
            self.image_menu.value = index

    def _look(self) -> None:
        """Another image, with the patches that were drawn."""
        config, epoch, index = self._snapshot, self._epoch, self.image_menu.value
        if config is not None and index is not None:
            self._lens.start(
                "opening the image",
                lambda: self._picture(config, epoch, index),
                lambda result: self._show(index, result),
            )

    def _picture(self, config: Config, epoch: Epoch, index: int) -> bytes:
        pixels, scale = self.api.thumbnail(config, index, size=_SIDE)
        return png(with_boxes(pixels, scale, epoch.boxes(index)))

    def _fill(self, index: int) -> None:
        counts = self._epoch.counts
        options = [
            (f"{number + 1}: {name}, {format_patch_count(counts[number])}", number)
            for number, name in enumerate(self._epoch.names)
        ]
        self._is_filling = True
        try:
            if list(self.image_menu.options) != options:
                self.image_menu.options = options
            set_trait(self.image_menu, "value", index)
        finally:
            self._is_filling = False

    def _show(self, index: int, picture: bytes) -> None:
        set_trait(self.image, "value", picture)
        set_trait(self.caption, "value", text(caption(self._epoch.boxes(index)), "nbt-muted", "nbt-small"))
        set_trait(self.previous_button, "disabled", index == 0)
        set_trait(self.next_button, "disabled", index + 1 >= len(self._epoch.names))


def with_boxes(pixels: Any, scale: float, boxes: Sequence[Box]) -> np.ndarray:
    """A picture (Y, X, 3) with `boxes` drawn in, uint8 (Y, X, 4): what no box shows is dimmed.

    `scale`: pixels of the image for one of the picture. Small pictures are enlarged by whole pixels; where boxes reach
    beyond the picture it gets a transparent margin.
    """
    factor = max(1, _SIDE // max(pixels.shape[:2]))
    large = np.asarray(pixels).repeat(factor, 0).repeat(factor, 1)
    corners = [
        [(round(start * factor / scale), round(stop * factor / scale)) for start, stop in box[-2:]] for box in boxes
    ]
    shape = large.shape[:2]
    margins = [
        (
            max([0, *(-corner[axis][0] for corner in corners)]),
            max([0, *(corner[axis][1] - shape[axis] for corner in corners)]),
        )
        for axis in (0, 1)
    ]
    canvas = np.pad(np.dstack([large, np.full(shape, 255, np.uint8)]), [*margins, (0, 0)])
    places = [
        tuple(slice(start + before, stop + before) for (start, stop), (before, _) in zip(corner, margins, strict=True))
        for corner in corners
    ]
    is_dim = np.ones(canvas.shape[:2], bool)
    for place in places:
        is_dim[place] = False
    canvas[is_dim, :3] = (canvas[is_dim, :3] * _DIMMED).astype(np.uint8)
    line = np.array([*style.with_colors("region"), 255])
    opacity = min(1.0, max(_PALEST, _FULL_LINES / max(1, len(places))))
    for y, x in places[:MOST_BOXES]:
        edges = [(edge, x) for edge in (y.start, y.stop - 1)] + [(y, edge) for edge in (x.start, x.stop - 1)]
        for edge in edges:
            canvas[edge] = (canvas[edge] + opacity * (line - canvas[edge])).astype(np.uint8)
    return canvas


def caption(boxes: Sequence[Box]) -> str:
    """What is seen on an image with these patches."""
    if not boxes:
        return "No patch falls on this image."
    words = [f"{format_patch_count(len(boxes))} on this image, as they are cut, before augmentation."]
    if len(boxes) > MOST_BOXES:
        words.append(f"The first {MOST_BOXES:,} have outlines.")
    words.append("Darker: in none of them.")
    if len(boxes[0]) == 3:
        words.append("The middle slice, with the patches of every depth.")
    return " ".join(words)


def numbers(epoch: Epoch) -> str:
    """How often images and classes are seen, as HTML."""
    count, counts = len(epoch.locations), epoch.counts
    part = f"The first {count:,} of {epoch.per_epoch:,} patches of an epoch"
    parts = [f"<b>{format_patch_count(count) + ' in an epoch' if count >= epoch.per_epoch else part}</b>"]
    rows = [
        (_class_name(value, epoch.seen["share_of_pixels"]), share, f"{share:.1%} of pixels")
        for value, share in epoch.seen["share_of_pixels"].items()
    ]
    if counts:
        most = max(range(len(counts)), key=lambda index: counts[index])
        least = min(range(len(counts)), key=lambda index: counts[index])
        if counts[most] == counts[least]:
            parts.append(
                text(f"Every image is drawn equally often: {format_patch_count(counts[most])} each.", "nbt-small")
            )
        else:
            rows += [
                (f"{how}: {epoch.names[index]}", counts[index] / counts[most], format_patch_count(counts[index]))
                for how, index in (("most often", most), ("least often", least))
            ]
    parts.append(_bars(rows))
    never = [name for name, tiled in zip(epoch.names, counts, strict=True) if not tiled]
    if never and count:
        more = f" and {len(never) - _MOST_NAMES:,} more" if len(never) > _MOST_NAMES else ""
        warning = f"▲ {len(never):,} of {len(counts):,} images not drawn: {', '.join(never[:_MOST_NAMES])}{more}"
        parts.append(text(warning, "nbt-look", "nbt-small"))
    given_up = sum(place["rejected"] for place in epoch.locations)
    if given_up:
        words = f"{format_patch_count(given_up)} given up because too little was labelled, {given_up / count:.1f} for each one taken"
        parts.append(text(words, "nbt-muted", "nbt-small"))
    return "".join(f"<div>{part}</div>" for part in parts)


def format_patch_count(count: int) -> str:
    """A number of patches in words."""
    return f"{count:,} patch{'' if count == 1 else 'es'}"


def _bars(rows: Sequence[tuple[str, float, str]]) -> str:
    cells = "".join(
        f'<span>{html.escape(name)}</span><div class="nbt-bar"><div style="width: {100 * share:.1f}%"></div></div>'
        f"<span>{html.escape(words)}</span>"
        for name, share, words in rows
    )
    return f'<div class="nbt-shares">{cells}</div>'


def _class_name(value: str, shares: dict[str, float]) -> str:
    if value == "0":
        return "background"
    return "foreground" if set(shares) <= {"0", "1"} else f"class {value}"
