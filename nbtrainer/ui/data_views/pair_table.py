"""The pair table: every image with its label as the settings would use them, twenty rows a page, pictures on demand."""

from __future__ import annotations

import html
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ipywidgets as w

from nbtrainer.config import Config
from nbtrainer.data.overlay import as_data_url
from nbtrainer.ui.background import Api, LatestOnly, Pairs, RunInBackground, png
from nbtrainer.ui.widgets import Guard, create, set_trait, set_visible, text
from nbtrainer.wording import count_noun

PAGE = 20
# pictures asked for at once: the first ones are seen while the next are read
_AT_ONCE = 5
PICTURE = 96
# a label with more values than this numbers objects; one with fewer may name classes
MOST_CLASSES = 10


class PairTable:
    """A button, and the table once it was pressed. It is read once; when a setting changes it only says that it is old."""

    def __init__(self, config: Callable[[], Config], api: Api, work: RunInBackground, guard: Guard) -> None:
        self._config, self._api, self._guard = config, api, guard
        self._rows: list[tuple[int, dict[str, Any]]] = []
        self.snapshot: Config | None = None
        self._page = 0
        self._is_open = False
        self.thumbnails: dict[int, bytes] = {}
        self.reading, self._lens = LatestOnly(work), LatestOnly(work)
        self.open_button = self._button("", icon="table", press=self.toggle)
        self.reload_button = self._button("Read again", icon="refresh", press=self.read)
        self.stale_note = create(
            w.HTML,
            value=text("▲ Settings have changed since this was read.", "nbt-look", "nbt-small"),
            layout=w.Layout(display="none"),
        )
        self.search_field = create(
            w.Text, placeholder="search by name, split or problem", layout=w.Layout(flex="1 1 120px", width="auto")
        )
        self.search_field.observe(guard(lambda _: self._turn_to(0)), "value")
        self.thumbnail_switch = create(
            w.ToggleButton, description="Pictures", icon="picture-o", tooltip="A small picture of each, with its label"
        )
        self.thumbnail_switch.observe(guard(lambda _: self._draw()), "value")
        self._wide = create(
            w.ToggleButton, icon="arrows-h", tooltip="Give the table the whole width", classes=("nbt-icon",)
        )
        self._wide.observe(guard(lambda _: self._widen()), "value")
        self.summary_line, self.position_line = create(w.HTML), create(w.HTML)
        self.table = create(w.HTML, classes=("nbt-table",))
        self.previous_button = self._button(
            "", icon="chevron-left", press=lambda: self._turn_to(self._page - 1), tooltip="Previous page"
        )
        self.next_button = self._button(
            "", icon="chevron-right", press=lambda: self._turn_to(self._page + 1), tooltip="Next page"
        )
        self.box = self._lay_out()
        self._close()

    def read(self) -> None:
        """Read the table anew."""
        config = self._config().validated()

        def show(rows: Pairs) -> None:
            self.snapshot, self._rows, self.thumbnails = config, in_order(rows), {}
            set_visible(self.stale_note, False)
            set_visible(self.reload_button, False)
            set_visible(self._body, True)
            set_trait(self.summary_line, "value", text(summarize(rows), "nbt-small"))
            self._turn_to(0)

        self.reading.start("reading the images", lambda: self._api.pairs(config), show)

    def mark_stale(self) -> None:
        """Settings have changed: say so, and let the user decide when to read again."""
        if self.snapshot is not None:
            set_visible(self.stale_note, True)
            set_visible(self.reload_button, True)

    def forget(self) -> None:
        """Other data: what was read says nothing about it."""
        self.reading.forget()
        self._lens.forget()
        self._close()
        self.snapshot, self._rows, self.thumbnails = None, [], {}

    def toggle(self) -> None:
        if self._is_open:
            self._close()
            return
        self._is_open = True
        set_trait(self.open_button, "description", "Hide the table")
        set_visible(self.content, True)
        self._widen()
        if self.snapshot is None:
            self.read()

    def _close(self) -> None:
        self._is_open = False
        set_trait(self.open_button, "description", "List images and labels")
        set_trait(
            self.open_button,
            "tooltip",
            "Every image with its label, size, type, objects and split, before anything is trained",
        )
        set_visible(self.content, False)
        self._widen()

    def _widen(self) -> None:
        is_wide = self._is_open and self._wide.value
        (self.box.add_class if is_wide else self.box.remove_class)("nbt-opened")

    def _turn_to(self, page: int) -> None:
        self._page = max(0, min(page, (len(self._matching_rows()) - 1) // PAGE))
        self._draw()

    def _matching_rows(self) -> list[tuple[int, dict[str, Any]]]:
        sought = self.search_field.value.strip().lower()
        return [(index, row) for index, row in self._rows if sought in _search_text(row)]

    def _draw(self) -> None:
        table_rows = self._matching_rows()
        rows = table_rows[self._page * PAGE : (self._page + 1) * PAGE]
        pictures = self.thumbnails if self.thumbnail_switch.value else None
        set_trait(self.table, "value", table(rows, pictures))
        first = self._page * PAGE + 1
        words = f"{first:,} to {first + len(rows) - 1:,} of {len(table_rows):,}" if rows else "nothing is found"
        set_trait(self.position_line, "value", text(words, "nbt-muted", "nbt-small"))
        set_trait(self.previous_button, "disabled", self._page == 0)
        set_trait(self.next_button, "disabled", first + PAGE > len(table_rows))
        set_visible(self._turner, len(table_rows) > PAGE or not rows)
        if pictures is not None:
            self._look([index for index, _ in rows if index not in pictures][:_AT_ONCE])
        else:
            self._lens.forget()

    def _look(self, indices: list[int]) -> None:
        """Read the next few pictures of this page; those that come show the page again, which asks for the next."""
        config = self.snapshot
        if not indices or config is None:
            self._lens.forget()
            return

        def look() -> dict[int, bytes]:
            return {index: png(self._api.thumbnail(config, index, size=PICTURE)[0]) for index in indices}

        def show(pictures: dict[int, bytes]) -> None:
            self.thumbnails |= pictures
            self._draw()

        self._lens.start("opening pictures", look, show)

    def _button(self, name: str, *, icon: str, press: Callable[[], None], tooltip: str = "") -> w.Button:
        button = create(w.Button, description=name, icon=icon, tooltip=tooltip, classes=() if name else ("nbt-tool",))
        button.on_click(self._guard(lambda _: press()))
        return button

    def _lay_out(self) -> w.VBox:
        tools = create(
            w.HBox,
            children=[self.search_field, self.thumbnail_switch, self._wide],
            classes=("nbt-bar-of-tools", "nbt-plain"),
        )
        self._turner = create(
            w.HBox, children=[self.previous_button, self.position_line, self.next_button], classes=("nbt-bar-of-tools",)
        )
        self._body = create(
            w.VBox,
            children=[self.summary_line, tools, self.table, self._lens.words, self._turner],
            layout=w.Layout(display="none"),
        )
        old = create(w.HBox, children=[self.stale_note, self.reload_button], classes=("nbt-bar-of-tools",))
        self.content = create(w.VBox, children=[self.reading.words, old, self._body])
        set_visible(self.reload_button, False)
        return create(w.VBox, children=[self.open_button, self.content], classes=("nbt-pairs",))


def in_order(rows: Pairs) -> list[tuple[int, dict[str, Any]]]:
    """Rows with their numbers, those to look at first."""
    return sorted(enumerate(rows), key=lambda pair: (not pair[1].get("problem"), not pair[1].get("by_order")))


def summarize(rows: Pairs) -> str:
    """All rows in one line."""
    if not rows:
        return "There are no images."
    words = [count_noun(len(rows), "image")]
    objects = [row["objects"] for row in rows if row.get("objects") is not None]
    about = "≈ " if any(row.get("estimated") for row in rows) else ""
    if max(objects, default=0) > MOST_CLASSES:
        words.append(f"{about}{count_noun(sum(objects), 'object')}")
    elif objects:
        values = sorted({value for row in rows for value in row.get("classes") or () if value})
        words.append(f"{about}label values {', '.join(map(str, values[:MOST_CLASSES]))}" if values else "no labels")
    for split, verb in (("train", "to train"), ("validation", "to validate"), ("test", "to test")):
        count = sum(row["split"] == split for row in rows)
        words += [f"{count:,} {verb}"] if count else []
    odd = sum(bool(row.get("problem")) for row in rows)
    by_order = sum(bool(row.get("by_order")) for row in rows)
    words += [f"✕ {odd:,} with a problem"] if odd else []
    words += [f"▲ {by_order:,} paired by order, their names differ"] if by_order else []
    return ", ".join(words)


def table(rows: list[tuple[int, dict[str, Any]]], pictures: dict[int, bytes] | None) -> str:
    """Rows as HTML; `pictures` by number, or None for none at all."""
    heads = ["", "Image", "Label", "Size", "Type", "Pixel size", "Content", "Used to"]
    classes = [
        "nbt-picture-cell" if pictures is not None else "nbt-mark",
        "",
        *["nbt-wide-only"] * 1,
        "",
        *["nbt-wide-only"] * 2,
        "",
        "",
    ]
    head = "".join(f'<th class="{name}">{title}</th>' for name, title in zip(classes, heads, strict=True))
    body = "".join(_row(index, row, pictures) for index, row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _row(index: int, row: dict[str, Any], pictures: dict[int, bytes] | None) -> str:
    problem, by_order = row.get("problem", ""), row.get("by_order", False)
    mark = text("✕", "nbt-wrong") if problem else text("▲", "nbt-look") if by_order else text("✓", "nbt-fine")
    if pictures is not None:
        picture = pictures.get(index)
        name = html.escape(name_of(row), quote=True)
        image = (
            f'<img alt="{name}" src="{as_data_url(picture)}">' if picture else '<span class="nbt-no-picture"></span>'
        )
        mark = f"{image}{mark}"
    label = Path(row["label"]).name
    size, kind, pixel = _size(row), row.get("dtype", ""), spacing(row.get("spacing"))
    also_label = "" if label == Path(row["image"]).name else f'<div class="nbt-narrow-only">{html.escape(label)}</div>'
    about = " · ".join(filter(None, [kind, pixel]))
    cells = [
        ("nbt-mark", mark),
        ("nbt-names", f"{html.escape(name_of(row))}{also_label}"),
        ("nbt-wide-only nbt-names", html.escape(label)),
        ("", f'{html.escape(size)}<div class="nbt-narrow-only">{html.escape(about)}</div>'),
        ("nbt-wide-only", html.escape(kind)),
        ("nbt-wide-only", html.escape(pixel or "not known")),
        ("", html.escape(content(row))),
        ("", {"train": "train", "validation": "validate", "test": "test"}.get(row["split"], row["split"])),
    ]
    title = html.escape(f"{row['image']}\n{row['label']}", quote=True)
    row_html = f'<tr title="{title}">' + "".join(f'<td class="{name}">{cell}</td>' for name, cell in cells) + "</tr>"
    words = problem or ("Paired by their order: the names differ. Do they belong together?" if by_order else "")
    if words:
        tone = "nbt-wrong" if problem else "nbt-look"
        row_html += f'<tr class="nbt-remark"><td></td><td colspan="7" class="{tone}">{html.escape(words)}</td></tr>'
    return row_html


def name_of(row: dict[str, Any]) -> str:
    """What a pair is called."""
    return str(row.get("name") or Path(row["image"]).name)


def content(row: dict[str, Any]) -> str:
    """What the label holds, in words: many values are objects; a few may be objects or classes, and are named."""
    about = "≈ " if row.get("estimated") else ""
    if not row["label"] and not row.get("problem"):
        return "no label"
    objects, values = row.get("objects"), [str(value) for value in row.get("classes") or () if value]
    if objects is None or row.get("problem"):
        return ""
    if not objects:
        return "empty"
    if objects > MOST_CLASSES:
        return f"{about}{count_noun(objects, 'object')}"
    return f"{about}{'value' if objects == 1 else f'{objects} values:'} {', '.join(values)}"


def spacing(lengths: tuple[float, ...] | None) -> str:
    """Pixel size in words; axes of equal length are named once."""
    if not lengths:
        return ""
    lengths = lengths if len(set(lengths)) > 1 else lengths[:1]
    return f"{' × '.join(f'{length:.5g}' for length in lengths)} µm"


def _size(row: dict[str, Any]) -> str:
    channels = row.get("channels", 1)
    return " × ".join(f"{length:,}" for length in row["shape"]) + (f", {channels} channels" if channels > 1 else "")


def _search_text(row: dict[str, Any]) -> str:
    marks = "paired by order" if row.get("by_order") else ""
    return f"{name_of(row)} {Path(row['label']).name} {row['split']} {row.get('problem', '')} {marks}".lower()
