"""Opening an image file by its name, and keeping the last ones open."""

from __future__ import annotations

import errno
import importlib
import os
import threading
from collections import OrderedDict
from pathlib import Path

from nbtrainer.data.formats.decoded import forget_all
from nbtrainer.data.formats.handles import put_all_away
from nbtrainer.data.formats.kinds import KINDS, Kind, kind_of, split_inside
from nbtrainer.data.formats.opened import Opened
from nbtrainer.data.formats.problems import damaged, no_pixels, not_inside, not_numbers, too_large
from nbtrainer.data.formats.version import version
from nbtrainer.errors import UserError

# numpy counts with 63 bits
_IMPOSSIBLE_BYTES = 2**62

# each may hold a handle, of which a process has about 1,000
_MOST_OPEN = 128

_kept: OrderedDict[tuple[str, tuple[int, int]], Opened] = OrderedDict()
_lock = threading.Lock()


def open_image(path: Path) -> Opened:
    """The image file at `path`, opened without reading its pixels; the last 128 are kept open until they change.

    In HDF5, zarr, npz and microscopes' files the path may go on inside the file (`scan.h5/raw/volume`).

    Raises
    ------
    UserError
        If the file is missing, damaged, of an unknown kind, holds no plain numbers, or needs a library that is not
        installed. Damage that shows only in the pixels is raised when these are read.
    """
    path = Path(path)
    key = (os.path.abspath(path), version(path))
    with _lock:
        found = _kept.get(key)
        if found is not None:
            _kept.move_to_end(key)
            return found
    opened = _open(path)
    with _lock:
        for stale in [other for other in _kept if other[0] == key[0]]:
            del _kept[stale]
        _kept[key] = opened
        while len(_kept) > _MOST_OPEN:
            # its handle is closed when nobody holds the array any more
            _kept.popitem(last=False)
    return opened


def close_all() -> None:
    """Let go of all files that are kept open."""
    with _lock:
        _kept.clear()
    put_all_away()


# a lock that another thread held in the parent would never open in the child
if hasattr(os, "register_at_fork"):

    def _after_fork() -> None:
        global _lock
        _lock = threading.Lock()
        forget_all()
        _kept.clear()

    os.register_at_fork(after_in_child=_after_fork)


def _open(path: Path) -> Opened:
    file, inside = split_inside(path)
    kind = _existing_kind(file)
    try:
        module = importlib.import_module(f"nbtrainer.data.formats.{kind.module}")
    except ImportError as error:
        if not kind.extra:
            raise
        raise UserError(
            str(path),
            f"{kind.suffixes[0]} files need a library that is not installed here ({error.name})",
            f'Install it with: pip install "nbtrainer[{kind.extra}]"',
        ) from None
    try:
        opened: Opened = module.open_file(file, inside) if kind.goes_inside else module.open_file(file)
    except UserError:
        raise
    except MemoryError:
        raise too_large(path, 0, "opening it") from None
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM):
            raise UserError(str(path), "this file may not be read by you", "Ask for permission to read it") from None
        if error.errno in (errno.EMFILE, errno.ENFILE):
            raise UserError(
                str(path), "too many files are open", "Close some, or raise the limit (ulimit -n)"
            ) from None
        raise damaged(path, error) from error
    except Exception as error:  # readers raise whatever a broken file makes them stumble over
        raise damaged(path, error) from error
    return _judged(path, opened)


def _existing_kind(file: Path) -> Kind:
    kind = kind_of(file)
    if not os.path.lexists(file):
        beyond = next((parent for parent in file.parents if os.path.isfile(parent)), None)
        if beyond is not None:
            raise not_inside(beyond, file.relative_to(beyond).as_posix(), [])
        raise UserError(str(file), "there is no such file", "Check the path")
    if kind is None:
        what = f"files of the kind {file.suffix!r}" if file.suffix else f"a file without a suffix ({file.name})"
        known = ", ".join(suffix for kind in KINDS for suffix in kind.suffixes if suffix.count(".") == 1)
        raise UserError(str(file), f"{what} cannot be read", f"Use one of {known}")
    if not os.path.exists(file):
        raise UserError(str(file), "this link leads nowhere", "Check where the file is")
    if os.path.isdir(file):
        if kind.module != "zarrs":
            raise UserError(str(file), "this is a folder, not a file", "Choose the file in it")
    elif not os.path.isfile(file):
        # reading a pipe would wait for ever
        raise UserError(str(file), "this is no ordinary file", "Choose an image file")
    elif os.path.getsize(file) == 0:
        raise UserError(str(file), "this file is empty (0 bytes)", "Copy or export it again")
    return kind


def _judged(path: Path, opened: Opened) -> Opened:
    if opened.dtype.kind not in "buif":
        raise not_numbers(path, opened.dtype)
    if len(opened.shape) < 2 or 0 in opened.shape:
        raise no_pixels(path, opened.shape)
    if opened.nbytes >= _IMPOSSIBLE_BYTES:
        raise damaged(path, f"it says that it is {' x '.join(f'{length:,}' for length in opened.shape)} pixels large")
    return opened
