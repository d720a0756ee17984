"""Every answer of the disk as a sentence: what, where, and what to do."""

from __future__ import annotations

import errno
import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from nbtrainer.errors import ComputerError

P = ParamSpec("P")


R = TypeVar("R")


_ABSENT = {errno.ENOENT, errno.ENOTDIR}


_OF_A_PATH = {
    *_ABSENT,
    *(errno.EACCES, errno.EPERM, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTEMPTY),
    None,
}


_OF_WRITING = {errno.ENOSPC, errno.EFBIG, errno.EROFS, errno.EIO, getattr(errno, "EDQUOT", errno.ENOSPC)}


class DiskError(ComputerError):
    """What the disk refused; `errno` is its number, None where it has none."""

    errno: int | None = None

    @property
    def is_mistake(self) -> bool:  # type: ignore[override]
        """Whether another path would do: the one that was given is missing, taken, too long or another's."""
        return self.errno in _OF_A_PATH


_WORDS: dict[int, tuple[str, str]] = {
    errno.EACCES: ("may not be {done} by you", "Ask for permission, or choose another place"),
    errno.EPERM: ("may not be {done} by you", "Ask for permission, or choose another place"),
    errno.ENOENT: ("does not exist", "Check the path"),
    errno.ENOTDIR: ("lies below a file, not below a folder", "Check the path"),
    errno.EISDIR: ("is a folder, not a file", "Choose a file"),
    errno.EEXIST: ("exists already", "Choose another name"),
    errno.ENAMETOOLONG: ("is longer than this disk allows", "Choose a shorter name"),
    errno.ELOOP: ("is a link that leads in a circle", "Choose what the link should lead to"),
    errno.ENOSPC: ("cannot be {done}: the disk is full", "Free some space, or choose a place on another disk"),
    errno.EROFS: ("cannot be {done}: its disk can only be read", "Choose a place on another disk"),
    errno.EFBIG: ("cannot be {done}: it is larger than this disk allows", "Choose a place on another disk"),
    errno.EMFILE: ("cannot be {done}: too many files are open", "Close other programs, or raise the limit (ulimit -n)"),
    errno.ENFILE: ("cannot be {done}: too many files are open", "Close other programs, or raise the limit (ulimit -n)"),
    errno.EIO: ("cannot be {done}: the disk or the network drive reports an error", "Check the disk, then try again"),
    errno.ESTALE: ("cannot be {done}: the network drive was lost", "Connect it again"),
    errno.ETIMEDOUT: ("cannot be {done}: the network drive does not answer", "Connect it again"),
    errno.ENOTCONN: ("cannot be {done}: the drive is not connected", "Connect it again"),
    errno.ENODEV: ("cannot be {done}: its drive is gone", "Connect it again"),
    errno.ENXIO: ("cannot be {done}: its drive is gone", "Connect it again"),
    errno.EBUSY: ("cannot be {done}: another program uses it", "Close that program, then try again"),
    errno.ENOTEMPTY: ("holds something already", "Choose another name"),
}


# a drive that is away for a moment, as mounted ones are
DRIVE_TROUBLE = {
    getattr(errno, name)
    for name in (
        "EIO",
        "ESTALE",
        "ETIMEDOUT",
        "ENOTCONN",
        "ENODEV",
        "ENXIO",
        "EBUSY",
        "EAGAIN",
        "EHOSTDOWN",
        "EREMOTEIO",
    )
    if hasattr(errno, name)
}


# there is no room, on the disk or in the user's share of it
FULL = {getattr(errno, name) for name in ("ENOSPC", "EDQUOT") if hasattr(errno, name)}


def disk_error(
    error: OSError | ValueError, path: str | os.PathLike[str], *, where: str = "", done: str = "read"
) -> DiskError:
    """What `error` says of `path`, as a sentence at the setting `where` (none: at the path itself).

    `done` is what was tried: `read`, `entered`, `written`.
    """
    if isinstance(error, OSError) and isinstance(error.filename, str):  # the very folder that refused
        path = error.filename
    name = os.fspath(path).replace("\0", "\\0")
    name = name if len(name) <= 300 else f"{name[:140]} ... {name[-140:]}"
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, ValueError):  # the only ones that the disk's functions raise
        wrong = "holds a null character" if "\0" in os.fspath(path) else "holds characters that no path can have"
        remedy = "Check the path"
    elif number in _WORDS:
        wrong, remedy = _WORDS[number]
        wrong = wrong.format(done=done)
    else:
        reason = (error.strerror if isinstance(error, OSError) else "") or str(error) or type(error).__name__
        wrong, remedy = f"cannot be {done} ({reason})", "Check the path and the disk"
    refusal = DiskError(where, f"{name} {wrong}", remedy) if where else DiskError(name, f"it {wrong}", remedy)
    refusal.errno = number
    return refusal


def known_disk_error(error: OSError) -> DiskError | None:
    """What `error` says, where nobody knows what was tried; None if it is none that a user could mend."""
    if error.errno not in _WORDS:
        return None
    if isinstance(error.filename, str):
        return disk_error(error, error.filename, done="used")
    if error.errno not in _OF_WRITING:  # errors of writing do not say of which file
        return None
    return disk_error(error, "a file", done="written")


@contextmanager
def at_disk(path: str | os.PathLike[str], *, where: str = "", done: str = "read") -> Iterator[None]:
    """What the disk refuses within this block is told of `path`, as `disk_error` has it."""
    try:
        yield
    except OSError as error:
        raise disk_error(error, path, where=where, done=done) from error
    except ValueError as error:
        if "null" not in str(error) and not isinstance(error, UnicodeError):
            raise
        raise disk_error(error, path, where=where, done=done) from error


def in_sentences(function: Callable[P, R]) -> Callable[P, R]:
    """`function`, of which a refusal by the disk that nobody below explained is a `UserError` too."""

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except OSError as error:
            problem = known_disk_error(error)
            if problem is None:
                raise
            raise problem from error

    return wrapper
