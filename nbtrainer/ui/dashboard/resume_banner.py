"""The offer to go on with an earlier run, made once when a new kernel first shows the app."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import ipywidgets as w

from nbtrainer import api
from nbtrainer.errors import UserError
from nbtrainer.runs import Run
from nbtrainer.ui.widgets import Guard, create, set_visible, text


class ResumeBanner:
    """A line with two buttons that can be dismissed."""

    def __init__(self, guard: Guard, watch: Callable[[Run], None], resume: Callable[[Path], None]) -> None:
        self._found: Run | None = None
        self.sentence = create(w.HTML)
        self._resume = create(w.Button, description="Resume", icon="repeat")
        self.watch_button = create(w.Button, description="Show", icon="line-chart")
        close = create(w.Button, icon="times", tooltip="Dismiss", classes=("nbt-quiet", "nbt-icon"))
        self._resume.on_click(guard(lambda _: self._take(lambda run: resume(run.directory))))
        self.watch_button.on_click(guard(lambda _: self._take(watch)))
        close.on_click(guard(lambda _: self.dismiss()))
        self.box = create(
            w.HBox,
            children=[self.sentence, self._resume, self.watch_button, close],
            layout=w.Layout(display="none", padding="4px 10px", align_items="center", flex_flow="row wrap"),
        )

    def newest(self, root: Path) -> Run | None:
        """The newest run below `root` if it still runs or was stopped; looks two folders deep, as runs are kept."""
        try:
            journals = sorted(root.glob("*/*/events.jsonl"), key=lambda path: path.stat().st_mtime)
            run = api.attach(journals[-1].parent) if journals else None
        except (UserError, OSError):  # a folder that is only half there, or may not be entered
            return None
        return run if run is not None and run.status in ("running", "paused", "stopped") else None

    def show(self, run: Run | None) -> None:
        """Offer to go on with `run`."""
        if run is None:
            return
        self._found = run
        is_running = run.status in ("running", "paused")
        name = "/".join(run.directory.parts[-2:])
        self.sentence.value = text(f"Run {name} {'is still going on' if is_running else 'was stopped and can go on'}.")
        set_visible(self._resume, not is_running)
        set_visible(self.box, True)

    def dismiss(self) -> None:
        """Take the line away."""
        set_visible(self.box, False)

    def _take(self, act: Callable[[Run], None]) -> None:
        self.dismiss()
        if self._found is not None:
            act(self._found)
