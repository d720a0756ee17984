"""What ends this process first stops its runs, with everything saved: SIGTERM, SIGHUP, and the end of a kernel or script."""

from __future__ import annotations

import atexit
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from nbtrainer.runs.session import stop_all

# SLURM and Kubernetes kill 30 seconds after SIGTERM, Docker 10, Jupyter 5; a checkpoint takes one or two
_SECONDS_TO_SAVE = 60.0

ENDING_SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name))


def stop_before_the_end() -> None:
    """From now on the runs of this process are stopped before it ends; called again, and in any thread, it may be.

    Signals can only be listened to from the main thread, and those that the user has taken or ignores (nohup) stay his.
    """
    global _is_registered
    if not _is_registered:
        _is_registered = True
        # before Python ends the threads that make batches, which it does before `atexit`
        register: Callable[..., Any] = getattr(threading, "_register_atexit", atexit.register)
        register(stop_all, "the program that trained it ended", _SECONDS_TO_SAVE)
    if threading.current_thread() is threading.main_thread():
        for number in ENDING_SIGNALS:
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, _stop_and_end)


def _stop_and_end(number: int, frame: FrameType | None) -> None:
    stop_all(f"the system ended it: {signal.Signals(number).name}", _SECONDS_TO_SAVE)
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


_is_registered = False
