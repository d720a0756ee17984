"""A journal whose run lies on a drive: written on this machine, and copied over whole, so that the drive holds no half."""

from __future__ import annotations

import threading
from collections import deque
from contextlib import suppress
from pathlib import Path

from nbtrainer.disk import write_aside
from nbtrainer.disk_errors import DRIVE_TROUBLE, DiskError
from nbtrainer.runs.drive import is_beginning
from nbtrainer.runs.events import Event

SECONDS_BETWEEN_COPIES = 30.0
# what a drive that is away for an hour leaves: a few events come in each second
_MOST_UNCOPIED = 10_000


class JournalCopy:
    """Copies the journal `local` to `target` in a thread of its own, when it is woken and every 30 seconds.

    A copy only ever adds to what lies at `target`: should somebody else have written there, both are kept. `writing`: held
    by whoever writes to `local`.
    """

    def __init__(self, *, local: Path, target: Path, writing: threading.Lock) -> None:
        self._local, self._target, self._writing = local, target, writing
        if newer_of(target, local=local) != local:
            # another run had this name, or another machine went on with it
            with write_aside(local, is_synced=False) as aside:
                aside.write_bytes(target.read_bytes() if target.exists() else b"")
        # who tidies up the folder for temporary files takes the name, not what was written
        self._file = local.open("r+b")
        self._started_at = local.stat().st_size
        self._uncopied: deque[Event] = deque(maxlen=_MOST_UNCOPIED)
        self._error: OSError | DiskError | None = None
        self._copying = threading.Lock()
        self._wake, self._closed = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._keep, name="nbtrainer journal", daemon=True)
        self._thread.start()

    @property
    def uncopied(self) -> list[Event]:
        """Events that the drive does not hold yet, the oldest first."""
        return list(self._uncopied)

    def add(self, event: Event) -> None:
        """`event` stands in the local journal."""
        self._uncopied.append(event)

    def wake(self) -> None:
        """Copy soon, without waiting. Raises what the drive answered to the last copy."""
        self._wake.set()
        error, self._error = self._error, None
        if error is not None:
            raise error

    def copy(self, *, is_synced: bool) -> None:
        """Copy now. Raises `OSError` or `DiskError` if the drive does not take it."""
        with self._copying:
            copied = self.uncopied
            with self._writing:
                if self._target.exists() and not is_beginning(self._target, of=self._file):
                    self._join()
                self._file.seek(0)
                content = self._file.read()
            with write_aside(self._target, is_synced=is_synced) as aside:
                aside.write_bytes(content[: content.rfind(b"\n") + 1])
            while copied and self._uncopied and self._uncopied.popleft() is not copied[-1]:
                pass
            self._error = None

    def close(self, *, copies: bool) -> None:
        """End the thread; `copies`: copy what is left, if the drive takes it, and remove the local journal then. Never
        raises."""
        self._closed.set()
        self._wake.set()
        self._thread.join()
        is_copied = False
        if copies:
            with suppress(OSError, DiskError):
                if self._uncopied:
                    self.copy(is_synced=True)
                with self._target.open("rb") as target:
                    is_copied = is_beginning(self._local, of=target)
        self._file.close()
        if is_copied:
            with suppress(OSError):
                self._local.unlink()

    def _keep(self) -> None:
        while not self._closed.is_set():
            self._wake.wait(SECONDS_BETWEEN_COPIES)
            self._wake.clear()
            if self._uncopied and not self._closed.is_set():
                try:
                    self.copy(is_synced=False)
                except (OSError, DiskError) as error:
                    self._error = error

    def _join(self) -> None:
        """Put the lines of this session behind those that somebody else has written to the drive."""
        theirs = self._target.read_bytes()
        theirs += b"" if theirs.endswith(b"\n") or not theirs else b"\n"
        known = set(theirs.splitlines())
        self._file.seek(self._started_at)
        own = [line for line in self._file.read().splitlines() if line not in known]
        self._file.seek(0)
        self._file.write(theirs + b"".join(line + b"\n" for line in own))
        self._file.truncate()
        self._file.flush()
        self._started_at = len(theirs)


def newer_of(target: Path, *, local: Path | None) -> Path:
    """Where to read: `local` if it holds the journal of `target`, the drive's copy, and maybe more."""
    if local is None:
        return target
    with suppress(FileNotFoundError), local.open("rb") as file:
        try:
            return local if is_beginning(target, of=file) else target
        except OSError as error:
            if error.errno not in DRIVE_TROUBLE:
                raise
        return local  # the drive is away: what is here is the best that there is
    return target
