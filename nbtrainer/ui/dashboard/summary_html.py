"""The state of a run as HTML: progress, the numbers that matter, the log, and what scores are called."""

from __future__ import annotations

import html
import time

from nbtrainer.runs.sentences import duration, score_name, score_unit
from nbtrainer.ui.dashboard.run_state import LogLine, RunState

_PILLS = {
    "running": ("● training", "nbt-fine"),
    "paused": ("❚❚ paused", "nbt-look"),
    "stopped": ("■ stopped", "nbt-look"),
    "finished": ("✓ finished", "nbt-fine"),
    "failed": ("✕ failed", "nbt-wrong"),
}


def progress(state: RunState, status: str, now: float) -> str:
    """Bar and words, as HTML."""
    percent = 100 * state.fraction
    words, tone = _PILLS.get(status, (status, "nbt-muted"))
    if status == "running" and state.is_stopping:
        words, tone = (
            ("■ stopping now" if state.is_stopping_now else "■ stopping after the next validation"),
            "nbt-look",
        )
    parts = []
    if state.planned is not None:
        parts += [
            f"epoch <b>{state.epoch:,}</b> of {state.planned.epochs:,}",
            f"step <b>{state.step:,}</b> of {state.planned.total_steps:,}",
        ]
    if state.seconds_per_step:
        parts.append(f"<b>{_seconds(state.seconds_per_step)}</b> a step")
    if status == "running" and state.activity:
        parts.append(f'<span class="nbt-muted">{html.escape(state.activity)} …</span>')
    if status == "running" and state.seconds_left is not None:
        parts.append(f"about <b>{duration(state.seconds_left)}</b> left")
    elif status != "running" and state.elapsed:
        parts.append(f"took <b>{duration(state.elapsed)}</b>")
    spans = "".join(f"<span>{part}</span>" for part in parts)
    bar = (
        f'<div class="nbt-bar" role="progressbar" aria-label="Progress of the run" aria-valuemin="0" aria-valuemax="100" '
        f'aria-valuenow="{percent:.0f}"><div style="width: {percent:.1f}%"></div></div>'
    )
    return f'{bar}<div class="nbt-words">{spans}<span class="nbt-pill {tone}">{words}</span></div>'


def tiles(state: RunState) -> str:
    """The four numbers that matter, as HTML."""
    monitor = state.planned.monitor if state.planned is not None else "validation_loss"
    best = state.best(monitor)
    validation, training = state.newest("validation_loss"), state.newest("train_loss")
    if training is None and state.losses:
        training = state.losses[-1]
    baseline = None if state.baseline is None else state.baseline.scores.get(monitor)
    baseline_name = "Baseline" if state.baseline is None else state.baseline.name
    made = [
        _tile(
            f"Best {score_name(monitor)}",
            value=_score(best and best[1], monitor),
            more=f"epoch {best[0]}" if best else "",
        ),
        _tile("Validation loss", value=_score(validation), more=f"train {_score(training)}")
        if validation is not None
        else _tile("Training loss", value=_score(training), more=""),
        _tile(baseline_name, value=_score(baseline, monitor), more="baseline"),
        _tile(
            "Learning rate",
            value="–" if state.learning_rate is None else f"{state.learning_rate:.2g}",
            more="of the newest step",
        ),
    ]
    return f'<div class="nbt-tiles">{"".join(made)}</div>'


def log_html(lines: list[LogLine]) -> str:
    """The log, newest first, as HTML; warnings are gathered above so that they stay in sight."""

    def line_html(line: LogLine) -> str:
        clock = time.strftime("%H:%M:%S", time.localtime(line.time))
        words = html.escape(f"{clock} {'▲ ' if line.is_warning else ''}{line.words}")
        return f'<div class="{"nbt-look" if line.is_warning else "nbt-muted"}">{words}</div>'

    newest = list(reversed(lines))
    ordered = [line for line in newest if line.is_warning] + [line for line in newest if not line.is_warning]
    return (
        f'<div class="nbt-log" role="log" aria-label="Log" tabindex="0">{"".join(line_html(line) for line in ordered)}</div>'
        if lines
        else ""
    )


def legible(name: str) -> str:
    """What a curve of score `name` is called: `Dice (axon)`, `Variation of information, bits`."""
    words, unit = score_name(name), score_unit(name)
    return f"{words[:1].upper()}{words[1:]}{f', {unit}' if unit else ''}"


def _tile(name: str, *, value: str, more: str) -> str:
    words = html.escape(name[:1].upper() + name[1:])
    return f'<div class="nbt-tile"><div>{words}</div><b>{value}</b> <span>{html.escape(more)}</span></div>'


def _score(value: float | None, name: str = "") -> str:
    """A score with its unit; shares of 1 and losses have none."""
    if value is None:
        return "–"
    unit = score_unit(name)
    decimals = 0 if abs(value) >= 1000 or (unit == "objects" and value == int(value)) else 3
    return f"{value:,.{decimals}f}{f' {unit}' if unit else ''}"


def _seconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 0.1 else f"{seconds:.2f} s" if seconds < 10 else f"{seconds:,.0f} s"
