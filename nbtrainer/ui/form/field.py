"""What every field of the form does: shows a value, enters another, explains itself, answers a wrong one."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import ipywidgets as w

from nbtrainer.config import Config
from nbtrainer.config.describe import Setting
from nbtrainer.errors import Finding, UserError
from nbtrainer.ui import style
from nbtrainer.ui.disposal import set_children
from nbtrainer.ui.form.field_help import guidance, references, sources, tooltip
from nbtrainer.ui.form.field_values import describe_value, suggested_values
from nbtrainer.ui.widgets import Guard, as_sentence, create, sentences, set_trait, set_visible, text


class Field:
    """One setting: its widget, unit, way back to the default, help, and what is wrong with it.

    Parameters
    ----------
    setting
        The row that describes it.
    read, write
        Get its value, set it; `write` raises `UserError` for a wrong one.
    default
        Its value unless changed: that of the preset.
    guard
        Wraps callbacks, so that their errors are shown.
    """

    def __init__(
        self,
        setting: Setting,
        read: Callable[[], Any],
        write: Callable[[Any], None],
        default: Callable[[], Any],
        guard: Guard,
    ) -> None:
        self.setting = setting
        self.finding: Finding | None = None
        self._has_untaken = False
        self.on_settled: Callable[[], None] = lambda: None
        self._read, self._write, self._default, self._guard = read, write, default, guard
        self._showing = False
        self.reset_button = create(
            w.Button, icon="undo", classes=("nbt-quiet", "nbt-icon"), layout=w.Layout(visibility="hidden")
        )
        self.reset_button.on_click(guard(lambda _: self.restore_default()))
        # ipywidgets 8 shows no tooltip on a field that has a label; a button is also reached by keyboard and finger
        self.help_button = create(
            w.Button, icon="question-circle-o", tooltip=tooltip(setting, default()), classes=("nbt-quiet", "nbt-icon")
        )
        self.help_button.on_click(guard(lambda _: self._toggle_help()))
        self.help_text = create(w.HTML, classes=("nbt-under",), layout=w.Layout(display="none"))
        self.message = create(w.HTML, classes=("nbt-under",), layout=w.Layout(display="none"))
        self.suggestion_buttons = create(
            w.HBox, classes=("nbt-under", "nbt-wrong"), layout=w.Layout(display="none", flex_flow="row wrap")
        )
        self._helps = self._is_asked = self._is_complete = False
        self._task_kind, self._dim = "", 0
        self._has_effect = True
        beside = () if setting.kind == "entries" else ("nbt-under",)  # a list has no label to its left
        guide = [create(w.HTML, value=guidance(setting), classes=beside)] if setting.guidance else []
        parts = [*guide, *self._lines(), self.help_text, self.message, self.suggestion_buttons]
        self.box = create(w.VBox, children=parts, classes=("nbt-field",))
        self.show()

    @property
    def is_refused(self) -> bool:
        """Whether a wrong value stands in the field that the config did not take."""
        return self._has_untaken

    # what each kind of field does its own way

    def _lines(self) -> list[w.Widget]:
        raise NotImplementedError

    def _display(self, value: Any) -> None:
        raise NotImplementedError

    # what they share

    @property
    def value(self) -> Any:
        """What the config says."""
        return self._read()

    def show(self) -> None:
        """Show what the config says, and forget what was wrong."""
        self._complain(None)
        self._redisplay()

    def enter(self, value: Any) -> None:
        """Give the config `value`; a wrong one is answered beside the field, and the config keeps its last right one."""
        try:
            self._write(value)
        except UserError as error:
            self._complain(error.findings[0], value)
            self._has_untaken = True
        else:
            self.show()
        self.on_settled()

    def show_findings(self, finding: Finding) -> bool:
        """Say `finding` beside the field; whether it belongs here."""
        if not re.match(re.escape(self.setting.path) + r"($|[\[.])", finding.where):
            return False
        self._complain(finding, self.value)
        return True

    def close(self) -> None:
        """The field is taken off the form: what is still on its way for it is not wanted."""

    def show_view(self, *, is_complete: bool, is_helping: bool) -> None:
        """Show or hide the field if it is for the complete view only, and write its help under it or not."""
        self._helps, self._is_complete = is_helping, is_complete
        self._redisplay_help()
        self._redisplay_box()

    def follow(self, config: Config) -> None:
        """Follow `config`: a setting without an effect beside the others is not shown, and keeps its value."""
        kind, dim, has_effect = config.task.kind, config.task.dim, self.setting.has_effect(config)
        if (kind, dim, has_effect) == (self._task_kind, self._dim, self._has_effect):
            return
        is_other_kind = kind != self._task_kind or (dim != self._dim and bool(self.setting.choice_dims))
        self._task_kind, self._dim, self._has_effect = kind, dim, has_effect
        self._redisplay_box()
        if self.finding is None and is_other_kind:
            self._redisplay()

    @property
    def is_shown(self) -> bool:
        """Whether the field is in sight, if its panel is."""
        return self.box.layout.display is None

    @property
    def _is_in_use(self) -> bool:
        """Whether it is shown in the simple view although it is advanced."""
        return False

    def _redisplay_box(self) -> None:
        is_wanted = self._has_effect and (self._is_complete or not self.setting.advanced or self._is_in_use)
        # what is wrong must be seen, in whatever view
        set_visible(self.box, is_wanted or self.finding is not None)

    @property
    def suits_kind(self) -> bool:
        """Whether the setting is one of the kind of segmentation that is chosen."""
        return not self._task_kind or self.setting.suits(self._task_kind)

    def _choice_suits(self, name: Any) -> bool:
        return not self._choice_obstacle(name)

    def _choice_obstacle(self, name: Any) -> str:
        """Why a choice cannot be used for the task that is chosen; empty if it can."""
        return self.setting.choice_obstacle(name, self._task_kind, dim=self._dim) if self._task_kind else ""

    def _redisplay(self) -> None:
        value = self.value
        changed = value != self._default()
        self._showing = True
        try:
            self._display(value)
        finally:
            self._showing = False
        set_trait(self.reset_button.layout, "visibility", "visible" if changed else "hidden")
        set_trait(
            self.reset_button,
            "tooltip",
            f"{self.setting.title}: back to {describe_value(self.setting, self._default())}",
        )
        (self.box.add_class if changed else self.box.remove_class)("nbt-changed")
        self._redisplay_help()

    def _redisplay_help(self) -> None:
        choice = self.setting.choice_help.get(self.value, "") if isinstance(self.value, str) else ""
        if choice and (obstacle := self._choice_obstacle(self.value)):
            choice = f"▲ {as_sentence(obstacle)} {choice}"
        is_explained = self._helps or self._is_asked
        words = " ".join(filter(None, [tooltip(self.setting, self._default()) if is_explained else "", choice]))
        links = sources(self.setting, self.value if isinstance(self.value, str) else "")
        if is_explained:
            links += references(self.setting, self._choice_suits)
        set_trait(self.help_text, "value", text(words, "nbt-muted", "nbt-small") + links)
        set_visible(self.help_text, bool(words or links))

    def _toggle_help(self) -> None:
        self._is_asked = not self._is_asked
        self._redisplay_help()

    def restore_default(self) -> None:
        self.enter(self._default())

    def _callback(self, read: Callable[[], Any]) -> Callable[[Any], None]:
        """A callback for a widget that enters what `read` returns, unless the change came from here."""

        def changed(_: Any) -> None:
            if not self._showing:
                self.enter(read())

        return self._guard(changed)

    def _complain(self, finding: Finding | None, value: Any = None) -> None:
        self.finding = finding
        self._has_untaken = False
        if not self._has_effect:  # only what was wrong kept it in sight
            self._redisplay_box()
        is_error = finding is not None and finding.level == "error"
        (self.box.add_class if is_error else self.box.remove_class)("nbt-refused")
        sentence = ""
        if finding is not None:
            mark, tone = ("✕", "nbt-wrong") if is_error else ("▲", "nbt-look")
            words = sentences(finding)
            sentence = f'<span role="alert" class="{tone} nbt-small">{mark} {html.escape(words)}</span>'
        set_trait(self.message, "value", sentence)
        set_visible(self.message, bool(sentence))
        offers = (
            [] if finding is None else [self._offer(right) for right in suggested_values(self.setting, value, finding)]
        )
        set_children(
            self.suggestion_buttons, [create(w.HTML, value=text("Take", "nbt-small")), *offers] if offers else []
        )
        set_visible(self.suggestion_buttons, bool(offers))

    def _offer(self, right: Any) -> w.Button:
        button = create(w.Button, description=describe_value(self.setting, right), classes=("nbt-link",))
        button.on_click(self._guard(lambda _: self.enter(right)))
        return button

    def _row(self, *widgets: w.Widget) -> w.HBox:
        unit = [create(w.HTML, value=text(self.setting.unit), classes=("nbt-unit",))] if self.setting.unit else []
        return create(
            w.HBox,
            children=[*widgets, *unit, self.help_button, self.reset_button],
            layout=w.Layout(align_items="center"),
        )

    def _label(self) -> dict[str, Any]:
        return {
            "description": self.setting.title,
            "style": {"description_width": style.LABEL_WIDTH},
            "tooltip": tooltip(self.setting, self._default()),
        }
