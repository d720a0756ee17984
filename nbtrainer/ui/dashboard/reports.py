"""The pages that a run wrote about single images, shown in the dashboard.

In the page itself, because a link to a file of the run works only where the run lies below the folder that Jupyter shows.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from pathlib import Path

import ipywidgets as w

from nbtrainer.disk import file_below, read_text
from nbtrainer.errors import UserError
from nbtrainer.ui.disposal import set_children
from nbtrainer.ui.widgets import Guard, create, set_trait, set_visible, text

# of a longer page the beginning is shown, which is about the worst images: the browser and the notebook have to keep it
MOST_CHARACTERS = 4_000_000


class Reports:
    """A button for each page; the page that was pressed is shown below, until it is pressed again."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._folder = Path()
        self._paths: dict[str, str] = {}
        self._shown = ""
        self._made: dict[str, w.Button] = {}
        self.buttons = create(w.HBox, classes=("nbt-bar-of-tools",))
        self.page = create(w.HTML, layout=w.Layout(display="none"), classes=("nbt-report",))
        self.box = create(
            w.VBox, children=[self.buttons, self.page], layout=w.Layout(display="none", margin="10px 0 0")
        )

    def show(self, folder: Path, paths: Mapping[str, str]) -> None:
        """Offer the pages at `paths` (by their titles) below `folder`."""
        if (folder, paths) == (self._folder, self._paths):
            return
        self._folder, self._paths = folder, dict(paths)
        self._made = {title: self._button(title) for title in self._paths}
        set_children(self.buttons, self._made.values())
        set_visible(self.box, bool(self._paths))
        self._open("")

    def send(self) -> None:
        """Send everything again: the page may have missed something."""
        self.buttons.send_state()

    def _button(self, title: str) -> w.Button:
        words = title[:1].upper() + title[1:]
        button = create(w.Button, description=words, icon="file-text-o", tooltip=str(self._folder / self._paths[title]))
        button.on_click(self._guard(lambda _: self._open("" if self._shown == title else title)))
        return button

    def _open(self, title: str) -> None:
        self._shown = title
        for name, button in self._made.items():
            (button.add_class if name == title else button.remove_class)("mod-active")
        # closed, nothing of it is kept in the page or saved with the notebook
        set_trait(self.page, "value", frame_page(self._folder, self._paths[title]) if title else "")
        set_visible(self.page, bool(title))


def frame_page(folder: Path, name: str) -> str:
    """The page `name` of a run's `folder` as an HTML element, in which none of its scripts run; a long one only from its
    beginning. The journal may come from somebody else: nothing outside of the folder is shown."""
    file = folder / name
    try:
        page = read_text(file_below(folder, name, by="the journal of this run"))
    except UserError as error:
        return text(f"✕ this page cannot be read. {error}", "nbt-wrong", "nbt-small")
    where = text(f"This page is in {file}", "nbt-muted", "nbt-small")
    if len(page) > MOST_CHARACTERS:
        page = page[: page.rfind("<tr>", 0, MOST_CHARACTERS)]
        where = text(f"▲ Only its beginning is shown here. All of it is in {file}", "nbt-look", "nbt-small")
    frame = f'<iframe sandbox="" title="{html.escape(file.name)}" srcdoc="{html.escape(page)}"></iframe>'
    return f"<div>{frame}{where}</div>"
