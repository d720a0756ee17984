"""Who trains in a run's folder: one process at a time, known by a file that it keeps alive, never by a clock.

On the same machine the process itself is looked at. Of another machine only the file can be seen: its owner writes a
number in it every two seconds; where that number stands still, the owner is gone. Locks of the operating system are not
used: many network drives do not know them, or know them on one machine only.
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from nbtrainer.errors import ModelError
from nbtrainer.runs.process import ProcessIdentity, is_alive, this_process

OWNER_FILE = "owner.json"

BEAT_SECONDS = 2.0
# a drive may be slow, and a busy machine late
SILENCE_SECONDS = 12.0
# at first sight, by the file server's own clock: nobody wants to watch a run that ended yesterday
_OLD_SECONDS = 60.0
# the file keeps its length, so that a full disk can still take it
_FILE_BYTES = 1024
# two that take over a dead owner's run at the same moment both see who came last
_SETTLE_SECONDS = 0.3


@dataclass(frozen=True)
class Owner:
    """The process that trains in a folder; `token` is another for each session of a run."""

    token: str
    process: ProcessIdentity

    def __str__(self) -> str:
        return f"process {self.process.number} on {self.process.host}"


class Lease:
    """This process owns the run in `folder`, until `release`; a thread of its own says so every two seconds."""

    def __init__(self, folder: Path, owner: Owner) -> None:
        self.owner = owner
        self._path = folder / OWNER_FILE
        self._released = threading.Event()
        self._beat_number = 0
        self._lost = ""
        _held.add(owner.token)
        try:
            threading.Thread(target=self._keep, name="nbtrainer owner", daemon=True).start()
        except BaseException:
            self.release()
            raise

    @property
    def lost(self) -> str:
        """Why this process no longer owns the run, in a sentence; empty while it does."""
        return self._lost

    @classmethod
    def adopt(cls, folder: Path, token: str) -> Lease:
        """Own the run in `folder` in the place of the process that started this one, and that owned it as `token`."""
        owner = Owner(token, this_process())
        (folder / OWNER_FILE).write_bytes(_content(owner, 0))
        return cls(folder, owner)

    def release(self) -> None:
        """Give the run back."""
        self._released.set()
        _held.discard(self.owner.token)
        with suppress(OSError):
            if _token(self._path) == self.owner.token:
                # a reader on Windows keeps the file from being removed, but not from being written
                self._write(is_released=True)
                self._path.unlink()

    def _keep(self) -> None:
        while not self._released.wait(BEAT_SECONDS) and not self._lost:
            self._beat_number += 1
            try:
                self._beat()
            except OSError:  # a drive that does not answer for a while
                continue

    def _beat(self) -> None:
        try:
            holder = _parsed(self._path.read_bytes())
        except FileNotFoundError:
            if not self._path.parent.is_dir():
                self._lost = f"the folder {self._path.parent} is gone"
            elif not self._released.is_set():
                with suppress(FileExistsError):  # somebody else was faster: seen at the next beat
                    _create(self._path, self.owner)
            return
        if holder is not None and holder.token != self.owner.token:
            self._lost = f"{holder} has taken this run over"
        elif (
            holder is not None and holder.process.number != self.owner.process.number
        ):  # it trains, started by this one
            self._released.set()
        elif not self._released.is_set():
            self._write()

    def _write(self, is_released: bool = False) -> None:
        with self._path.open("r+b") as file:
            file.write(_content(self.owner, self._beat_number, is_released))


class Watch:
    """Whether the owner of the run in `folder` lives, asked again and again without waiting."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / OWNER_FILE
        self._seen = b""
        self._since = 0.0

    def sees(self, token: str) -> bool:
        """Whether the session with `token` still goes on."""
        content = _read(self._path)
        owner = _parsed(content)
        if owner is None or owner.token != token:
            return False
        alive = _lives(owner)
        return self._beats(content) if alive is None else alive

    def _beats(self, content: bytes) -> bool:
        now = time.monotonic()
        if content != self._seen:
            is_first = not self._seen
            self._seen, self._since = content, now
            if is_first and _age(self._path) > _OLD_SECONDS:
                self._since = now - SILENCE_SECONDS
        return now - self._since < SILENCE_SECONDS


def take(folder: Path, is_ending: Callable[[], bool] = lambda: False) -> Lease:
    """Own the run in `folder`. Raises `UserError` if another process, or another session of this one, does.

    Waits up to 12 seconds where the owner was on another machine, to see whether it still lives; and as long while it
    `is_ending`: its last event is there, and what it still writes takes a moment.
    """
    ends = time.monotonic() + SILENCE_SECONDS
    path, own = folder / OWNER_FILE, Owner(uuid.uuid4().hex, this_process())
    while True:
        try:
            _create(path, own)
            return Lease(folder, own)
        except FileExistsError:
            pass
        content = _read(path)
        if not content and not path.exists():  # released meanwhile
            continue
        owner = _parsed(content)
        if _lives_for_sure(path, content):
            if is_ending() and time.monotonic() < ends:
                time.sleep(0.05)
                continue
            who = f", in {owner}" if owner is not None else ""
            raise ModelError(str(folder), f"this run is still going on{who}", "Stop it first, or attach to it")
        if _replace(path, content, own):
            return Lease(folder, own)


_held: set[str] = set()


def _lives(owner: Owner) -> bool | None:
    """Whether `owner` lives; None if that cannot be seen from this machine."""
    own = this_process()
    if owner.process == own:
        return owner.token in _held
    return is_alive(owner.process, seen_from=own)


def _lives_for_sure(path: Path, content: bytes) -> bool:
    """As `_lives`; what cannot be seen is waited for."""
    ends = time.monotonic() + SILENCE_SECONDS
    while True:
        owner = _parsed(content)
        if _is_released(content):
            return False
        alive = None if owner is None else _lives(owner)
        if alive is not None:
            return alive
        if time.monotonic() > ends:
            return False
        time.sleep(BEAT_SECONDS / 8)
        again = _read(path)
        if not again:
            return False
        if owner is not None and not _is_released(again) and again != content:
            return True
        content = again


def _create(path: Path, owner: Owner) -> None:
    with path.open("xb") as file:
        file.write(_content(owner, 0))


def _replace(path: Path, old: bytes, own: Owner) -> bool:
    """Take the place of an owner that is gone; whether nobody else did at the same moment."""
    aside = path.with_name(f"{OWNER_FILE}.{own.token}.new")
    try:
        aside.write_bytes(_content(own, 0))
        current = _read(path)
        if _token_of(current) != _token_of(old):
            return False
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    time.sleep(_SETTLE_SECONDS)
    return _token(path) == own.token


def _content(owner: Owner, beat: int, is_released: bool = False) -> bytes:
    record = {"token": owner.token, "beat": beat, "released": is_released, **asdict(owner.process)}
    return json.dumps(record).encode().ljust(_FILE_BYTES - 1) + b"\n"


def _read(path: Path) -> bytes:
    """What the file says; nothing if there is none, or the drive does not answer."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _record(content: bytes) -> dict[str, object]:
    try:
        record = json.loads(content)
    except (ValueError, RecursionError):  # just being written, or no file of ours
        return {}
    return record if isinstance(record, dict) else {}


def _parsed(content: bytes) -> Owner | None:
    record = _record(content)
    if record.get("released"):
        return None
    try:
        return Owner(str(record["token"]), ProcessIdentity.from_record(record))
    except (KeyError, TypeError, ValueError):
        return None


def _is_released(content: bytes) -> bool:
    return bool(_record(content).get("released"))


def _token(path: Path) -> str:
    return _token_of(_read(path))


def _token_of(content: bytes) -> str:
    return str(_record(content).get("token", ""))


def _age(path: Path) -> float:
    """Seconds since `path` was written, by the clock of whoever keeps the files; 0 if that cannot be told."""
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".now-") as probe:
            return os.fstat(probe.fileno()).st_mtime - path.stat().st_mtime
    except OSError:  # a folder that may only be read
        return 0.0
