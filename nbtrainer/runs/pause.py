"""The request to pause a run: a file in its folder, as a stop is; the run goes on when it is removed."""

from __future__ import annotations

from typing import Literal

from nbtrainer.disk import write_text
from nbtrainer.runs.directory import RunDirectory

PauseRequest = Literal["", "hold", "free"]


def request_pause(directory: RunDirectory, *, free_memory: bool) -> None:
    """Ask the run in `directory` to wait after its next steps; with `free_memory` without its network on the device.

    Raises `UserError` if the folder does not take the request.
    """
    write_text(directory.pause, "free" if free_memory else "hold")


def read_pause(directory: RunDirectory) -> PauseRequest:
    """What was asked of the run: nothing, to wait, or to wait without the memory of the device.

    Any file called `pause` is a request; one that does not say `free` means to wait as it is.
    """
    try:
        return "free" if directory.pause.read_bytes().strip() == b"free" else "hold"
    except OSError:  # mostly there is none; a drive that hangs is asked again soon
        return ""


def clear_pause(directory: RunDirectory) -> None:
    """Let the run go on. Raises `OSError` if the file cannot be removed."""
    directory.pause.unlink(missing_ok=True)
