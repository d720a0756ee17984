"""Try and adjust: an image is predicted once; its thresholds may be moved, and the outlines follow."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from nbtrainer.config.describe import Setting
from nbtrainer.config.task import TaskSettings
from nbtrainer.errors import UserError
from nbtrainer.ui import style
from nbtrainer.ui.background import Api, LatestOnly, LatestWins, RunInBackground
from nbtrainer.ui.disposal import set_children
from nbtrainer.ui.form.field import Field
from nbtrainer.ui.form.fields import PathField, SliderField, field_for
from nbtrainer.ui.form.panels import row_of
from nbtrainer.ui.predict.rendering import SIDE, ImageWindow, Rendering, caption, looked_at, numbers, progress
from nbtrainer.ui.widgets import Guard, create, set_trait, set_visible, text

if TYPE_CHECKING:
    from nbtrainer.data.pair import Pair
    from nbtrainer.inference import Predictor
    from nbtrainer.inference.preview import PredictionPreview

_FILE = -1
_WHAT_FOR = {"validation": "validation", "test": "test", "train": "trained on"}
_HINT = f'<div class="nbt-line">{text("predict an image, and see what each threshold does", "nbt-muted")}</div>'

_NOTHING = "This model has no threshold that could be moved."


class _Stopped(Exception):  # noqa: N818 - no error: the user asked for it
    """The user stopped a prediction."""


class ThresholdExplorer:
    """A button, and what it opens: model, image, picture, and a field for each threshold.

    Nothing here waits: models are loaded, images predicted and labels made in threads; of several moves the newest counts.
    """

    def __init__(self, api: Api, work: RunInBackground, guard: Guard) -> None:
        self._api, self._guard = api, guard
        self.prediction_task, self.rendering_task = LatestOnly(work), LatestWins(work)
        self.saving_task = LatestOnly(work)
        self._paths = {"model": "", "image": "", "label": ""}
        self._offered = ""
        self._model: Predictor | None = None
        self._pairs: list[tuple[str, Pair]] = []
        self.prediction: PredictionPreview | None = None
        self.rendering: Rendering | None = None
        self._rendered_values: dict[str, Any] = {}
        self._own_scores: dict[str, float] = {}
        self._values = TaskSettings()
        self.fields: dict[str, Field] = {}
        self._done: tuple[int, int] | None = None
        self._stop_asked = threading.Event()
        self.is_open = self._is_filling = self._is_predicting = False
        self._build()

    def use(self, model: Path) -> None:
        """Offer the model of a run, unless another one was chosen by hand."""
        if self._paths["model"] in ("", self._offered) and str(model) != self._offered:
            self._offered = self._paths["model"] = str(model)
            self.files["model"].show()
            self._forget()

    def flush(self) -> None:
        """Bring the progress up to date; called a few times a second while there is work."""
        words = ""
        if self._is_predicting:
            done, of = self._done or (0, 0)
            words = progress(done, of)
        set_trait(self.progress_bar, "value", words)
        set_visible(self.progress_bar, bool(words))

    # building

    def _build(self) -> None:
        guard = self._guard
        self.open_button = create(
            w.Button,
            description="Try and adjust",
            icon="caret-right",
            tooltip="Predict an image with a trained model, and move its thresholds",
        )
        self.open_button.on_click(guard(lambda _: self._toggle()))
        self._head = create(
            w.HBox, children=[self.open_button, create(w.HTML, value=_HINT)], classes=("nbt-panel-head",)
        )
        self.files = {
            "model": self._file(
                "model", "Model", "A checkpoint (.pt), or the folder of a run: its best model is meant."
            ),
            "image": self._file("image", "File", "An image, a stack or a volume to predict."),
            "label": self._file("label", "Its label", "A label image, for scores. Empty: not known."),
        }
        self.files["model"].on_settled = self._forget
        self.image_menu = create(
            w.Dropdown,
            options=[("a file …", _FILE)],
            description="Image",
            style={"description_width": style.LABEL_WIDTH},
            tooltip="Which image is predicted: those of the run, validation first, or a file",
        )
        self.image_menu.observe(guard(lambda _: self._image_chosen()), "value")
        self.predict_button = create(
            w.Button, description="Predict", icon="magic", tooltip="Load the model and predict the image, once"
        )
        self.predict_button.on_click(guard(lambda _: self.predict(anew=True)))
        self.stop_button = create(w.Button, description="Stop", icon="stop", tooltip="Leave this prediction")
        self.stop_button.on_click(guard(lambda _: self._stop_asked.set()))
        self.progress_bar = create(w.HTML, layout=w.Layout(display="none", flex="1 1 auto"))
        menu = create(w.HBox, children=[self.image_menu, self.predict_button, self.stop_button], classes=("nbt-field",))
        set_visible(self.stop_button, False)
        self._build_stage()
        self._body = create(
            w.VBox,
            children=[
                self.files["model"].box,
                menu,
                self.files["image"].box,
                self.files["label"].box,
                self.progress_bar,
                self.prediction_task.words,
                self.notes,
                self.content,
            ],
            classes=("nbt-panel-body",),
            layout=w.Layout(display="none"),
        )
        self.box = create(w.VBox, children=[self._head, self._body], classes=("nbt-adjust",))
        self._show_files()

    def _build_stage(self) -> None:
        guard = self._guard
        self.image = create(w.Image, format="png")
        self.slice_slider = create(
            w.IntSlider, description="slice", min=0, max=0, layout=w.Layout(width="auto", display="none")
        )
        self.slice_slider.observe(guard(lambda _: None if self._is_filling else self._redraw()), "value")
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
            moved.observe(guard(lambda _: None if self._is_filling else self._zoomed()), "value")
        self.label_switch = create(
            w.ToggleButton, value=False, description="Label", icon="eye", tooltip="Draw the outlines of the label too"
        )
        self.label_switch.observe(guard(lambda _: self._redraw()), "value")
        self.caption, self.notes, self.summary = create(w.HTML), create(w.HTML), create(w.HTML)
        tools = create(w.HBox, children=[self.zoom_menu, self.label_switch])
        under = create(w.HBox, children=[self.caption, tools], classes=("nbt-curve-head",))
        parts = [self.image, self.slice_slider, self.x_slider, self.y_slider, under]
        seen = create(w.VBox, children=parts, classes=("nbt-seen",))
        self.threshold_box = create(w.VBox)
        self.keep_button = create(
            w.Button,
            description="Keep in the model",
            icon="save",
            tooltip="Write these thresholds into the model: from now on it predicts with them",
        )
        self.keep_button.on_click(guard(lambda _: self._keep_them()))
        self.reset_button = create(
            w.Button, description="Reset", icon="undo", tooltip="Back to the thresholds that are in the model"
        )
        self.reset_button.on_click(guard(lambda _: self._set_back()))
        buttons = create(w.HBox, children=[self.keep_button, self.reset_button], classes=("nbt-bar-of-tools",))
        beside = create(
            w.VBox,
            children=[self.summary, self.rendering_task.words, self.threshold_box, buttons, self.saving_task.words],
            classes=("nbt-beside",),
        )
        self.content = create(w.HBox, children=[seen, beside], classes=("nbt-stage",), layout=w.Layout(display="none"))

    def _file(self, name: str, title: str, help: str) -> Field:
        """The field of a path that is no setting; it looks like one."""
        row = dataclasses.replace(row_of("model.pretrained", ""), path=name, title=title, help=help, advanced=False)
        default = (lambda: self._offered) if name == "model" else (lambda: "")
        return PathField(
            row,
            lambda: self._paths[name],
            lambda value: self._paths.update({name: str(value)}),
            default,
            self._guard,
        )

    # what is pressed

    def _toggle(self) -> None:
        self.is_open = not self.is_open
        set_visible(self._body, self.is_open)
        set_trait(self.open_button, "icon", "caret-down" if self.is_open else "caret-right")
        (self._head.add_class if self.is_open else self._head.remove_class)("nbt-open")
        if self.is_open and self.prediction is None and self._paths["model"]:
            self.predict()

    def _image_chosen(self) -> None:
        self._show_files()
        if not self._is_filling and self.image_menu.value != _FILE:
            self.predict()

    def _show_files(self) -> None:
        for name in ("image", "label"):
            set_visible(self.files[name].box, self.image_menu.value == _FILE)

    def predict(self, anew: bool = False) -> None:
        """Predict the image that is chosen; the model is loaded first, where it was not or `anew`."""
        if self._is_predicting:
            return
        path, chosen = self._paths["model"], self.image_menu.value
        image, label = self._paths["image"], self._paths["label"]
        model, pairs = (None, []) if anew else (self._model, self._pairs)
        self._stop_asked.clear()
        self._done = None

        def report(done: int, of: int) -> None:
            if self._stop_asked.is_set():
                raise _Stopped
            self._done = done, of

        def work() -> tuple[Predictor, list[tuple[str, Pair]], PredictionPreview | None]:
            nonlocal model, pairs
            if model is None:
                model, pairs = _loaded(self._api, path)
            # the images of the run are listed with the model: whoever chose none yet means the first
            index = chosen if chosen != _FILE or image or not pairs else 0
            source = image if index == _FILE or index >= len(pairs) else pairs[index][1]
            if not source:
                return model, pairs, None
            try:
                return (
                    model,
                    pairs,
                    self._api.try_out(model, source, (label or None) if index == _FILE else None, report),
                )
            except _Stopped:
                return model, pairs, None

        def show(result: tuple[Predictor, list[tuple[str, Pair]], PredictionPreview | None]) -> None:
            self._model, self._pairs, trial = result
            self._is_predicting = False
            self._list_images(choose=0 if chosen == _FILE and not image else chosen)
            self._show_buttons()
            if trial is not None:
                self._show(trial)

        self._is_predicting = True
        self._show_buttons()
        self.prediction_task.start("", _checked(path, work), show, self._failed)
        self.flush()

    def _failed(self) -> None:
        self._is_predicting = False
        self._show_buttons()

    def _forget(self) -> None:
        """Another model: what is shown is not about it."""
        self._stop_asked.set()
        self.prediction_task.forget()
        self.rendering_task.forget()
        self._model = self.prediction = self.rendering = None
        self._pairs = []
        self._is_predicting = False
        self._list_images(choose=_FILE)
        set_visible(self.content, False)
        set_trait(self.notes, "value", "")
        self._show_buttons()

    # what is shown

    def _show_buttons(self) -> None:
        set_trait(self.predict_button, "disabled", self._is_predicting)
        set_visible(self.stop_button, self._is_predicting)
        changed = self.prediction is not None and self._changed() != {}
        set_trait(self.keep_button, "disabled", not changed)
        set_trait(self.reset_button, "disabled", not changed)
        (self.keep_button.add_class if changed else self.keep_button.remove_class)("nbt-next")
        self.flush()

    def _list_images(self, choose: int) -> None:
        options = [(f"{pair.name} ({_WHAT_FOR[use]})", index) for index, (use, pair) in enumerate(self._pairs)]
        options.append(("a file …", _FILE))
        self._is_filling = True
        try:
            if list(self.image_menu.options) != options:
                self.image_menu.options = options
            set_trait(self.image_menu, "value", choose if choose < len(self._pairs) else _FILE)
        finally:
            self._is_filling = False
        self._show_files()

    def _show(self, trial: PredictionPreview) -> None:
        self.prediction, self.rendering, self._own_scores = trial, None, {}
        self.rendering_task.forget()
        notes = [text(f"▲ {note}", "nbt-look", "nbt-small") for note in trial.prediction.notes]
        set_trait(self.notes, "value", "".join(f"<div>{note}</div>" for note in notes))
        self._values = TaskSettings(kind=trial.task.name)
        for name, value in trial.adjustable.items():
            setattr(self._values, name, value)
        self.fields = {name: self._threshold(name) for name in trial.adjustable}
        boxes = [field.box for field in self.fields.values()]
        set_children(self.threshold_box, boxes or [create(w.HTML, value=text(_NOTHING, "nbt-muted", "nbt-small"))])
        self._show_used(trial.in_use())
        depth = trial.image.shape[1] if trial.image.ndim == 4 else 1
        self._is_filling = True
        try:
            set_trait(self.slice_slider, "max", max(depth - 1, 0))
            set_trait(self.slice_slider, "value", depth // 2)
            set_trait(self.zoom_menu, "value", 1)
        finally:
            self._is_filling = False
        set_visible(self.zoom_menu, max(trial.image.shape[-2:]) > SIDE)
        self._show_zoom()
        set_visible(self.slice_slider, depth > 1)
        set_visible(self.label_switch, trial.truth is not None)
        set_visible(self.content, True)
        self._show_buttons()
        self._redraw()

    def _zoomed(self) -> None:
        self._show_zoom()
        self._redraw()

    def _show_zoom(self) -> None:
        for slider in (self.y_slider, self.x_slider):
            set_visible(slider, self.zoom_menu.value > 1)

    def _threshold(self, name: str) -> Field:
        assert self.prediction is not None
        row = row_of(f"task.{name}", self.prediction.task.name)
        if row.kind == "choice":
            titles = {value: row.choices[value] for value in self.prediction.choices(name, row.choices)}
            row = dataclasses.replace(row, choices=titles)
        own = self.prediction.adjustable[name]
        made = field_of_threshold(row)(
            row,
            lambda: getattr(self._values, name),
            lambda value: setattr(self._values, name, value),
            lambda: own,
            self._guard,
        )
        made.show_view(is_complete=True, is_helping=False)
        made.on_settled = self._moved
        return made

    def _moved(self) -> None:
        self.saving_task.forget()  # what was said of keeping is about other thresholds
        self._show_buttons()
        self._redraw()

    def _set_back(self) -> None:
        if self.prediction is not None:
            for name, value in self.prediction.adjustable.items():
                setattr(self._values, name, value)
                self.fields[name].show()
            self._moved()

    def _now(self) -> dict[str, Any]:
        return {name: getattr(self._values, name) for name in self.fields}

    def _changed(self) -> dict[str, Any]:
        """The thresholds that differ from the model's."""
        own = self.prediction.adjustable if self.prediction is not None else {}
        return {name: value for name, value in self._now().items() if value != own[name]}

    def _redraw(self) -> None:
        """Make labels with the thresholds as they stand, and draw them, beside the page."""
        trial, before, values = self.prediction, self.rendering, self._now()
        if trial is None:
            return
        window = ImageWindow(self.slice_slider.value, self.zoom_menu.value, self.y_slider.value, self.x_slider.value)
        shows_truth = self.label_switch.value
        known = before if before is not None and values == self._rendered_values else None

        def look() -> Rendering:
            return looked_at(trial, values, window, shows_truth, known)

        def show(rendering: Rendering) -> None:
            self.rendering, self._rendered_values = rendering, values
            if not self._own_scores and not self._changed():
                self._own_scores = rendering.scores
            set_trait(self.image, "value", rendering.picture)
            set_trait(self.summary, "value", numbers(trial, rendering, self._own_scores))
            set_trait(self.caption, "value", caption(trial, shows_truth))
            self._show_used(rendering.in_use)

        self.rendering_task.start(look, show)

    def _show_used(self, names: Sequence[str]) -> None:
        for name, field in self.fields.items():
            set_visible(field.box, name in names or field.finding is not None)

    def _keep_them(self) -> None:
        trial, changed, path = self.prediction, self._changed(), self._paths["model"]
        if trial is None or not changed:
            return

        def keep() -> tuple[str, Predictor, list[tuple[str, Pair]]]:
            file = self._api.set_thresholds(path, **changed)
            return file, *_loaded(self._api, path)

        def show(result: tuple[str, Predictor, list[tuple[str, Pair]]]) -> None:
            file, self._model, self._pairs = result
            if self.prediction is trial:
                self.prediction = trial.with_thresholds(**changed)
                self._own_scores = {}
                for name in self.fields:
                    self.fields[name] = self._threshold(name)
                set_children(self.threshold_box, [field.box for field in self.fields.values()])
                self._moved()
            self.saving_task.show_message(text(f"✓ Kept in {Path(file).name}.", "nbt-fine", "nbt-small"))

        self.saving_task.start("keeping", keep, show)


def field_of_threshold(row: Setting) -> Callable[..., Field]:
    """A slider for a number between two bounds, else the field that the form has."""
    low = row.minimum if row.minimum is not None else row.above
    high = row.maximum if row.maximum is not None else row.below
    return SliderField if row.kind in ("int", "float") and low is not None and high is not None else field_for


def _loaded(api: Api, path: str) -> tuple[Predictor, list[tuple[str, Pair]]]:
    """The model, and the images of the run that it belongs to."""
    model = api.load_model(path)
    folder = Path(path)
    return model, api.images_of_run(folder if folder.is_dir() else folder.parent.parent)


def _checked(path: str, task: Callable[[], Any]) -> Callable[[], Any]:
    def work() -> Any:
        if not path:
            raise UserError("", "no model is chosen", "Give a checkpoint, or the folder of a run")
        return task()

    return work
