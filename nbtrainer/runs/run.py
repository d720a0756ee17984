"""A run as a folder: its status, history and models, and the request to stop it. Needs no torch."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any, Literal

import psutil

from nbtrainer.disk import write_text
from nbtrainer.errors import ModelError, UserError
from nbtrainer.runs import events, sentences
from nbtrainer.runs.changes import request_changes
from nbtrainer.runs.directory import RunDirectory
from nbtrainer.runs.events import Event, RunStarted
from nbtrainer.runs.export_log import export_log, save_zip
from nbtrainer.runs.history import history_rows, write_history
from nbtrainer.runs.journal import JournalReader
from nbtrainer.runs.owner import Watch
from nbtrainer.runs.pause import clear_pause, request_pause
from nbtrainer.runs.session import Session, session_of
from nbtrainer.runs.stop import request_stop

Status = Literal["running", "paused", "stopped", "finished", "failed"]

# what decides the status
STATUS_EVENTS = (events.RunStarted, events.Paused, events.Continued, events.Stopped, events.Failed, events.Finished)

# of a run of before there were owners, on another machine, nothing else tells
_SILENCE_ON_ANOTHER_HOST = 600.0


class Run:
    """A run of this kernel, another process or another day; all it knows it reads from its folder."""

    def __init__(self, directory: RunDirectory, session: Session | None = None) -> None:
        self._directory = directory
        self._own_session = session
        self._watch = Watch(directory.path)
        self._reader = JournalReader(directory.events)
        self._events: list[Event] = []
        self._life: list[Event] = []
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<Run {self.directory} {self.status}>"

    @property
    def directory(self) -> Path:
        """The folder of the run."""
        return self._directory.path

    @property
    def events(self) -> list[Event]:
        """Everything that happened so far."""
        with self._lock:
            self._read_on()
            return list(self._events)

    @property
    def status(self) -> Status:
        """`running`, `paused`, `stopped`, `finished` or `failed`; a run whose process is gone without a closing event is
        `stopped`."""
        match self._newest_of_life():
            case events.Finished():
                return "finished"
            case events.Failed():
                return "failed"
            case events.Stopped():
                return "stopped"
            case events.RunStarted() | events.Paused() | events.Continued() as newest:
                if (started := self._newest_start()) is None or not self._lives(started):
                    return "stopped"
                return "paused" if isinstance(newest, events.Paused) else "running"
        # between the making of the folder and its first event
        session = self._own_session
        return "running" if session is not None and not session.has_ended else "stopped"

    @property
    def error(self) -> str:
        """Why the run failed, in a sentence; empty if it did not."""
        newest = self._newest_of_life()
        return newest.reason if isinstance(newest, events.Failed) else ""

    @property
    def history(self) -> list[dict[str, Any]]:
        """One row an epoch: `epoch`, `step`, `train_loss`, `validation_dice`, ..., `learning_rate`, `seconds`."""
        return history_rows(self.events)

    @property
    def best(self) -> Path | None:
        """The best checkpoint, or None."""
        return self._newest_checkpoint("best")

    @property
    def last(self) -> Path | None:
        """The last checkpoint, or None."""
        return self._directory.last if self._directory.last.exists() else None

    def stop(self, now: bool = False) -> None:
        """Ask the run to stop: after its next validation, or `now`. Asking twice means now.

        Raises `UserError` if another process trains it, and its folder cannot take the request.
        """
        self._newest_of_life()  # so that the session is known
        session = self._session()
        if session is not None:
            session.ask_to_stop(now)
        try:
            request_stop(self._directory, now)
        except UserError:
            if session is None:  # else it has heard already
                raise

    def pause(self, free_memory: bool = False) -> None:
        """Ask the run to wait after its next steps, with everything saved; `free_memory`: and to move off its device.

        `unpause` lets it go on, a stop ends it. Raises `UserError` if its folder cannot take the request.
        """
        request_pause(self._directory, free_memory=free_memory)

    def unpause(self) -> None:
        """Let a run go on that was asked to pause."""
        clear_pause(self._directory)

    def change(self, **sections: Mapping[str, Any]) -> None:
        """Go on with other settings while the run trains: `run.change(training={"epochs": 40}, compile={"learning_rate": 1e-4})`.

        Learning rate, epochs, iterations, time budget and patience can be changed; the next step has them, and a resume
        keeps them. Raises `SettingError` for anything else, and for a value that the setting cannot have, and `ModelError` for a
        run that does not train.
        """
        if self.status not in ("running", "paused"):
            remedy = "Give the settings to nbt.resume, which goes on with them"
            raise ModelError(str(self.directory), f"this run is {self.status}: nothing changes it", remedy)
        changes = {f"{section}.{name}": value for section, values in sections.items() for name, value in values.items()}
        request_changes(self._directory, changes)

    def save_log(self, path: str | os.PathLike[str] | None = None) -> Path:
        """Write what happened so far to `path`, and return it: sentences, or a table of losses and metrics if it ends
        with .csv. Without `path`: sentences, beside the run's own log, with the time in the name.

        Raises `UserError` if the disk refuses it.
        """
        target = self.directory / time.strftime("log-%Y%m%d-%H%M%S.txt") if path is None else Path(path)
        if target.suffix.lower() == ".csv":
            return write_history(target, self.history)
        return write_text(target, "".join(sentences.log_line(event) for event in self.events))

    def export_log(self, folder: str | os.PathLike[str], format: str = "tensorboard") -> Path:
        """Write losses, scores, previews and settings to `folder` for another program, and return it: `tensorboard`, or
        `wandb` for the files that a run of Weights & Biases has. Raises `UserError`."""
        return export_log(self._directory, self.events, Path(folder), format)

    def save_zip(self, path: str | os.PathLike[str] | None = None, with_checkpoints: bool = False) -> Path:
        """Everything of the run in one zip file, beside its folder unless `path` says otherwise: settings, log, curves,
        previews, reports, and its model; or with all checkpoints, to go on from elsewhere. Raises `UserError`."""
        target = self.directory.with_name(f"{self.directory.name}.zip") if path is None else Path(path)
        model = self.best or self.last
        return save_zip(self._directory, target, model=model, with_checkpoints=with_checkpoints)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the run has ended, at most `timeout` seconds; whether it has."""
        if self._own_session is not None:
            return self._own_session.wait(timeout)
        ends = None if timeout is None else time.monotonic() + timeout
        while self.status in ("running", "paused"):
            if ends is not None and time.monotonic() >= ends:
                return False
            time.sleep(0.1)
        return True

    def _read_on(self) -> None:
        added = self._reader.read_new()
        self._events += added
        self._life += [event for event in added if isinstance(event, STATUS_EVENTS)]

    def _newest_of_life(self) -> Event | None:
        """The newest of the events that decide the status; asked several times a second, so the others are not gone through."""
        with self._lock:
            self._read_on()
            newest = self._life[-1] if self._life else None
        is_open = newest is not None and not isinstance(newest, events.CLOSING)
        session = self._session()
        if session is not None and session.closing is not None:
            # a full disk, or a folder that is gone, kept it from the journal
            started = self._newest_start()
            if newest is None or (is_open and started is not None and started.owner == session.token):
                return session.closing
        elif session is None and is_open and not self._directory.events.exists():
            return events.Failed(reason=f"the folder {self.directory} is gone")
        return newest

    def _session(self) -> Session | None:
        """The session of this process that trains the run, or has ended; None if another process does."""
        if self._own_session is not None:
            return self._own_session
        newest = self._newest_start()
        return None if newest is None else session_of(newest.owner, self.directory)

    def _newest_start(self) -> RunStarted | None:
        return next((event for event in reversed(self._life) if isinstance(event, RunStarted)), None)

    def _newest_checkpoint(self, kind: str) -> Path | None:
        for event in reversed(self.events):
            if isinstance(event, events.CheckpointSaved) and event.kind == kind:
                # a file of the folder: the journal may come from somebody else
                file = self._directory.checkpoints / PurePath(event.path).name
                if os.path.isfile(file):
                    return file
        return None

    def _lives(self, started: RunStarted) -> bool:
        session = self._session()
        if session is not None and session.token == started.owner:
            return not session.has_ended
        if started.owner:
            return self._watch.sees(started.owner)
        return _lived(started, self._directory)


def attach(path: str | os.PathLike[str]) -> Run:
    """The run in folder `path`, of whatever kernel, process or day; raises `UserError` if there is none."""
    return Run(RunDirectory.open(Path(path)))


def _lived(started: RunStarted, directory: RunDirectory) -> bool:
    """Whether a run of before there were owners still goes on."""
    if started.host != socket.gethostname():
        return time.time() - directory.events.stat().st_mtime < _SILENCE_ON_ANOTHER_HOST
    try:
        return abs(psutil.Process(started.process).create_time() - started.process_started) < 2
    except psutil.Error:
        return False
