"""Which model predicts which image: files that are typed or chosen, and the images of the run that the model belongs to."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import ipywidgets as w

from nbtrainer.data.pair import Pair
from nbtrainer.ui import style
from nbtrainer.ui.form.field import Field
from nbtrainer.ui.form.fields import PathField
from nbtrainer.ui.form.panels import row_of
from nbtrainer.ui.widgets import Guard, create, set_trait, set_visible

# the entry of the menu that is no image of the run
A_FILE = -1
_USES = {"validation": "validation", "test": "test", "train": "trained on"}


class ImageChoice:
    """`on_model` is called when another model was given, `on_image` when an image of the run was chosen."""

    def __init__(self, guard: Guard, *, on_model: Callable[[], None], on_image: Callable[[], None]) -> None:
        self._guard, self._on_image = guard, on_image
        self.paths = {"model": "", "image": "", "label": ""}
        self._offered, self._is_filling = "", False
        self.files = {
            "model": self._file(
                "model", title="Model", help="A checkpoint (.pt), or the folder of a run: its best model is meant."
            ),
            "image": self._file("image", title="File", help="An image, a stack or a volume to predict."),
            "label": self._file("label", title="Its label", help="A label image, for scores. Empty: not known."),
        }
        self.files["model"].on_settled = on_model
        self.image_menu = create(
            w.Dropdown,
            options=[("a file …", A_FILE)],
            description="Image",
            style={"description_width": style.LABEL_WIDTH},
            tooltip="Which image is predicted: those of the run, validation first, or a file",
        )
        self.image_menu.observe(guard(lambda _: self._image_chosen()), "value")
        self._show_files()

    def offer_model(self, path: str) -> bool:
        """Offer the model of a run, unless another one was chosen by hand; whether it is another one."""
        if self.paths["model"] not in ("", self._offered) or path == self._offered:
            return False
        self._offered = self.paths["model"] = path
        self.files["model"].show()
        return True

    def list_images(self, pairs: Sequence[tuple[str, Pair]], choose: int) -> None:
        """List the images of the run with what they were used for, and choose one by its number, or `A_FILE`."""
        options = [(f"{pair.name} ({_USES[use]})", index) for index, (use, pair) in enumerate(pairs)]
        options.append(("a file …", A_FILE))
        self._is_filling = True
        try:
            if list(self.image_menu.options) != options:
                self.image_menu.options = options
            set_trait(self.image_menu, "value", choose if choose < len(pairs) else A_FILE)
        finally:
            self._is_filling = False
        self._show_files()

    def _image_chosen(self) -> None:
        self._show_files()
        if not self._is_filling and self.image_menu.value != A_FILE:
            self._on_image()

    def _show_files(self) -> None:
        for name in ("image", "label"):
            set_visible(self.files[name].box, self.image_menu.value == A_FILE)

    def _file(self, name: str, *, title: str, help: str) -> Field:
        """The field of a path that is no setting; it looks like one."""
        row = dataclasses.replace(
            row_of("model.pretrained", kind=""), path=name, title=title, help=help, advanced=False
        )
        default = (lambda: self._offered) if name == "model" else (lambda: "")
        return PathField(
            row,
            lambda: self.paths[name],
            lambda value: self.paths.update({name: str(value)}),
            default,
            self._guard,
        )
