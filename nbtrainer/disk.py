"""Asking the disk and writing to it, so that whatever it answers becomes a sentence for the user.

`Path.exists`, `iterdir`, `mkdir` ... raise for a folder that may not be entered, a name that is too long or holds a null
character, a lost network drive. What is written is written aside and renamed, so that nothing half-written bears a
final name.
"""

from __future__ import annotations

import errno
import json
import math
import os
import shutil
import stat
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from nbtrainer.disk_errors import _ABSENT, _WORDS, at_disk, disk_error
from nbtrainer.errors import UserError

# what a crash left beside a file is removed when that file is written again, unless it may still be in the making
_ABANDONED_SECONDS = 24 * 3600


if hasattr(errno, "EDQUOT"):
    _WORDS[errno.EDQUOT] = ("cannot be {done}: your share of the disk is used up", _WORDS[errno.ENOSPC][1])
if hasattr(errno, "EHOSTDOWN"):
    _WORDS[errno.EHOSTDOWN] = ("cannot be {done}: the network drive does not answer", "Connect it again")


def exists(path: Path, where: str = "") -> bool:
    """Whether there is anything at `path`; raises `UserError` where that cannot be told (a closed folder)."""
    return _status(path, where) is not None


def is_folder(path: Path, where: str = "") -> bool:
    """Whether `path` is a folder; raises as `exists`."""
    status = _status(path, where)
    return status is not None and stat.S_ISDIR(status.st_mode)


def is_file(path: Path, where: str = "") -> bool:
    """Whether `path` is an ordinary file, no device or pipe, of which reading might never end; raises as `exists`."""
    status = _status(path, where)
    return status is not None and stat.S_ISREG(status.st_mode)


def may_write(folder: Path) -> bool:
    """Whether files can be made in a folder, as far as that can be known without making one."""
    return os.access(folder, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids)


def list_folder(folder: Path, where: str = "") -> list[Path]:
    """What lies in `folder`; raises `UserError` where it cannot be seen."""
    with at_disk(folder, where=where, done="read"):
        return sorted(folder.iterdir())


def make_folder(folder: Path, where: str = "", *, exist_ok: bool = True) -> Path:
    """`folder`, made with those above it where it is missing; raises `UserError` where it cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=exist_ok)
    except FileExistsError as error:
        if not exist_ok:
            raise
        above = next((each for each in (folder, *folder.parents) if os.path.isfile(each)), folder)
        raise UserError(where or str(above), f"{above} is a file, not a folder", "Choose another folder") from error
    except (OSError, ValueError) as error:
        raise disk_error(error, folder, where=where, done="made") from error
    return folder


def file_below(folder: Path, name: str, *, by: str) -> Path:
    """The file `folder/name`, where `name` comes out of a file of somebody's (`by`): never one outside of `folder`.

    Raises `UserError` if `name` leads out of it, also by a link, or to no ordinary file.
    """
    with at_disk(folder / name if "\0" not in name else folder, done="read"):
        file, home = (folder / name).resolve(), folder.resolve()
    if not file.is_relative_to(home):
        raise UserError(
            str(folder / name),
            f"{by} names this file, which lies outside of {folder}, and is not read",
            "Copy it into the folder if you trust it",
        )
    if not is_file(file):
        raise UserError(str(folder / name), "there is no such file", "Was it moved?")
    return file


def read_text(path: Path, where: str = "", most_bytes: int = 2**28) -> str:
    """The text of a file in UTF-8, without the mark that Windows programs begin it with.

    Raises `UserError` if it is no text, no ordinary file (a pipe would wait for ever), or larger than `most_bytes`.
    """
    status = _status(path, where)
    at = where or str(path)
    if status is None:
        raise UserError(at, f"there is no file {path}" if where else "there is no such file", "Check the path")
    if not stat.S_ISREG(status.st_mode):
        raise UserError(at, f"{path} is no ordinary file" if where else "this is no ordinary file", "Choose a file")
    if status.st_size > most_bytes:
        wrong = f"it has {status.st_size / 1e6:,.0f} MB, and no such file has more than {most_bytes / 1e6:,.0f}"
        raise UserError(at, wrong, "Choose another file")
    with at_disk(path, where=where, done="read"):
        content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(at, "this is not a text file in UTF-8", "Save it as UTF-8 text") from None


def parse_json(text: str) -> Any:
    """`text` as JSON; raises `ValueError` for whatever is wrong with it, also nesting and numbers beyond all bounds."""
    try:
        value = json.loads(text)
        if "\\ud" in text.lower():  # half of a pair of surrogates is no character, and nothing can write it
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except UnicodeEncodeError:
        raise ValueError("a text in it holds half a character") from None
    return value


@contextmanager
def write_aside(target: Path, where: str = "", *, is_synced: bool = True) -> Iterator[Path]:
    """A path to write to in the place of `target`; takes its name when the block is left without an error.

    It has the name of `target` in a hidden folder beside it, and may become a file or a folder. Until then an older
    `target` stays; after an error nothing is left. `is_synced`: also a machine that loses its power leaves one whole.

    Raises
    ------
    UserError
        If the disk refuses anything: it is full, may not be written to ...
    """
    with at_disk(target, where=where, done="written"):
        final = target.resolve()  # a link stays one
        if final.exists() and not final.is_file() and not final.is_dir():  # /dev/stdout, a pipe
            yield final
            return
        _remove_abandoned(final)
        # the name may be as long as the disk allows: the folder's must not be longer
        aside = final.parent / f".{final.name[:24]}.{uuid.uuid4().hex[:12]}.part"
        try:
            aside.mkdir()
            yield aside / final.name
            if is_synced and (aside / final.name).is_file():
                _sync(aside / final.name)
            _rename(aside / final.name, final=final, aside=aside)
            if is_synced:
                _sync_folder(final.parent)
        except OSError as error:  # of the hidden folder the user knows nothing
            if isinstance(error.filename, str) and Path(error.filename).is_relative_to(aside):
                error.filename = str(final if aside.exists() else final.parent)
            raise
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def write_text(target: Path, text: str, *, where: str = "", is_synced: bool = True) -> Path:
    """Write `text` in UTF-8 to `target`, aside and renamed; raises `UserError` as `write_aside`."""
    with write_aside(target, where, is_synced=is_synced) as aside:
        aside.write_text(text, encoding="utf-8")
    return target


def write_json(target: Path, value: Any, where: str = "", *, is_synced: bool = True, **options: Any) -> Path:
    """Write `value` as JSON that every program reads: what is not a number (NaN, infinity) becomes null."""
    return write_text(target, to_json(value, **options) + "\n", where=where, is_synced=is_synced)


def to_json(value: Any, indent: int | None = 1, default: Callable[[Any], Any] | None = None) -> str:
    """`value` as JSON, null in the place of NaN and infinity, which JSON does not have."""
    return json.dumps(_finite(value), indent=indent, default=default, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float):  # numpy's float64 is one too
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def _status(path: Path, where: str) -> os.stat_result | None:
    """What `path` leads to; None if there is nothing."""
    try:
        return os.stat(path)
    except OSError as error:
        if error.errno in _ABSENT:
            return None
        raise disk_error(error, path, where=where, done="entered") from error
    except ValueError as error:
        raise disk_error(error, path, where=where, done="entered") from error


def _rename(made: Path, *, final: Path, aside: Path) -> None:
    if final.is_dir() and not made.is_dir():  # never a folder, with all that is in it, for a file
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(final))
    if final.is_dir():  # folders are not replaced: the old one steps aside
        os.replace(final, aside / "old")
        try:
            os.replace(made, final)
        except OSError:
            os.replace(aside / "old", final)
            raise
    else:
        os.replace(made, final)


def _sync(file: Path) -> None:
    with suppress(OSError), file.open("rb+") as opened:  # some network drives know no such thing
        os.fsync(opened.fileno())


def _sync_folder(folder: Path) -> None:
    """Let the new name of a file in `folder` survive a loss of power too; Windows does so by itself."""
    with suppress(OSError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def _remove_abandoned(final: Path) -> None:
    with suppress(OSError):
        start = f".{final.name[:24]}."
        for entry in os.scandir(final.parent):
            if entry.name.startswith(start) and entry.name.endswith(".part"):
                with suppress(OSError):
                    if time.time() - entry.stat().st_mtime > _ABANDONED_SECONDS:
                        shutil.rmtree(entry.path, ignore_errors=True)
