"""The kinds of files that can be opened, and what their names say."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class FileFormat:
    """Files with one of `suffixes`, opened by `module` of this package: its `open_file(path, inside, for_label)`.

    With `goes_inside` a path may go on in the file: `file.h5/raw/volume`. With `extra`, reading needs the extra
    libraries of `pip install "nbtrainer[extra]"`.
    """

    suffixes: tuple[str, ...]
    module: str
    goes_inside: bool = False
    extra: str = ""


FORMATS = (
    FileFormat((".ome.tif", ".ome.tiff", ".tif", ".tiff", ".btf", ".tf8", ".lsm"), "tiff", goes_inside=True),
    FileFormat((".png", ".jpg", ".jpeg"), "png_jpeg"),
    FileFormat((".nii", ".nii.gz"), "nifti"),
    FileFormat((".h5", ".hdf5", ".hdf"), "hdf5", goes_inside=True),
    FileFormat((".ome.zarr", ".zarr", ".ome.zarr.zip", ".zarr.zip", ".zip"), "zarr_arrays", goes_inside=True),
    FileFormat((".npy",), "npy"),
    FileFormat((".npz",), "npz", goes_inside=True),
    FileFormat((".json",), "sections"),
    FileFormat((".czi",), "czi", goes_inside=True, extra="microscopy"),
    FileFormat((".lif",), "lif", goes_inside=True, extra="microscopy"),
    FileFormat((".nd2",), "nd2", goes_inside=True, extra="microscopy"),
    FileFormat((".mha", ".mhd"), "metaimage", extra="microscopy"),
    FileFormat((".nrrd", ".nhdr"), "nrrd", extra="microscopy"),
)

SUFFIXES = tuple(suffix for kind in FORMATS for suffix in kind.suffixes)

_CHANNELS = re.compile(r"(?P<base>[^{}]+)\{(?P<endings>[^{}]*\d)\}(?P<rest>\.[^{}]+)")
_BY_LENGTH = sorted(SUFFIXES, key=len, reverse=True)


def is_image(path: Path) -> bool:
    """Whether the name is that of a file that can be opened; nothing is read.

    A folder is one only if it is a zarr store; lists of sections (`.json`) are images too.
    """
    path = Path(path)
    if path.name.startswith("."):
        return False
    suffix = suffix_of(path)
    return bool(suffix) and (suffix.endswith(".zarr") or not os.path.isdir(path))


def stem(path: Path) -> str:
    """The name without its whole suffix: `scan` of scan.nii.gz, scan.ome.tif, scan.h5, or of files that are a channel each."""
    name = Path(path).name
    suffix = suffix_of(Path(path))
    if "{" in name and channel_files(Path(path)):
        return name[: name.index("{")]
    return name[: -len(suffix)] if suffix else Path(path).stem


def channel_files(path: Path) -> list[Path]:
    """The files, one a channel, that `x{_0000,_0001}.tif` stands for; none of an ordinary path, or if it exists itself."""
    match = _CHANNELS.fullmatch(path.name) if "{" in path.name else None
    if match is None or os.path.lexists(path):
        return []
    return [path.with_name(f"{match['base']}{ending}{match['rest']}") for ending in match["endings"].split(",")]


def suffix_of(path: Path) -> str:
    """The longest known suffix of the name, in small letters; empty if none is known."""
    name = path.name.lower()
    return next((suffix for suffix in _BY_LENGTH if name.endswith(suffix) and len(name) > len(suffix)), "")


def kind_of(path: Path) -> FileFormat | None:
    """The kind that the name says; None if it is unknown."""
    suffix = suffix_of(path)
    return next((kind for kind in FORMATS if suffix in kind.suffixes), None)


def split_inside(path: Path) -> tuple[Path, str]:
    """The file (or zarr folder) that `path` leads to, and how it goes on inside: (`x.h5`, `raw/volume`)."""
    for candidate in (*reversed(path.parents), path):
        kind = kind_of(candidate)
        # the first that is a container: what is in a zarr folder exists on the disk as well
        if kind is not None and kind.goes_inside and _holds(candidate):
            return candidate, path.relative_to(candidate).as_posix().removeprefix(".").strip("/")
    return path, ""


def _holds(candidate: Path) -> bool:
    return os.path.isfile(candidate) or (os.path.isdir(candidate) and suffix_of(candidate).endswith(".zarr"))
