"""What a check found, above the buttons: each finding with its place, a picture and, if it can be mended, a Fix."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from pathlib import Path

import ipywidgets as w

from nbtrainer.config import Config
from nbtrainer.data.overlay import as_data_url
from nbtrainer.errors import Finding, UserError
from nbtrainer.ui.background import Api, Pairs, png
from nbtrainer.ui.disposal import set_children
from nbtrainer.ui.widgets import Guard, create, sentences, set_trait, set_visible, text

MOST_FINDINGS = 8
MOST_NAMES = 3
_FINE = "Nothing is wrong with data and settings, as far as can be told before training."


class FindingsList:
    """The findings of the newest check. Edits do not take them away, they only make them old; a new check does.

    Parameters
    ----------
    guard
        Wraps callbacks, so that their errors are shown.
    place
        Names the panel that a finding belongs to, or is empty.
    show
        Opens that panel.
    fix_title, fix
        What stands on the button that mends a finding, and what it does.
    """

    def __init__(
        self,
        guard: Guard,
        place: Callable[[Finding], str],
        show: Callable[[Finding], None],
        fix_title: Callable[[Finding], str],
        fix: Callable[[Finding], None],
    ) -> None:
        self._guard, self._place, self._show, self._fix_title, self._fix = guard, place, show, fix_title, fix
        self._is_old = False
        self.summary_line = create(w.HTML)
        self.rows = create(w.VBox)
        self.fix_buttons: list[w.Button] = []
        self.box = create(
            w.VBox, children=[self.summary_line, self.rows], layout=w.Layout(padding="8px 10px 0", display="none")
        )

    def show_message(
        self, findings: list[Finding], pictures: Mapping[Finding, bytes] | None = None, fine: bool = False
    ) -> None:
        """List `findings`, with those pictures that there are; `fine` says so if there are none."""
        self._is_old, self.fix_buttons = False, []
        listed = findings[:MOST_FINDINGS]
        rows: list[w.Widget] = [self._row(finding, (pictures or {}).get(finding)) for finding in listed]
        if len(findings) > MOST_FINDINGS:
            more = f"and {len(findings) - MOST_FINDINGS:,} more"
            rows.append(create(w.HTML, value=text(more, "nbt-muted", "nbt-small")))
        set_children(self.rows, rows)
        set_trait(self.summary_line, "value", summarize(findings) if findings or fine else "")
        set_visible(self.box, bool(findings) or fine)

    def mark_stale(self) -> None:
        """Settings have changed since the check."""
        if not self._is_old and self.summary_line.value:
            self._is_old = True
            set_trait(
                self.summary_line,
                "value",
                f"{self.summary_line.value} {text('Settings have changed since: check again.', 'nbt-look', 'nbt-small')}",
            )

    def can_fix(self, is_able: bool) -> None:
        """Whether something can be mended now."""
        for button in self.fix_buttons:
            set_trait(button, "disabled", not is_able)

    def _row(self, finding: Finding, picture: bytes | None) -> w.Widget:
        mark, tone = ("✕", "nbt-wrong") if finding.level == "error" else ("▲", "nbt-look")
        image = f'<img class="nbt-finding-picture" alt="" src="{as_data_url(picture)}">' if picture else ""
        files = html.escape(finding_title(finding))
        words = f"{mark} {f'<b>{files}</b>: ' if files else ''}{html.escape(sentences(finding))}"
        sentence = create(
            w.HTML,
            value=f'<span role="alert" class="nbt-small {tone}">{words}</span>',
        )
        children: list[w.Widget] = [sentence]
        if finding.fix:
            fix = create(
                w.Button,
                description=self._fix_title(finding),
                icon="wrench",
                tooltip="Mend this; files are copied first, yours stay as they are",
                classes=("nbt-fix",),
            )
            fix.on_click(self._guard(lambda _: self._fix(finding)))
            self.fix_buttons.append(fix)
            children.append(fix)
        parts: list[w.Widget] = [create(w.VBox, children=children, layout=w.Layout(flex="1 1 0", min_width="0"))]
        if image:
            parts.insert(0, create(w.HTML, value=image))
        name = self._place(finding)
        if name:
            button = create(w.Button, description=name, classes=("nbt-link", "nbt-small"), tooltip=f"Open {name}")
            button.on_click(self._guard(lambda _: self._show(finding)))
            parts.insert(0, button)
        return create(w.HBox, children=parts, classes=("nbt-finding",))


def summarize(findings: list[Finding]) -> str:
    """All findings in one line, as HTML."""
    if not findings:
        return text(f"✓ {_FINE}", "nbt-fine", "nbt-small")
    errors = sum(finding.level == "error" for finding in findings)
    warnings = len(findings) - errors
    words = [f"{errors:,} wrong"] if errors else []
    words += [f"{warnings:,} to look at"] if warnings else []
    return f"<b>Check:</b> {text(', '.join(words), 'nbt-small')}"


def finding_title(finding: Finding) -> str:
    """Names of the first few files that a finding is about; empty if it is about a setting."""
    names = list(dict.fromkeys(Path(file).name for file in _files(finding)))
    more = f" and {len(names) - MOST_NAMES:,} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more


def pictures_of(findings: list[Finding], config: Config, api: Api) -> dict[Finding, bytes]:
    """Small pictures of the first image or label that each of the findings listed is about; opens files."""
    concerned = {finding: _files(finding) for finding in findings[:MOST_FINDINGS] if _files(finding)}
    if not concerned:
        return {}
    try:
        rows = api.pairs(config)
    except UserError:  # then the findings say what is wrong
        return {}
    numbers = _numbers(rows)
    pictures = {}
    for finding, files in concerned.items():
        number = next((numbers[file] for file in files if file in numbers), None)
        if number is not None and not rows[number].get("problem"):
            try:
                pictures[finding] = png(api.thumbnail(config, number, size=96, outlines=True)[0])
            except UserError:  # a file that cannot be opened has no picture
                continue
    return pictures


def _files(finding: Finding) -> list[str]:
    named = [finding.where] if Path(finding.where).is_absolute() else []
    return [*finding.files, *named]


def _numbers(rows: Pairs) -> dict[str, int]:
    """Number of the first row with each file."""
    numbers: dict[str, int] = {}
    for number, row in enumerate(rows):
        for name in ("image", "label"):
            numbers.setdefault(row[name], number)
    return numbers
