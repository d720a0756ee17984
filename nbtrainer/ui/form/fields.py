"""A widget for each kind of setting: it shows what the config says, and answers a wrong value beside it."""

from __future__ import annotations

import html
import os
import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import ipywidgets as w

from nbtrainer.config.describe import Setting
from nbtrainer.config.section import percentage
from nbtrainer.errors import Finding, UserError
from nbtrainer.ui import style
from nbtrainer.ui.disposal import set_children

Made = TypeVar("Made", bound=w.Widget)
# how finely a slider moves a number that is no whole one
SLIDER_STEP = 0.01
# what is said of a choice that was made for another kind of segmentation
NOT_SUITED = "not for this kind of segmentation"
Guard = Callable[[Callable[..., None]], Callable[..., None]]


def create(kind: type[Made], *, tooltip: str = "", classes: Iterable[str] = (), **traits: Any) -> Made:
    """A widget of `kind`; a trait that this version of the library does not have raises instead of being lost.

    `tooltip` goes to wherever this version keeps it: ipywidgets 7 calls it `description_tooltip`.
    """
    known = set(kind.class_trait_names())
    if tooltip:
        traits["tooltip" if "tooltip" in known else "description_tooltip"] = tooltip
    unknown = sorted(set(traits) - known)
    if unknown:
        raise TypeError(f"{kind.__name__} has no trait {', '.join(unknown)}")
    made = kind(**traits)
    for name in classes:
        made.add_class(name)
    return made


def set_trait(widget: w.Widget, name: str, value: Any) -> None:
    """Set a trait of `widget` only if it changes, so that nothing is sent for nothing."""
    if getattr(widget, name) != value:
        setattr(widget, name, value)


def set_visible(widget: w.Widget, is_shown: bool) -> None:
    """Show or hide `widget`."""
    set_trait(widget.layout, "display", None if is_shown else "none")


def text(words: str, *classes: str) -> str:
    """`words`, escaped, as an element with `classes`."""
    return f'<span class="{" ".join(classes)}">{html.escape(words)}</span>'


def sentences(finding: Finding) -> str:
    """What is wrong and what to do, as sentences; where it is, the place of the words says."""
    return " ".join(_ended(part) for part in (finding.wrong, finding.remedy) if part)


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
        self._reset = create(
            w.Button, icon="undo", classes=("nbt-quiet", "nbt-icon"), layout=w.Layout(visibility="hidden")
        )
        self._reset.on_click(guard(lambda _: self._set_back()))
        # ipywidgets 8 shows no tooltip on a field that has a label; a button is also reached by keyboard and finger
        self._ask = create(
            w.Button, icon="question-circle-o", tooltip=tooltip(setting, default()), classes=("nbt-quiet", "nbt-icon")
        )
        self._ask.on_click(guard(lambda _: self._toggle_help()))
        self._help = create(w.HTML, classes=("nbt-under",), layout=w.Layout(display="none"))
        self._complaint = create(w.HTML, classes=("nbt-under",), layout=w.Layout(display="none"))
        self._offers = create(
            w.HBox, classes=("nbt-under", "nbt-wrong"), layout=w.Layout(display="none", flex_flow="row wrap")
        )
        self._helps = self._is_asked = self._is_complete = False
        self._task_kind = ""
        beside = () if setting.kind == "entries" else ("nbt-under",)  # a list has no label to its left
        guide = [create(w.HTML, value=guidance(setting), classes=beside)] if setting.guidance else []
        parts = [*guide, *self._lines(), self._help, self._complaint, self._offers]
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

    def show_view(self, is_complete: bool, is_helping: bool) -> None:
        """Show or hide the field if it is for the complete view only, and write its help under it or not."""
        self._helps, self._is_complete = is_helping, is_complete
        self._redisplay_help()
        self._redisplay_box()

    def filter_for_task(self, kind: str) -> None:
        """Follow the kind of segmentation: a setting without an effect on it is not shown, and keeps its value."""
        if kind != self._task_kind:
            self._task_kind = kind
            self._redisplay_box()
            if self.finding is None:
                self._redisplay()

    @property
    def is_shown(self) -> bool:
        """Whether the field is in sight, if its panel is."""
        return self.box.layout.display is None

    def _redisplay_box(self) -> None:
        is_wanted = self._suits_kind and (self._is_complete or not self.setting.advanced)
        # what is wrong must be seen, in whatever view
        set_visible(self.box, is_wanted or self.finding is not None)

    @property
    def _suits_kind(self) -> bool:
        return not self._task_kind or self.setting.suits(self._task_kind)

    def _choice_suits(self, name: Any) -> bool:
        return not self._task_kind or self.setting.choice_suits(name, self._task_kind)

    def _redisplay(self) -> None:
        value = self.value
        changed = value != self._default()
        self._showing = True
        try:
            self._display(value)
        finally:
            self._showing = False
        set_trait(self._reset.layout, "visibility", "visible" if changed else "hidden")
        set_trait(
            self._reset, "tooltip", f"{self.setting.title}: back to {describe_value(self.setting, self._default())}"
        )
        (self.box.add_class if changed else self.box.remove_class)("nbt-changed")
        self._redisplay_help()

    def _redisplay_help(self) -> None:
        choice = self.setting.choice_help.get(self.value, "") if isinstance(self.value, str) else ""
        if choice and not self._choice_suits(self.value):
            choice = f"▲ {NOT_SUITED[:1].upper()}{NOT_SUITED[1:]}. {choice}"
        is_explained = self._helps or self._is_asked
        words = " ".join(filter(None, [tooltip(self.setting, self._default()) if is_explained else "", choice]))
        links = sources(self.setting, self.value if isinstance(self.value, str) else "")
        if is_explained:
            links += references(self.setting, self._choice_suits)
        set_trait(self._help, "value", text(words, "nbt-muted", "nbt-small") + links)
        set_visible(self._help, bool(words or links))

    def _toggle_help(self) -> None:
        self._is_asked = not self._is_asked
        self._redisplay_help()

    def _set_back(self) -> None:
        self.enter(self._default())

    def _changed(self, read: Callable[[], Any]) -> Callable[[Any], None]:
        """A callback for a widget that enters what `read` returns, unless the change came from here."""

        def changed(_: Any) -> None:
            if not self._showing:
                self.enter(read())

        return self._guard(changed)

    def _complain(self, finding: Finding | None, value: Any = None) -> None:
        self.finding = finding
        self._has_untaken = False
        if not self._suits_kind:  # only what was wrong kept it in sight
            self._redisplay_box()
        is_error = finding is not None and finding.level == "error"
        (self.box.add_class if is_error else self.box.remove_class)("nbt-refused")
        sentence = ""
        if finding is not None:
            mark, tone = ("✕", "nbt-wrong") if is_error else ("▲", "nbt-look")
            words = sentences(finding)
            sentence = f'<span role="alert" class="{tone} nbt-small">{mark} {html.escape(words)}</span>'
        set_trait(self._complaint, "value", sentence)
        set_visible(self._complaint, bool(sentence))
        offers = (
            [] if finding is None else [self._offer(right) for right in suggested_values(self.setting, value, finding)]
        )
        set_children(self._offers, [create(w.HTML, value=text("Take", "nbt-small")), *offers] if offers else [])
        set_visible(self._offers, bool(offers))

    def _offer(self, right: Any) -> w.Button:
        button = create(w.Button, description=describe_value(self.setting, right), classes=("nbt-link",))
        button.on_click(self._guard(lambda _: self.enter(right)))
        return button

    def _row(self, *widgets: w.Widget) -> w.HBox:
        unit = [create(w.HTML, value=text(self.setting.unit), classes=("nbt-unit",))] if self.setting.unit else []
        return create(w.HBox, children=[*widgets, *unit, self._ask, self._reset], layout=w.Layout(align_items="center"))

    def _label(self) -> dict[str, Any]:
        return {
            "description": self.setting.title,
            "style": {"description_width": style.LABEL_WIDTH},
            "tooltip": tooltip(self.setting, self._default()),
        }


class TextField(Field):
    """A number, text, path or list of numbers, typed: numbers too, so that a wrong one is answered and not swallowed."""

    def _lines(self) -> list[w.Widget]:
        self._text = create(
            w.Text,
            continuous_update=False,
            placeholder=when_empty(self.setting),
            classes=("nbt-unset",),
            **self._label(),
        )
        self._text.observe(self._changed(lambda: parse_value(self.setting, self._text.value)), "value")
        return [self._row(self._text)]

    def _display(self, value: Any) -> None:
        set_trait(self._text, "value", format_value(self.setting, value))


class SliderField(Field):
    """A number between two bounds, moved; a new value counts while it is still moved."""

    def _lines(self) -> list[w.Widget]:
        row = self.setting
        step = 1 if row.integer else SLIDER_STEP
        # what must be above a bound cannot be the bound
        low = row.minimum if row.minimum is not None else (row.above or 0) + step
        high = row.maximum if row.maximum is not None else (row.below or 0) - step
        kind = w.IntSlider if row.integer else w.FloatSlider
        shape = {"readout_format": "d" if row.integer else ".2f"}
        self._slider = create(kind, min=low, max=high, step=step, **shape, **self._label())
        self._slider.observe(self._changed(lambda: self._slider.value), "value")
        return [self._row(self._slider)]

    def _display(self, value: Any) -> None:
        set_trait(self._slider, "value", value)


class PathField(TextField):
    """A path: typed, or chosen behind the small button."""

    def _lines(self) -> list[w.Widget]:
        lines = super()._lines()
        self._chooser: Any = None
        button = create(w.Button, icon="folder-open-o", tooltip=f"{self.setting.title}: choose", classes=("nbt-icon",))
        button.on_click(self._guard(lambda _: self._toggle_chooser()))
        lines[0].children = [lines[0].children[0], button, *lines[0].children[1:]]
        self._place = create(w.VBox, layout=w.Layout(display="none"))
        return [*lines, self._place]

    def _toggle_chooser(self) -> None:
        if self._chooser is None:
            self._chooser = self._choose()
            self._place.children = [self._chooser]
            set_visible(self._place, True)
        else:
            set_visible(self._place, self._place.layout.display == "none")

    def _choose(self) -> Any:
        from ipyfilechooser import FileChooser  # reads the folder when made: only once somebody asks

        start = os.path.expanduser(self.value or "")
        while start and not os.path.isdir(start):
            start = os.path.dirname(start)
        chooser = FileChooser(
            start or os.getcwd(),
            show_only_dirs=self.setting.path_kind == "folder",
            select_default=False,
            layout=w.Layout(
                width="500px"
            ),  # its own default is one object for all choosers, and would end with the first
        )

        def chosen(_: Any = None) -> None:
            picked = chooser.selected if self.setting.path_kind == "file" else chooser.selected_path
            set_visible(self._place, False)
            if picked:
                self.enter(picked)

        chooser.register_callback(self._guard(chosen))
        chooser._show_dialog()  # the field's own button was pressed to open it: one press is enough
        return chooser


class SwitchField(Field):
    """On or off."""

    def _lines(self) -> list[w.Widget]:
        self._box = create(w.Checkbox, indent=True, **self._label())
        self._box.observe(self._changed(lambda: self._box.value), "value")
        return [self._row(self._box)]

    def _display(self, value: Any) -> None:
        set_trait(self._box, "value", bool(value))


class ChoiceField(Field):
    """One of a menu."""

    def _lines(self) -> list[w.Widget]:
        self._menu = create(w.Dropdown, options=self._options(self.value), value=self.value, **self._label())
        self._menu.observe(self._changed(lambda: self._menu.value), "value")
        return [self._row(self._menu)]

    def _display(self, value: Any) -> None:
        options = self._options(value)
        if list(self._menu.options) != options:
            self._menu.options = options
        set_trait(self._menu, "value", value)

    def _options(self, chosen: Any) -> list[tuple[str, Any]]:
        """What suits the kind of segmentation, and what is chosen, whether it does or not."""
        return [
            (title if self._choice_suits(value) else f"{title} ({NOT_SUITED})", value)
            for value, title in self.setting.choices.items()
            if value == chosen or self._choice_suits(value)
        ]


CHOOSE = "choose …"


class ChoicesField(Field):
    """Several of a menu: + adds one, - removes one; none of them means what an empty field means.

    `meaning` says what `auto` amounts to, so that adding one to it keeps the others.
    """

    meaning: Callable[[], Iterable[str]] = staticmethod(lambda: ())

    def _lines(self) -> list[w.Widget]:
        self._menu = create(w.Dropdown, **self._label())
        self._add = create(
            w.Button, icon="plus", tooltip=f"{self.setting.title}: add the one chosen here", classes=("nbt-icon",)
        )
        self._add.on_click(self._guard(lambda _: self._add_chosen()))
        self._menu.observe(self._guard(lambda _: self._can_add()), "value")
        self._list = create(w.VBox, classes=("nbt-under",))
        return [self._row(self._menu, self._add), self._list]

    def _add_chosen(self) -> None:
        name = self._menu.value
        if name:
            self.enter(list(dict.fromkeys([*(self._chosen() or self._meant()), name])))
            set_trait(self._menu, "value", "")

    def _can_add(self) -> None:
        set_trait(self._add, "disabled", not self._menu.value)

    def _chosen(self) -> list[str]:
        return list(self.value) if isinstance(self.value, list) else []

    def _meant(self) -> list[str]:
        return list(self.meaning()) if self.value == "auto" else []

    def _display(self, value: Any) -> None:
        chosen, meant = self._chosen(), self._meant()
        left = [
            (title, name)
            for name, title in self.setting.choices.items()
            if name not in chosen and name not in meant and self._choice_suits(name)
        ]
        options = [(CHOOSE, ""), *left]
        if list(self._menu.options) != options:
            self._menu.options = options
            set_trait(self._menu, "value", "")
        set_trait(self._menu, "disabled", not left)
        self._can_add()
        titles = ", ".join(str(self.setting.choices.get(name, name)) for name in meant)
        words = f"auto: {titles or 'chosen to suit the task'}" if self.setting.empty == "auto" else "none"
        nothing = [] if chosen else [create(w.HTML, value=text(words, "nbt-muted", "nbt-small"))]
        set_children(self._list, [self._line(name) for name in chosen] or nothing)

    def _line(self, name: str) -> w.HBox:
        title = self.setting.choices.get(name, name)
        remove = create(w.Button, icon="minus", tooltip=f"Remove {title}", classes=("nbt-icon", "nbt-quiet"))
        remove.on_click(self._guard(lambda _: self._remove(name)))
        remark = "" if self._choice_suits(name) else text(f" ▲ {NOT_SUITED}", "nbt-look", "nbt-small")
        words = create(w.HTML, value=text(title) + remark + sources(self.setting, name))
        return create(w.HBox, children=[remove, words], layout=w.Layout(align_items="center"))

    def _remove(self, name: str) -> None:
        left = [other for other in self._chosen() if other != name]
        self.enter(left or ("auto" if self.setting.empty == "auto" else []))


def field_for(
    setting: Setting, read: Callable[[], Any], write: Callable[[Any], None], default: Callable[[], Any], guard: Guard
) -> Field:
    """The field that suits the kind of `setting`; lists of entries are in `nbtrainer.ui.form.list_field`."""
    kinds: dict[str, type[Field]] = {
        "bool": SwitchField,
        "int": TextField,
        "float": TextField,
        "text": TextField,
        "numbers": TextField,
        "texts": TextField,
        "path": PathField,
        "choice": ChoiceField,
        "choices": ChoicesField,
    }
    return kinds[setting.kind](setting, read, write, default, guard)


def parse_value(setting: Setting, words: str) -> Any:
    """What was typed, as a value for the config; what cannot be read is passed on as it is, to be refused in a sentence."""
    words = words.strip()
    if setting.kind in ("text", "path"):
        return words
    if setting.kind == "numbers":
        return [_number(part) for part in re.split(r"[\s,;×x]+", words.strip("[]() ")) if part]
    if setting.kind == "texts":
        return [part.strip() for part in words.split(",") if part.strip()]
    if not words or words.lower() == setting.empty:
        return {"auto": "auto", "none": None, "": ""}[setting.empty]
    return _number(percentage(words, setting.unit) if setting.kind == "float" else words)


def format_value(setting: Setting, value: Any) -> str:
    """A value as it stands in its field; `typed` reads it back."""
    if value is None or (value == "auto" and setting.empty == "auto"):
        return ""
    if isinstance(value, list):
        return ", ".join(format_value(setting, item) for item in value)
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def when_empty(setting: Setting) -> str:
    """What an empty field stands for: as its help says it, else `auto`, `not set` or nothing."""
    match = re.search(r"\bEmpty: (.+?)\.*$", setting.help)
    return match[1] if match else {"auto": "auto", "none": "not set", "": ""}[setting.empty]


def describe_value(setting: Setting, value: Any) -> str:
    """A value for people: the title of a choice, on or off, `auto`."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, str | int) and value in setting.choices:
        return setting.choices[value]
    if setting.kind == "choices" and isinstance(value, list):
        return ", ".join(str(setting.choices.get(name, name)) for name in value) or "none"
    if setting.kind == "entries":
        return f"{len(value)} in the list"
    return format_value(setting, value) or {"auto": "auto", "none": "not set", "": "empty"}[setting.empty]


def tooltip(setting: Setting, default: Any) -> str:
    """Help, range, unit and `default` (of the preset in use) of a setting in one text."""
    if setting.kind == "entries":
        return setting.help
    limits = f"Allowed: {setting.range_in_words} {setting.unit}".rstrip() + "." if setting.range_in_words else ""
    return " ".join(filter(None, [setting.help, limits, f"Default: {describe_value(setting, default)}."]))


def guidance(setting: Setting) -> str:
    """What to think of before deciding, as HTML: the headings in one line, and what belongs to them once it is pressed."""
    parts = [paragraph.partition(": ") for paragraph in setting.guidance]
    headings = [heading for heading, _, _ in parts]
    words = "".join(
        f"<p><b>{html.escape(heading)}.</b> {html.escape(_ended(sentences))}</p>" for heading, _, sentences in parts
    )
    several = f"Before you choose: {', '.join(heading.lower() for heading in headings)}"
    summary = html.escape(several if len(headings) > 1 else headings[0])
    return f'<details class="nbt-small nbt-guide"><summary>{summary}</summary>{words}</details>'


def references(setting: Setting, suits: Callable[[str], bool]) -> str:
    """Links for all choices that suit, each with its title, as HTML."""
    named = [
        f"{html.escape(str(title))}:{sources(setting, name)}"
        for name, title in setting.choices.items()
        if isinstance(name, str) and suits(name) and sources(setting, name)
    ]
    return f'<div class="nbt-small nbt-muted">{" · ".join(named)}</div>' if named else ""


def sources(setting: Setting, choice: str) -> str:
    """Links to where `choice` comes from, as HTML; empty if nothing is known to link to."""
    with_source = []
    for source in filter(None, setting.choice_source.get(choice, "").split(";")):
        words, start, rest = source.strip().partition("https://")
        name = words.strip(" ,") or rest.partition("/")[0]
        if start:
            address = html.escape(start + rest, quote=True)
            with_source.append(f'<a href="{address}" target="_blank" rel="noopener">{html.escape(name)}</a>')
    return f' <span class="nbt-small nbt-source">{", ".join(with_source)}</span>' if with_source else ""


def suggested_values(setting: Setting, value: Any, finding: Finding) -> list[Any]:
    """What `finding` suggests instead of `value`, as values of `setting`, within its bounds."""
    index = re.fullmatch(re.escape(setting.path) + r"\[(\d+)\]", finding.where)
    if index is None and finding.where != setting.path:
        return []
    values = []
    for suggestion in finding.suggestions:
        if index is not None:
            position = int(index[1])
            values.append([*value[:position], suggestion, *value[position + 1 :]])
        elif isinstance(suggestion, tuple):
            values.append(list(suggestion))
        else:
            values.append(_bounded(setting, suggestion))
    return values


def _bounded(setting: Setting, value: Any) -> Any:
    """A number no smaller and no larger than the bounds of `setting`; anything else as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    low, high = setting.minimum, setting.maximum
    bounded = low if low is not None and value < low else high if high is not None and value > high else value
    return int(bounded) if setting.integer else bounded


def _number(words: Any) -> Any:
    if not isinstance(words, str):
        return words
    for kind in (int, float):
        try:
            return kind(words)
        except ValueError:
            continue
    return words


def _ended(sentence: str) -> str:
    sentence = sentence[:1].upper() + sentence[1:]
    return sentence if sentence.endswith((".", "?", "!")) else f"{sentence}."
