"""Try and adjust: an image is predicted once; its thresholds may be moved, and the outlines follow."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from nbtrainer.errors import ModelError
from nbtrainer.ui.background import Api, LatestOnly, LatestWins, RunInBackground
from nbtrainer.ui.predict.image_choice import A_FILE, ImageChoice
from nbtrainer.ui.predict.prediction_stage import PredictionStage
from nbtrainer.ui.predict.rendering import Rendering, caption, progress, render, scores_html
from nbtrainer.ui.predict.threshold_fields import ThresholdFields
from nbtrainer.ui.widgets import Guard, create, set_trait, set_visible, text

if TYPE_CHECKING:
    from nbtrainer.data.pair import Pair
    from nbtrainer.inference import Predictor
    from nbtrainer.inference.preview import PredictionPreview

_HINT = f'<div class="nbt-line">{text("predict an image, and see what each threshold does", "nbt-muted")}</div>'


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
        self._model: Predictor | None = None
        self._pairs: list[tuple[str, Pair]] = []
        self.prediction: PredictionPreview | None = None
        self.rendering: Rendering | None = None
        self._rendered_values: dict[str, Any] = {}
        self._own_scores: dict[str, float] = {}
        self.thresholds = ThresholdFields(guard, self._follow_thresholds)
        self._done: tuple[int, int] | None = None
        self._stop_asked = threading.Event()
        self.is_open = self._is_filling = self._is_predicting = False
        self._build()

    def use(self, model: Path) -> None:
        """Offer the model of a run, unless another one was chosen by hand."""
        if self.choice.offer_model(str(model)):
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
        self.choice = ImageChoice(guard, on_model=self._forget, on_image=self.predict)
        self.predict_button = create(
            w.Button, description="Predict", icon="magic", tooltip="Load the model and predict the image, once"
        )
        self.predict_button.on_click(guard(lambda _: self.predict(anew=True)))
        self.stop_button = create(w.Button, description="Stop", icon="stop", tooltip="Leave this prediction")
        self.stop_button.on_click(guard(lambda _: self._stop_asked.set()))
        self.progress_bar = create(w.HTML, layout=w.Layout(display="none", flex="1 1 auto"))
        menu = create(
            w.HBox, children=[self.choice.image_menu, self.predict_button, self.stop_button], classes=("nbt-field",)
        )
        set_visible(self.stop_button, False)
        self._build_stage()
        self._body = create(
            w.VBox,
            children=[
                self.choice.files["model"].box,
                menu,
                self.choice.files["image"].box,
                self.choice.files["label"].box,
                self.progress_bar,
                self.prediction_task.words,
                self.notes,
                self.content,
            ],
            classes=("nbt-panel-body",),
            layout=w.Layout(display="none"),
        )
        self.box = create(w.VBox, children=[self._head, self._body], classes=("nbt-adjust",))

    def _build_stage(self) -> None:
        guard = self._guard
        self.stage = PredictionStage(guard, self._redraw)
        self.notes, self.summary = create(w.HTML), create(w.HTML)
        self.keep_button = create(
            w.Button,
            description="Keep in the model",
            icon="save",
            tooltip="Write these thresholds into the model: from now on it predicts with them",
        )
        self.keep_button.on_click(guard(lambda _: self._save_thresholds()))
        self.reset_button = create(
            w.Button, description="Reset", icon="undo", tooltip="Back to the thresholds that are in the model"
        )
        self.reset_button.on_click(guard(lambda _: self.thresholds.reset()))
        buttons = create(w.HBox, children=[self.keep_button, self.reset_button], classes=("nbt-bar-of-tools",))
        beside = create(
            w.VBox,
            children=[self.summary, self.rendering_task.words, self.thresholds.box, buttons, self.saving_task.words],
            classes=("nbt-beside",),
        )
        self.content = create(
            w.HBox, children=[self.stage.box, beside], classes=("nbt-stage",), layout=w.Layout(display="none")
        )

    # what is pressed

    def _toggle(self) -> None:
        self.is_open = not self.is_open
        set_visible(self._body, self.is_open)
        set_trait(self.open_button, "icon", "caret-down" if self.is_open else "caret-right")
        (self._head.add_class if self.is_open else self._head.remove_class)("nbt-open")
        if self.is_open and self.prediction is None and self.choice.paths["model"]:
            self.predict()

    def predict(self, anew: bool = False) -> None:
        """Predict the image that is chosen; the model is loaded first, where it was not or `anew`."""
        if self._is_predicting:
            return
        path, chosen = self.choice.paths["model"], self.choice.image_menu.value
        image, label = self.choice.paths["image"], self.choice.paths["label"]
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
                model, pairs = _load_model(self._api, path)
            # the images of the run are listed with the model: whoever chose none yet means the first
            index = chosen if chosen != A_FILE or image or not pairs else 0
            source = image if index == A_FILE or index >= len(pairs) else pairs[index][1]
            if not source:
                return model, pairs, None
            try:
                return (
                    model,
                    pairs,
                    self._api.try_out(model, source, (label or None) if index == A_FILE else None, report),
                )
            except _Stopped:
                return model, pairs, None

        def show(result: tuple[Predictor, list[tuple[str, Pair]], PredictionPreview | None]) -> None:
            self._model, self._pairs, preview = result
            self._is_predicting = False
            self.choice.list_images(self._pairs, choose=0 if chosen == A_FILE and not image else chosen)
            self._show_buttons()
            if preview is not None:
                self._show(preview)

        self._is_predicting = True
        self._show_buttons()
        self.prediction_task.start("", _require_model(path, work), show, self._end_prediction)
        self.flush()

    def _end_prediction(self) -> None:
        self._is_predicting = False
        self._show_buttons()

    def _forget(self) -> None:
        """Another model: what is shown is not about it."""
        self._stop_asked.set()
        self.prediction_task.forget()
        self.rendering_task.forget()
        self._model = self.prediction = self.rendering = None
        self.thresholds.forget()
        self._pairs = []
        self._is_predicting = False
        self.choice.list_images(self._pairs, choose=A_FILE)
        set_visible(self.content, False)
        set_trait(self.notes, "value", "")
        self._show_buttons()

    # what is shown

    def _show_buttons(self) -> None:
        set_trait(self.predict_button, "disabled", self._is_predicting)
        set_visible(self.stop_button, self._is_predicting)
        changed = self.thresholds.changes() != {}
        set_trait(self.keep_button, "disabled", not changed)
        set_trait(self.reset_button, "disabled", not changed)
        (self.keep_button.add_class if changed else self.keep_button.remove_class)("nbt-next")
        self.flush()

    def _show(self, preview: PredictionPreview) -> None:
        self.prediction, self.rendering, self._own_scores = preview, None, {}
        self.rendering_task.forget()
        notes = [text(f"▲ {note}", "nbt-look", "nbt-small") for note in preview.prediction.notes]
        set_trait(self.notes, "value", "".join(f"<div>{note}</div>" for note in notes))
        self.thresholds.show(preview)
        self.stage.fit(preview)
        set_visible(self.content, True)
        self._show_buttons()
        self._redraw()

    def _follow_thresholds(self) -> None:
        self.saving_task.forget()  # what it says of keeping is about other thresholds
        self._show_buttons()
        self._redraw()

    def _redraw(self) -> None:
        """Make labels with the thresholds as they stand, and draw them, beside the page."""
        preview, last, values = self.prediction, self.rendering, self.thresholds.values()
        if preview is None:
            return
        window, shows_truth = self.stage.window, self.stage.shows_truth
        previous = last if last is not None and values == self._rendered_values else None

        def draw() -> Rendering:
            return render(preview, values, window, shows_truth, previous)

        def show(rendering: Rendering) -> None:
            self.rendering, self._rendered_values = rendering, values
            if not self._own_scores and not self.thresholds.changes():
                self._own_scores = rendering.scores
            self.stage.show(rendering.picture, caption(preview, shows_truth))
            set_trait(self.summary, "value", scores_html(preview, rendering, self._own_scores))
            self.thresholds.show_in_use(rendering.in_use)

        self.rendering_task.start(draw, show)

    def _save_thresholds(self) -> None:
        preview, changes, path = self.prediction, self.thresholds.changes(), self.choice.paths["model"]
        if preview is None or not changes:
            return

        def save() -> tuple[str, Predictor, list[tuple[str, Pair]]]:
            file = self._api.set_thresholds(path, **changes)
            return file, *_load_model(self._api, path)

        def show(result: tuple[str, Predictor, list[tuple[str, Pair]]]) -> None:
            file, self._model, self._pairs = result
            if self.prediction is preview:
                self.prediction = preview.with_thresholds(**changes)
                self._own_scores = {}
                self.thresholds.show(self.prediction)
                self._follow_thresholds()
            self.saving_task.show_message(text(f"✓ Kept in {Path(file).name}.", "nbt-fine", "nbt-small"))

        self.saving_task.start("keeping", save, show)


def _load_model(api: Api, path: str) -> tuple[Predictor, list[tuple[str, Pair]]]:
    """The model, and the images of the run that it belongs to."""
    model = api.load_model(path)
    folder = Path(path)
    return model, api.images_of_run(folder if folder.is_dir() else folder.parent.parent)


def _require_model(path: str, task: Callable[[], Any]) -> Callable[[], Any]:
    def work() -> Any:
        if not path:
            raise ModelError("", "no model is chosen", "Give a checkpoint, or the folder of a run")
        return task()

    return work
