"""The journal of a run: `events.jsonl`, one event a line, appended by the engine and read on by any watcher."""

from __future__ import annotations

import json
import math
import threading
from pathlib import Path
from typing import Any

from nbtrainer.runs.events import Event, Warned, from_record


class Journal:
    """Appends events to the file `path`; threads may share it."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        _end_last_line(path)
        self._file = path.open("a", encoding="utf-8")

    def append(self, event: Event) -> None:
        line = json.dumps(_plain(event.as_record()), allow_nan=False)
        with self._lock:
            self._file.write(line + "\n")
            self._file.flush()

    def close(self) -> None:
        self._file.close()


class JournalReader:
    """Reads on in the file `path` from where it stopped the last time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = 0
        self._lines = 0

    def read_new(self) -> list[Event]:
        """The events added since the last call; a line still being written waits for the next."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._position)
                added = file.read()
        except FileNotFoundError:
            return []
        complete = added[: added.rfind(b"\n") + 1]
        self._position += len(complete)
        found: list[Event] = []
        for line in complete.splitlines():
            self._lines += 1
            try:
                record = _revived(json.loads(line, parse_constant=float))
            except (ValueError, TypeError, RecursionError):  # a line cut off when its process was killed
                continue
            try:
                event = from_record(record) if isinstance(record, dict) else None
            except ValueError as error:  # written by another program, or by hand: the rest is as true as before
                text = f"line {self._lines} of {self._path} was left out, because it is no event ({error})"
                event = Warned(text=text, time=found[-1].time if found else 0.0)
            if event is not None:
                found.append(event)
        return found


def _end_last_line(path: Path) -> None:
    """A killed process may have left half a line: end it, so that the next event has one of its own."""
    if path.exists() and path.stat().st_size:
        with path.open("rb+") as file:
            file.seek(-1, 2)
            if file.read(1) != b"\n":
                file.write(b"\n")


def _plain(value: Any) -> Any:
    """JSON has no infinity: written as text, read back by `_revived`."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _revived(value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {"float"}:
            return float(value["float"])
        return {key: _revived(item) for key, item in value.items()}
    return [_revived(item) for item in value] if isinstance(value, list) else value
