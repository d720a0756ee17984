"""The request to stop a run: a file in its folder, so that every thread, process and kernel asks in one way."""

from __future__ import annotations

import os
import time
import uuid
from typing import Literal

from nbtrainer.errors import UserError
from nbtrainer.runs.directory import RunDirectory

StopRequest = Literal["", "validation", "now"]

# on Windows a file cannot be replaced while somebody reads it, which takes no time
_TRIES, _PAUSE_SECONDS = 20, 0.02


def request_stop(directory: RunDirectory, now: bool = False) -> None:
    """Ask the run in `directory` to stop: after its next validation, or `now`. Asking twice means now.

    Raises `UserError` if the folder is gone or does not take the request.
    """
    try:
        if not now and _asked_first(directory):
            return
        _ask_for_now(directory)
    except OSError as error:
        reason = "a folder has this name" if directory.stop.is_dir() else error.strerror or str(error)
        wrong = f"the request to stop cannot be written ({reason})"
        raise UserError(str(directory.stop), wrong, "Make room for it, or end the process that trains") from None


def read_stop(directory: RunDirectory) -> StopRequest:
    """What was asked of the run: nothing, to stop after the next validation, or now.

    Any file called `stop` is a request; one that does not say `now` means after the next validation.
    """
    try:
        return "now" if directory.stop.read_bytes().strip() == b"now" else "validation"
    except OSError:  # mostly there is none; a folder is no request, and a drive that hangs is asked again soon
        return ""


def clear_stop(directory: RunDirectory) -> None:
    """Forget what was asked of an earlier session; what cannot be removed, such as a folder, is left."""
    try:
        directory.stop.unlink(missing_ok=True)
    except OSError:
        if not directory.stop.is_dir():
            raise


def _asked_first(directory: RunDirectory) -> bool:
    try:
        with directory.stop.open("xb") as file:
            file.write(b"validation")
    except FileExistsError:
        return False
    return True


def _ask_for_now(directory: RunDirectory) -> None:
    # a name of its own: several threads and kernels may ask at once
    aside = directory.path / f"stop.{uuid.uuid4().hex}.new"
    try:
        aside.write_bytes(b"now")
        for left in reversed(range(_TRIES)):
            try:
                os.replace(aside, directory.stop)
                return
            except PermissionError:
                if not left or directory.stop.is_dir():
                    raise
                time.sleep(_PAUSE_SECONDS)
    finally:
        aside.unlink(missing_ok=True)
