"""The picture of a prediction, and what of the image is seen in it: slice, zoom, place, and whether the label is drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import ipywidgets as w

from nbtrainer.ui.predict.rendering import SIDE, ImageWindow
from nbtrainer.ui.widgets import Guard, create, set_trait, set_visible

if TYPE_CHECKING:
    from nbtrainer.inference.preview import PredictionPreview  # brings torch


class PredictionStage:
    """`on_change` is called when something else is to be seen."""

    def __init__(self, guard: Guard, on_change: Callable[[], None]) -> None:
        self._on_change, self._is_filling = on_change, False
        self.image = create(w.Image, format="png")
        self.slice_slider = create(
            w.IntSlider, description="slice", min=0, max=0, layout=w.Layout(width="auto", display="none")
        )
        self.slice_slider.observe(guard(lambda _: self._follow_view()), "value")
        self.zoom_menu = create(
            w.Dropdown,
            options=[("all of it", 1), ("2 x", 2), ("4 x", 4), ("8 x", 8)],
            layout=w.Layout(width="90px"),
            tooltip="How much of the image is seen",
        )
        self.y_slider, self.x_slider = (
            create(
                w.IntSlider, description=name, min=0, max=100, value=50, readout=False, layout=w.Layout(display="none")
            )
            for name in ("down", "across")
        )
        for moved in (self.zoom_menu, self.y_slider, self.x_slider):
            moved.observe(guard(lambda _: self._follow_view()), "value")
        self.label_switch = create(
            w.ToggleButton, value=False, description="Label", icon="eye", tooltip="Draw the outlines of the label too"
        )
        self.label_switch.observe(guard(lambda _: self._on_change()), "value")
        self.caption = create(w.HTML)
        tools = create(w.HBox, children=[self.zoom_menu, self.label_switch])
        under = create(w.HBox, children=[self.caption, tools], classes=("nbt-curve-head",))
        parts = [self.image, self.slice_slider, self.x_slider, self.y_slider, under]
        self.box = create(w.VBox, children=parts, classes=("nbt-seen",))

    @property
    def window(self) -> ImageWindow:
        """What of the image is seen."""
        return ImageWindow(self.slice_slider.value, self.zoom_menu.value, self.y_slider.value, self.x_slider.value)

    @property
    def shows_truth(self) -> bool:
        """Whether the label is drawn too."""
        return bool(self.label_switch.value)

    def fit(self, preview: PredictionPreview) -> None:
        """Offer the slices and the zoom that the image of `preview` has, from its middle slice on."""
        depth = preview.image.shape[1] if preview.image.ndim == 4 else 1
        self._is_filling = True
        try:
            set_trait(self.slice_slider, "max", max(depth - 1, 0))
            set_trait(self.slice_slider, "value", depth // 2)
            set_trait(self.zoom_menu, "value", 1)
        finally:
            self._is_filling = False
        set_visible(self.zoom_menu, max(preview.image.shape[-2:]) > SIDE)
        self._show_place()
        set_visible(self.slice_slider, depth > 1)
        set_visible(self.label_switch, preview.truth is not None)

    def show(self, picture: bytes, caption: str) -> None:
        """Show a PNG picture and the words under it."""
        set_trait(self.image, "value", picture)
        set_trait(self.caption, "value", caption)

    def _follow_view(self) -> None:
        if not self._is_filling:
            self._show_place()
            self._on_change()

    def _show_place(self) -> None:
        for slider in (self.y_slider, self.x_slider):
            set_visible(slider, self.zoom_menu.value > 1)
