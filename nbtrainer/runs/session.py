"""The runs of this process: what is true of them even where their folder can no longer say so."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from nbtrainer.runs.events import Event


class Session:
    """A run that this process trains in `folder`, from its start to its end; `token` is that of its owner.

    `closing`: the event that ended it; `asked`: what was asked of it, as `read_stop` has it; `why`: who asked; `thread`: that
    which trains, and lets go of its memory after the end.
    """

    def __init__(self, token: str, folder: Path) -> None:
        self.token = token
        self.folder = folder.resolve()
        self.closing: Event | None = None
        self.asked = ""
        self.why = ""
        self.thread: threading.Thread | None = None
        # not its thread: an interrupt in Thread.join() makes Python 3.11 take a living thread for dead
        self._ended = threading.Event()
        self._process = os.getpid()
        _sessions[token] = self

    @property
    def has_ended(self) -> bool:
        return self._ended.is_set()

    @property
    def is_of_this_process(self) -> bool:
        """Whether it is not that of the process this one was forked from."""
        return self._process == os.getpid()

    def ask_to_stop(self, now: bool, why: str = "") -> None:
        """Ask to stop, after the next validation or `now`; asking twice means now."""
        self.why = why or self.why
        self.asked = "now" if now or self.asked else "validation"

    def end(self, closing: Event) -> None:
        """It is over; nothing may keep this from being called."""
        self.closing = closing
        self._ended.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end, at most `timeout` seconds; whether it has come."""
        return self._ended.wait(timeout)


_sessions: dict[str, Session] = {}


def session_of(token: str, folder: Path) -> Session | None:
    """The session of this process with `token`, also one that has ended; None if it is another process's, or if `folder`
    is only a copy of the run's."""
    session = _sessions.get(token)
    if session is None or not session.is_of_this_process or session.folder != folder.resolve():
        return None
    return session


def stop_all(why: str, seconds: float) -> None:
    """Stop every run of this process now, with everything saved, and wait for that at most `seconds`.

    Also for threads of runs that have ended: one that frees the memory of torch while Python ends aborts the process.
    """
    own = [each for each in list(_sessions.values()) if each.is_of_this_process]
    going_on = [each for each in own if not each.has_ended]
    for session in going_on:
        session.ask_to_stop(now=True, why=why)
    ends = time.monotonic() + seconds
    for session in going_on:
        session.wait(max(0.0, ends - time.monotonic()))
    for session in own:
        if session.thread not in (None, threading.current_thread()):
            session.thread.join(max(0.0, ends - time.monotonic()))
