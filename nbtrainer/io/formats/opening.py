"""Opening an image file by its name, and keeping the last ones open."""

from __future__ import annotations

import errno
import importlib
import os
import threading
from collections import OrderedDict
from pathlib import Path

from nbtrainer.errors import DataError, UserError
from nbtrainer.io.formats.channels import open_channels
from nbtrainer.io.formats.chunk_cache import forget_all
from nbtrainer.io.formats.file_formats import FORMATS, FileFormat, channel_files, kind_of, split_inside, suffix_of
from nbtrainer.io.formats.file_version import version
from nbtrainer.io.formats.handles import put_all_away
from nbtrainer.io.formats.image_file import ImageFile
from nbtrainer.io.formats.magic_bytes import may_hold, suffix_by_content
from nbtrainer.io.formats.problems import damaged, no_pixels, not_inside, not_numbers, too_large

# numpy counts with 63 bits
_IMPOSSIBLE_BYTES = 2**62

# each may hold a handle, of which a process has about 1,000
_MOST_OPEN = 128

_kept: OrderedDict[tuple[str, bool, tuple[int, int]], ImageFile] = OrderedDict()
_lock = threading.Lock()


def open_image(path: Path, for_label: bool = False) -> ImageFile:
    """The image file at `path`, opened without reading its pixels; the last 128 are kept open until they change.

    In HDF5, zarr, npz, TIFF and microscopes' files the path may go on inside the file (`scan.h5/raw/volume`). What the
    file is decides its content, not its name. An image is read as viewers show it: palettes give colours, white may be
    zero. With `for_label` the numbers are read as they are stored, and of several arrays in a file the label is taken.
    Orientation tags are applied to both.

    Raises
    ------
    UserError
        If the file is missing, damaged, of an unknown kind, holds no plain numbers, or needs a library that is not
        installed. Damage that shows only in the pixels is raised when these are read.
    """
    path = Path(path)
    key = (os.path.abspath(path), for_label, version(path))
    with _lock:
        cached = _kept.get(key)
        if cached is not None:
            _kept.move_to_end(key)
            return cached
    opened = _open(path, for_label)
    with _lock:
        for stale in [other for other in _kept if other[:2] == key[:2]]:
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


def _open(path: Path, for_label: bool) -> ImageFile:
    files = channel_files(path)
    if files:
        return open_channels(path, files, [_open(file, for_label) for file in files])
    file, inside = split_inside(path)
    kind, note = _existing_kind(file)
    try:
        module = importlib.import_module(f"nbtrainer.io.formats.{kind.module}")
    except ImportError as error:
        if not kind.extra:
            raise
        raise DataError(
            str(path),
            f"{kind.suffixes[0]} files need a library that is not installed here ({error.name})",
            f'Install it with: pip install "nbtrainer[{kind.extra}]"',
        ) from None
    try:
        opened: ImageFile = module.open_file(file, inside, for_label)
    except UserError:
        raise
    except MemoryError:
        raise too_large(path, 0, "opening it") from None
    except OSError as error:
        raise _unreadable(path, error) from error
    except Exception as error:  # readers raise whatever a broken file makes them stumble over
        raise damaged(path, error) from error
    return _check_opened(path, opened).noting(note)


def _unreadable(path: Path, error: OSError) -> UserError:
    if error.errno in (errno.EACCES, errno.EPERM):
        return DataError(str(path), "this file may not be read by you", "Ask for permission to read it")
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return UserError(str(path), "too many files are open", "Close some, or raise the limit (ulimit -n)")
    return damaged(path, error)


def _existing_kind(file: Path) -> tuple[FileFormat, str]:
    """The kind of a file that is there, by its content where that can be told, and a note if its name says another."""
    kind = kind_of(file)
    if not os.path.lexists(file):
        beyond = next((parent for parent in file.parents if os.path.isfile(parent)), None)
        if beyond is not None:
            raise not_inside(beyond, file.relative_to(beyond).as_posix(), [])
        raise DataError(str(file), "there is no such file", "Check the path")
    if not os.path.exists(file):
        raise DataError(str(file), "this link leads nowhere", "Check where the file is")
    if os.path.isdir(file):
        if kind is None or kind.module != "zarr_arrays":
            raise DataError(str(file), "this is a folder, not a file", "Choose the file in it")
        return kind, ""
    if not os.path.isfile(file):
        # reading a pipe would wait for ever
        raise DataError(str(file), "this is no ordinary file", "Choose an image file")
    if os.path.getsize(file) == 0:
        raise DataError(str(file), "this file is empty (0 bytes)", "Copy or export it again")
    return _kind_by_content(file, kind)


def _kind_by_content(file: Path, kind: FileFormat | None) -> tuple[FileFormat, str]:
    try:
        name, suffix = suffix_by_content(file)
    except OSError as error:
        raise _unreadable(file, error) from None
    ending = suffix_of(file) or file.suffix
    name_says = f"its name ends with {ending}" if ending else "its name has no suffix"
    if suffix:
        file_format = kind_of(Path(f"image{suffix}"))
        assert file_format is not None
        fits = kind is file_format and (file_format.module != "png_jpeg" or (ending == ".png") == (suffix == ".png"))
        return file_format, "" if fits else f"{name_says}, but it is a {name}, and is read as one"
    if kind is not None and (not name or may_hold(kind.module, name=name)):
        return kind, ""
    known = ", ".join(suffix for kind in FORMATS for suffix in kind.suffixes if suffix.count(".") == 1)
    if name:
        raise DataError(str(file), f"this file cannot be read: it is a {name}", f"Save it as one of {known}")
    what = f"files of the kind {file.suffix!r}" if file.suffix else f"a file without a suffix ({file.name})"
    raise DataError(str(file), f"{what} cannot be read", f"Use one of {known}")


def _check_opened(path: Path, opened: ImageFile) -> ImageFile:
    if opened.dtype.kind not in "buif":
        raise not_numbers(path, opened.dtype)
    if len(opened.shape) < 2 or 0 in opened.shape:
        raise no_pixels(path, opened.shape)
    if opened.nbytes >= _IMPOSSIBLE_BYTES:
        raise damaged(path, f"it says that it is {' x '.join(f'{length:,}' for length in opened.shape)} pixels large")
    return opened
