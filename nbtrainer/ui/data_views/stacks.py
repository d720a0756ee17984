"""Single images and stacks: a folder of slices becomes one file, and a stack a folder of slices."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import ipywidgets as w

from nbtrainer.config import Config
from nbtrainer.ui.background import Api, LatestOnly, RunInBackground
from nbtrainer.ui.form.fields import PathField
from nbtrainer.ui.form.panels import row_of
from nbtrainer.ui.widgets import Guard, create, set_trait, set_visible, text

_TITLES = {"folder": "Single images", "stack": "Stack"}
_HELPS = {
    "folder": "A folder of images of one size and type, one for each slice, in the order of their names; or a new folder "
    "for the slices of a stack.",
    "stack": "A .tif file: the new stack of these images, or the stack to take apart.",
}


class StackTool:
    """A button, and what it opens: a folder, a stack, and a button for each way between them.

    `use` is told what was made: as "images" or "labels", and its path.
    """

    def __init__(
        self,
        config: Callable[[], Config],
        use: Callable[[str, str], None],
        api: Api,
        work: RunInBackground,
        guard: Guard,
    ) -> None:
        self._config, self._use, self._api = config, use, api
        self._paths = {"folder": "", "stack": ""}
        self._made = ""
        self._latest = LatestOnly(work)
        self.open_button = create(
            w.Button,
            description="Single images and stacks …",
            icon="clone",
            tooltip="Combine single images into a stack, or take a stack apart",
        )
        self.open_button.on_click(guard(lambda _: self._toggle()))
        self.fields = {name: self._field(name, guard) for name in self._paths}
        self.combine = create(
            w.Button, description="Combine", icon="compress", tooltip="Write the single images into the stack"
        )
        self.take_apart = create(
            w.Button, description="Take apart", icon="expand", tooltip="Write the slices of the stack into the folder"
        )
        self.combine.on_click(guard(lambda _: self._combine()))
        self.take_apart.on_click(guard(lambda _: self._take_apart()))
        self.as_images = create(w.Button, description="Use as images", classes=("nbt-link",))
        self.as_labels = create(w.Button, description="Use as labels", classes=("nbt-link",))
        for button, kind in ((self.as_images, "images"), (self.as_labels, "labels")):
            button.on_click(guard(lambda _, kind=kind: use(kind, self._made)))
        ways = create(w.HBox, children=[self.combine, self.take_apart], classes=("nbt-bar-of-tools", "nbt-plain"))
        self.result_buttons = create(w.HBox, children=[self.as_images, self.as_labels], layout=w.Layout(display="none"))
        parts = [*(field.box for field in self.fields.values()), ways, self._latest.words, self.result_buttons]
        self._body = create(w.VBox, children=parts, layout=w.Layout(display="none"))
        head = create(w.HBox, children=[self.open_button], classes=("nbt-bar-of-tools",))
        self.box = create(w.VBox, children=[head, self._body], classes=("nbt-drawer",))

    @property
    def words(self) -> str:
        """What is said of the newest of them, as HTML."""
        return str(self._latest.words.value)

    def _toggle(self) -> None:
        set_visible(self._body, self._body.layout.display == "none")

    def _field(self, name: str, guard: Guard) -> PathField:
        """The field of a path that is no setting; it looks like one."""
        kind = "folder" if name == "folder" else "file"
        row = dataclasses.replace(
            row_of("model.pretrained", kind=""), path=name, title=_TITLES[name], help=_HELPS[name], path_kind=kind
        )
        return PathField(
            row, lambda: self._paths[name], lambda value: self._paths.update({name: str(value)}), lambda: "", guard
        )

    def _combine(self) -> None:
        folder, stack = (self._config().resolve(self._paths[name]) for name in ("folder", "stack"))

        def combine() -> tuple[str, str]:
            shape = self._api.stack_images(folder, stack)
            return f"{shape[0]:,} images are in {stack.name} ({' x '.join(map(str, shape))}).", self._paths["stack"]

        self._start("combining", combine)

    def _take_apart(self) -> None:
        folder, stack = (self._config().resolve(self._paths[name]) for name in ("folder", "stack"))

        def take_apart() -> tuple[str, str]:
            files = self._api.unstack_images(stack, folder)
            return f"{len(files):,} slices, {files[0].name} to {files[-1].name}, are in {folder}.", self._paths[
                "folder"
            ]

        self._start("taking apart", take_apart)

    def _start(self, words: str, task: Callable[[], tuple[str, str]]) -> None:
        missing = [_TITLES[name] for name, path in self._paths.items() if not path]
        set_visible(self.result_buttons, False)
        if missing:
            self._latest.show_message(text(f"✕ Give a path: {' and '.join(missing)}.", "nbt-wrong", "nbt-small"))
            return

        def show(made: tuple[str, str]) -> None:
            message, self._made = made
            self._latest.show_message(text(f"✓ {message}", "nbt-fine", "nbt-small"))
            set_trait(self.as_images, "tooltip", f"{self._made}: in the place of the last set's images")
            set_trait(self.as_labels, "tooltip", f"{self._made}: in the place of the last set's labels")
            set_visible(self.result_buttons, True)

        self._latest.start(words, task, show)
