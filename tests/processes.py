"""Processes that tests start."""

import signal
import sys


def usual_signals() -> dict[str, object]:
    """Options of `Popen`: under nohup and in the background of a shell, a process inherits that signals are ignored."""
    if sys.platform == "win32":
        return {}

    def reset() -> None:
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)

    return {"preexec_fn": reset}
