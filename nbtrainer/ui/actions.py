"""The end of the form: Go, Stop, Resume and As code, what is missing, what a check found, and the offer of an earlier run."""

from __future__ import annotations

import html
from collections.abc import Callable

import ipywidgets as w

from nbtrainer.errors import Finding
from nbtrainer.ui.widgets import Guard, make, put, sentences, shown, text

MOST_FINDINGS = 8


class Actions:
    """The buttons; `can` tells them what is possible now."""

    def __init__(
        self,
        guard: Guard,
        go: Callable[[], None],
        stop: Callable[[], None],
        resume: Callable[[], None],
        code: Callable[[], None],
    ) -> None:
        self._guard = guard
        self.go = make(w.Button, description="Go", icon="play")
        self.stop = make(w.Button, description="Stop", icon="stop")
        self.resume = make(
            w.Button,
            description="Resume",
            icon="repeat",
            tooltip="Continue this run exactly where it stopped, with its own settings",
        )
        self.as_code = make(w.Button, description="As code", icon="code", tooltip="These settings as Python and JSON")
        for button, pressed in ((self.go, go), (self.stop, stop), (self.resume, resume), (self.as_code, code)):
            button.on_click(guard(lambda _, pressed=pressed: pressed()))
        self._words = make(w.HTML, classes=("nbt-under-actions",))
        self._findings = make(w.VBox, layout=w.Layout(padding="6px 10px 0", display="none"))
        gap = make(w.Box, layout=w.Layout(flex="1 1 auto"))
        row = make(w.HBox, children=[self.go, self.stop, self.resume, gap, self.as_code], classes=("nbt-actions",))
        self.box = make(w.VBox, children=[self._findings, row, self._words])

    def can(self, go: str, stop: str, is_stopping: bool, resume: bool, words: str) -> None:
        """`go` and `stop`: why the button cannot be pressed now, or empty if it can. `words`: what stands below."""
        put(self.go, "disabled", bool(go))
        put(self.go, "tooltip", go or "Check data and settings, then train")
        put(self.stop, "disabled", bool(stop))
        put(self.stop, "description", "Stop now" if is_stopping else "Stop")
        put(
            self.stop,
            "tooltip",
            stop or ("Do not wait for the validation" if is_stopping else "Stop after the next validation"),
        )
        shown(self.resume, resume)
        # one button is coloured: the one to press next
        self._mark(self.go, not go)
        self._mark(self.stop, not stop)
        put(self._words, "value", text(words, "nbt-muted", "nbt-small"))

    def say(self, findings: list[Finding], name: Callable[[Finding], str], show: Callable[[Finding], None]) -> None:
        """List `findings`: each names its panel, and pressing it opens that."""
        rows = [self._row(finding, name(finding), show) for finding in findings[:MOST_FINDINGS]]
        if len(findings) > MOST_FINDINGS:
            rows.append(
                make(w.HTML, value=text(f"and {len(findings) - MOST_FINDINGS:,} more", "nbt-muted", "nbt-small"))
            )
        self._findings.children = rows
        shown(self._findings, bool(rows))

    def _row(self, finding: Finding, name: str, show: Callable[[Finding], None]) -> w.Widget:
        mark, tone = ("✕", "nbt-wrong") if finding.level == "error" else ("▲", "nbt-look")
        sentence = make(
            w.HTML,
            value=f'<span role="alert" class="nbt-small {tone}">{mark} {html.escape(sentences(finding))}</span>',
            layout=w.Layout(flex="1 1 0"),
        )
        if not name:
            return make(w.HBox, children=[sentence])
        button = make(w.Button, description=name, classes=("nbt-link", "nbt-small"), tooltip=f"Open {name}")
        button.on_click(self._guard(lambda _: show(finding)))
        return make(
            w.HBox, children=[button, sentence], layout=w.Layout(align_items="baseline"), classes=("nbt-finding",)
        )

    def _mark(self, button: w.Button, is_next: bool) -> None:
        (button.add_class if is_next else button.remove_class)("nbt-next")
