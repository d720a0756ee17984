"""Readers of a run's events that keep its plain files: the log, the history as a table, the curves as a picture."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from nbtrainer.disk import write_aside
from nbtrainer.disk_errors import DRIVE_TROUBLE, DiskError
from nbtrainer.runs import events, sentences
from nbtrainer.runs.best import best_epoch
from nbtrainer.runs.directory import RunDirectory
from nbtrainer.runs.events import Event
from nbtrainer.runs.history import history_rows, write_history
from nbtrainer.runs.journal import Journal, JournalReader
from nbtrainer.runs.journal_copy import SECONDS_BETWEEN_COPIES
from nbtrainer.runs.tensorboard import TensorBoardFiles, is_installed

Listener = Callable[[Event], None]

# drawing takes a fifth of a second; validations of a small set may follow each other faster than that
_SECONDS_BETWEEN_CURVES = 5.0
_COLUMNS = 3

# what no run may lose: its journal is as safe on the disk as its checkpoints are
_NEEDED = (events.RunStarted, events.Scored, events.CheckpointSaved, *events.CLOSING)
_MOST_UNWRITTEN_BYTES, _MOST_UNWRITTEN_LINES = 1024**2, 10_000
# how long a drive may be away at the end of a session
_SECONDS_FOR_A_DRIVE, _SECONDS_BETWEEN_TRIES = 60.0, 2.0
_FILES = {"Log": "log.txt", "Tables": "history.csv or curves.png", "TensorBoardFiles": "tensorboard"}


class Emitter:
    """Appends each event to the journal and tells the listeners; one that fails is reported once, and tried again."""

    def __init__(self, directory: RunDirectory) -> None:
        self._journal = Journal(directory.events)
        seconds = SECONDS_BETWEEN_COPIES if self._journal.is_copied else 0.0
        self._listeners: list[Listener] = [Log(directory.log, seconds_between_writes=seconds), Tables(directory)]
        self._tensorboard = TensorBoardFiles(directory, directory.tensorboard) if is_installed() else None
        if self._tensorboard is not None:
            self._listeners.append(self._tensorboard)
        self._reported: set[str] = set()

    @property
    def uncopied(self) -> list[Event]:
        """What happened that the drive of the run does not hold yet; none where it lies on no drive."""
        return self._journal.uncopied

    def __call__(self, event: Event) -> None:
        """Raises `OSError` or `DiskError` if the journal cannot take an event that a run may not lose."""
        is_needed = isinstance(event, _NEEDED)
        # once an epoch, when it is complete
        is_synced = is_needed and not isinstance(event, events.Scored)
        is_last = isinstance(event, (events.RunStarted, *events.CLOSING))
        try:
            self._journal.append(event, is_synced)
            if is_needed:
                self._copy(waits=is_last)
        except (OSError, DiskError) as error:
            # a drive that is away for a moment ends no run; the journal keeps the event
            must_be_there = is_last or (is_needed and error.errno not in DRIVE_TROUBLE)
            if must_be_there or self._journal.unwritten_bytes > _MOST_UNWRITTEN_BYTES:
                raise
        for listener in self._listeners:
            self._tell(listener, event)

    def close(self, *, copies: bool = True) -> None:
        """Never raises. `copies`: what a drive does not hold yet is copied to it."""
        self._journal.close(copies=copies)
        if self._tensorboard is not None:
            with suppress(Exception):
                self._tensorboard.close()

    def _copy(self, *, waits: bool) -> None:
        """Copy the journal to the drive, if the run lies on one; at the end of a session the drive has a minute to come
        back."""
        ends = time.monotonic() + _SECONDS_FOR_A_DRIVE
        while True:
            try:
                return self._journal.copy(waits=waits)
            except (OSError, DiskError) as error:
                if error.errno not in DRIVE_TROUBLE or (waits and time.monotonic() >= ends):
                    raise
                self._warn("events.jsonl", error)
                if not waits:
                    return None
            time.sleep(_SECONDS_BETWEEN_TRIES)

    def _tell(self, listener: Listener, event: Event) -> None:
        try:
            listener(event)
        except Exception as error:  # training never stops for a watcher, whatever its trouble
            self._warn(_FILES[type(listener).__name__], error)

    def _warn(self, files: str, error: Exception) -> None:
        """Once for each of the `files`."""
        if files not in self._reported:
            self._reported.add(files)
            reason = getattr(error, "strerror", "") or str(error) or type(error).__name__
            words = f"{files} could not be written ({reason}); it is tried again as the run goes on"
            with suppress(OSError):
                self._journal.append(events.Warned(text=words))


class Log:
    """`log.txt`: a sentence for each event that has one; what the disk does not take is written with the next.

    `seconds_between_writes`: on a drive, which an append may send the whole file to; what ends a session is written at once.
    """

    def __init__(self, path: Path, *, seconds_between_writes: float) -> None:
        self._path, self._seconds, self._written_at = path, seconds_between_writes, -float("inf")
        self._unwritten: deque[str] = deque(maxlen=_MOST_UNWRITTEN_LINES)

    def __call__(self, event: Event) -> None:
        line = sentences.log_line(event)
        if line:
            self._unwritten.append(line)
        is_due = time.monotonic() - self._written_at >= self._seconds or isinstance(event, events.CLOSING)
        if self._unwritten and is_due:
            self._written_at = time.monotonic()
            with self._path.open("a", encoding="utf-8") as file:
                file.write("".join(self._unwritten))
            self._unwritten.clear()


class Tables:
    """`history.csv` and `curves.png`, renewed at the end of epochs and of the run."""

    def __init__(self, directory: RunDirectory) -> None:
        self._directory = directory
        self._reader = JournalReader(directory.events)
        self._happened: list[Event] = []
        self._drawn = -float("inf")

    def __call__(self, event: Event) -> None:
        closing = isinstance(event, events.Finished | events.Stopped | events.Failed)
        if not isinstance(event, events.Scored) and not closing:
            return
        tabulated = (events.Scored, events.Planned, events.BaselineScored)
        self._happened += [happened for happened in self._reader.read_new() if isinstance(happened, tabulated)]
        rows = history_rows(self._happened)
        if not rows:
            return
        self._write_history(rows)
        if closing or time.monotonic() - self._drawn > _SECONDS_BETWEEN_CURVES:
            draw_curves(self._directory.curves, self._happened)
            self._drawn = time.monotonic()

    def _write_history(self, rows: list[dict[str, object]]) -> None:
        write_history(self._directory.history, rows)


def draw_curves(path: Path, happened: list[Event]) -> None:
    """Draw loss and scores by epoch to `path`: training solid, validation dashed, baseline dotted, best marked."""
    from matplotlib.figure import Figure  # half a second, and only runs draw

    rows = history_rows(happened)
    planned = next((event for event in reversed(happened) if isinstance(event, events.Planned)), None)
    steps = 0 if planned is None else planned.steps_per_epoch
    places = [row["step"] / steps if steps else row["epoch"] for row in rows]
    baselines = {
        name: value
        for event in happened
        if isinstance(event, events.BaselineScored)
        for name, value in event.scores.items()
    }
    scored = dict.fromkeys(
        name.partition("_")[2] for row in rows for name in row if name.startswith(("train_", "validation_"))
    )
    columns = min(len(scored), _COLUMNS)
    lines = -(-len(scored) // columns)
    figure = Figure(figsize=(5 * columns, 3.6 * lines), layout="constrained")
    axes = list(figure.subplots(lines, columns, squeeze=False).flat)
    for axis in axes[len(scored) :]:
        axis.remove()
    for axis, score in zip(axes, scored, strict=False):
        for part, style, colour in (("train", "-", "#0072B2"), ("validation", "--", "#D55E00")):
            name = f"{part}_{score}"
            points = [(place, row[name]) for place, row in zip(places, rows, strict=True) if name in row]
            if not points:
                continue
            axis.plot(
                *zip(*points, strict=True), style, color=colour, label=part, marker="." if len(points) == 1 else ""
            )
            if planned is not None and name == planned.monitor:
                best = best_epoch(zip(places, rows, strict=True), name, planned.higher_is_better)
                if best is not None:
                    axis.plot(*best, "o", color=colour, label=f"best {best[1]:.4f}")
            if name in baselines:
                axis.axhline(baselines[name], linestyle=":", color="#555555", label=f"baseline {baselines[name]:.4f}")
        axis.set_xlabel("epoch")
        axis.set_title(sentences.score_name(score), parse_math=False)  # a class may be called $a$
        axis.legend(frameon=False)
    with write_aside(path, is_synced=False) as aside:
        figure.savefig(aside, dpi=100)
