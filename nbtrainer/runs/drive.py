"""Folders on a mounted drive (Google Drive, a file server), where each append may send the whole file again."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, Protocol

import psutil

_FILE_SYSTEMS = {"nfs", "nfs4", "cifs", "smb2", "smb3", "smbfs", "9p", "afpfs", "webdav", "macfuse", "osxfuse"}
# of a disk in this machine, for which Linux has a driver outside of its kernel
_LOCAL_FUSE = "fuseblk"
_COLAB = "/content/drive"
# each line of a journal holds a time: whose ends are equal are equal
_COMPARED_BYTES = 2**16


class MountedDisk(Protocol):
    """As `psutil.disk_partitions` lists them."""

    mountpoint: str
    fstype: str
    opts: str


def is_on_drive(folder: Path, partitions: Iterable[MountedDisk] | None = None) -> bool:
    """Whether `folder` lies on a drive, and this machine's folder for temporary files does not.

    Folders named in the environment variable NBTRAINER_DRIVES count as drives, too. `partitions`: those of this machine.
    """
    path = folder.resolve()
    named = [
        Path(name).resolve() for name in (_COLAB, *os.environ.get("NBTRAINER_DRIVES", "").split(os.pathsep)) if name
    ]
    if any(path.is_relative_to(drive) for drive in named):
        return True
    if str(path).startswith("\\\\"):  # \\server\share of Windows
        return True
    mounted = list(psutil.disk_partitions(all=True) if partitions is None else partitions)
    at = _disk_at(path, mounted)
    # where everything is such a drive, as in some containers, nothing is won
    return at is not None and _is_remote(at) and at != _disk_at(Path(tempfile.gettempdir()).resolve(), mounted)


def local_journal(path: Path) -> Path | None:
    """Where the journal `path` is written on this machine before it is copied; None where `path` is no drive's."""
    if not is_on_drive(path.parent):
        return None
    user = os.getuid() if hasattr(os, "getuid") else ""
    folder = Path(tempfile.gettempdir()) / f"nbtrainer-journals-{user}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        if user != "" and folder.lstat().st_uid != user:  # somebody else's
            return None
    except OSError:
        return None
    return folder / f"{hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:24]}.jsonl"


def is_beginning(copy: Path, of: BinaryIO) -> bool:
    """Whether the file `copy` holds what the journal `of` begins with; False if it is missing."""
    try:
        with copy.open("rb") as short:
            size = os.fstat(short.fileno()).st_size
            if size > os.fstat(of.fileno()).st_size:
                return False
            for file in (short, of):
                file.seek(max(0, size - _COMPARED_BYTES))
            return short.read() == of.read(min(size, _COMPARED_BYTES))
    except FileNotFoundError:
        return False


def _disk_at(path: Path, partitions: list[MountedDisk]) -> MountedDisk | None:
    around = [each for each in partitions if path.is_relative_to(each.mountpoint)]
    # of two at one place the later hides the earlier
    return max(reversed(around), key=lambda each: len(each.mountpoint), default=None)


def _is_remote(disk: MountedDisk) -> bool:
    kind = disk.fstype.lower()
    is_fuse = kind.startswith("fuse") and kind != _LOCAL_FUSE
    return kind in _FILE_SYSTEMS or is_fuse or "remote" in disk.opts.split(",")
