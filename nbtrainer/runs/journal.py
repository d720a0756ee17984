"""The journal of a run: `events.jsonl`, one event a line, appended by the engine and read on by any watcher."""

from __future__ import annotations

import errno
import json
import math
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from nbtrainer.runs.drive import local_journal
from nbtrainer.runs.events import Event, Warned, from_record
from nbtrainer.runs.journal_copy import JournalCopy, newer_of


class Journal:
    """Appends events to the file `path`; threads may share it.

    What the disk does not take is kept and written before the next event, so that no line is lost or torn.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._unwritten = b""
        local = local_journal(path)
        self._copy = JournalCopy(local=local, target=path, writing=self._lock) if local is not None else None
        _end_last_line(local or path)
        # without a buffer of Python's: it would raise once more when it is closed
        self._file = (local or path).open("ab", buffering=0)

    @property
    def is_copied(self) -> bool:
        """Whether the journal lies on a drive, and is written on this machine first."""
        return self._copy is not None

    @property
    def uncopied(self) -> list[Event]:
        """Events that the drive does not hold yet, the oldest first; none where the journal lies on no drive."""
        return [] if self._copy is None else self._copy.uncopied

    @property
    def unwritten_bytes(self) -> int:
        """How much the disk has not taken yet."""
        return len(self._unwritten)

    def append(self, event: Event, is_synced: bool = False) -> None:
        """Write `event`; `is_synced`: it is there also after the machine loses its power.

        Raises `OSError` if the disk does not take it; the event is kept for the next try.
        """
        line = json.dumps(_plain(event.as_record()), allow_nan=False)
        with self._lock:
            self._unwritten += line.encode() + b"\n"
            self._write()
            if is_synced and self._copy is None:
                sync(self._file.fileno())
        if self._copy is not None:
            self._copy.add(event)

    def copy(self, *, waits: bool) -> None:
        """Copy the journal to its drive; nothing where it lies on none. Unless it `waits`, soon, in a thread.

        Raises `OSError` or `DiskError` if the drive does not take it (if it does not wait: did not take the last copy).
        """
        if self._copy is not None:
            if waits:
                self._copy.copy(is_synced=True)
            else:
                self._copy.wake()

    def close(self, *, copies: bool = True) -> None:
        """Write what is left, if the disk takes it, `copies`: also to the drive; never raises."""
        with self._lock, suppress(OSError):
            self._write()
        with suppress(OSError):
            self._file.close()
        if self._copy is not None:
            self._copy.close(copies=copies)

    def _write(self) -> None:
        while self._unwritten:
            self._unwritten = self._unwritten[self._file.write(self._unwritten) or 0 :]


def sync(file: int) -> None:
    """Wait until the disk holds what was written; some network drives know no such thing."""
    try:
        os.fsync(file)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EROFS):
            raise


class JournalReader:
    """Reads on in the journal `path` from where it stopped the last time; of one on a drive in what this machine has of it,
    which may be newer."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = local_journal(path)
        self._position = 0
        self._lines = 0

    def read_new(self) -> list[Event]:
        """The events added since the last call; a line still being written waits for the next."""
        try:
            with newer_of(self._path, local=self._local).open("rb") as file:
                file.seek(self._position)
                added = file.read()
        except FileNotFoundError:
            return []
        complete = added[: added.rfind(b"\n") + 1]
        self._position += len(complete)
        events: list[Event] = []
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
                event = Warned(text=text, time=events[-1].time if events else 0.0)
            if event is not None:
                events.append(event)
        return events


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
